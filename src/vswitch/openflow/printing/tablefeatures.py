"""Table features in text, also those that OpenFlow 1.0 to 1.2 tell with the statistics of tables.

Tables that are like the one before are folded ("tables 1...252: ditto"), and so are lists of names: those with a common
beginning share it ("eth_{src,dst}"), numbered ones become ranges ("reg0...reg15").
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from vswitch.flow.field import Field
from vswitch.flow.fields import FIELDS
from vswitch.flow.texts import hexadecimal
from vswitch.openflow.message import Dialect
from vswitch.openflow.messages.table import (
    OFPTC11_MISS_MASK,
    OFPTC14_EVICTION,
    OFPTC14_VACANCY_EVENTS,
    TableStats,
)
from vswitch.openflow.messages.tablefeatures import (
    ActionFeatures,
    Fields,
    InstructionFeatures,
    TableFeatures,
    TableFeaturesReply,
    TableFeaturesRequest,
)
from vswitch.openflow.printing.base import Style, prints
from vswitch.openflow.version import OF10, OF11, OF12, OF13, OF14

MISS = ("controller", "continue", "drop", "controller")  # enum ofp_table_config; the last is not defined
_UNDEFINED_MISS = 3

_MISS_VERSIONS = OF11, OF12  # the first and last that say what happens to packets that match nothing

# Instructions in the order in which they are printed, by number.
_INSTRUCTIONS = (
    *((6, "meter"), (4, "apply_actions"), (5, "clear_actions"), (3, "write_actions")),
    *((2, "write_metadata"), (1, "goto_table")),
)

_METER = 1 << 6  # which versions that tell features with statistics do not have
_KNOWN_INSTRUCTIONS = sum(1 << number for number, _ in _INSTRUCTIONS)

# Actions in the order in which they are printed, by number, for OpenFlow 1.1 and for what came after it.
_ACTIONS11 = (
    *(
        (0, "output"),
        (22, "group"),
        (1, "set_vlan_vid"),
        (2, "set_vlan_pcp"),
        (18, "strip_vlan"),
        (17, "push_vlan"),
    ),
    *((3, "mod_dl_src"), (4, "mod_dl_dst"), (5, "mod_nw_src"), (6, "mod_nw_dst"), (7, "mod_nw_tos")),
    *((8, "mod_nw_ecn"), (23, "mod_nw_ttl"), (9, "mod_tp_src"), (10, "mod_tp_dst"), (24, "dec_ttl")),
    *((13, "set_mpls_label"), (14, "set_mpls_tc"), (15, "set_mpls_ttl"), (16, "dec_mpls_ttl")),
    *((19, "push_mpls"), (20, "pop_mpls"), (21, "set_queue")),
)
_ACTIONS12 = (
    *(
        (0, "output"),
        (22, "group"),
        (25, "set_field"),
        (18, "strip_vlan"),
        (17, "push_vlan"),
        (23, "mod_nw_ttl"),
    ),
    *((24, "dec_ttl"), (15, "set_mpls_ttl"), (16, "dec_mpls_ttl"), (19, "push_mpls"), (20, "pop_mpls")),
    (21, "set_queue"),
)


@prints(TableFeaturesRequest, TableFeaturesReply)
def table_features(message: TableFeaturesRequest | TableFeaturesReply, dialect: Dialect, style: Style) -> str:
    """The command of the first table, and each table's features."""
    entries = ((table, None) for table in message.tables)
    text = "".join(format_tables(entries, dialect.version))
    if message.tables and message.tables[0].command:
        text = f"\n  command: {_COMMANDS[message.tables[0].command]}{text}"
    return text or "\n"


Entry = tuple[TableFeatures, TableStats | None]


def format_tables(tables: Iterable[Entry], version: int) -> Iterator[str]:
    """The text of tables and, unless None, their counters, which begins with a newline each; dittos are folded."""
    before: Entry | None = None
    dittos: list[int] = []
    for given, stats in tables:
        table = _printed(given, version)
        same_stats = stats is None or (
            before is not None and before[1] is not None and _equal(stats, before[1])
        )
        same = before is not None and _alike(table, before[0], version)
        if same and same_stats and not table.name:
            dittos.append(table.table_id)
        else:
            yield _fold(dittos)
            dittos = []
            yield _table(table, stats, before[0] if before else None, same and same_stats, version)
        before = table, stats
    yield _fold(dittos)


def _printed(table: TableFeatures, version: int) -> TableFeatures:
    """Without bits of instructions and actions that have no name, in which tables may differ unseen."""
    known = sum(1 << number for number, _ in _actions(version))

    def known_of(item: InstructionFeatures) -> InstructionFeatures:
        write = item.write.replace(actions=item.write.actions & known)
        instructions = item.instructions & _KNOWN_INSTRUCTIONS
        return item.replace(
            instructions=instructions,
            write=write,
            apply=item.apply.replace(actions=item.apply.actions & known),
        )

    return table.replace(
        capabilities=table.capabilities & (OFPTC14_EVICTION | OFPTC14_VACANCY_EVENTS | OFPTC11_MISS_MASK),
        flows=known_of(table.flows),
        miss=table.miss and known_of(table.miss),
    )


def _actions(version: int) -> tuple[tuple[int, str], ...]:
    return _ACTIONS11 if version == OF11 else _ACTIONS12


def _equal(one: TableStats, other: TableStats) -> bool:
    return _counters(one) == _counters(other)


def _counters(stats: TableStats) -> tuple[int, int, int]:
    return stats.active_count, stats.lookup_count, stats.matched_count


def _abilities(table: TableFeatures, but: int, version: int) -> TableFeatures:
    """What of the features makes tables differ, without going to table `but`.

    That are neither what is told of each table anyway nor which fields may be left out; nor, since OpenFlow 1.3, what
    happens to packets that miss.
    """
    miss = table.miss and _elsewhere(table.miss, but)
    untold = 0 if _tells_miss(version) else OFPTC11_MISS_MASK
    return table.replace(
        table_id=0,
        name="",
        command=0,
        has_properties=True,
        others=(),
        capabilities=table.capabilities & ~untold,
        wildcard=frozenset(),
        flows=_elsewhere(table.flows, but),
        miss=miss,
    )


def _elsewhere(item: InstructionFeatures, but: int) -> InstructionFeatures:
    return item.replace(next_tables=item.next_tables - {but})


def _alike(table: TableFeatures, before: TableFeatures, version: int) -> bool:
    """Whether a table can do what the one before could, which may go to this one."""
    return _abilities(table, table.table_id, version) == _abilities(before, table.table_id, version)


def _tells_miss(version: int) -> bool:
    return _MISS_VERSIONS[0] <= version <= _MISS_VERSIONS[1]


def _fold(dittos: Sequence[int]) -> str:
    if not dittos:
        return ""
    if dittos[0] == dittos[-1]:
        return f"\n  table {dittos[0]}: ditto\n"
    return f"\n  tables {dittos[0]}...{dittos[-1]}: ditto\n"


def _table(
    table: TableFeatures,
    stats: TableStats | None,
    before: TableFeatures | None,
    ditto: bool,
    version: int,
) -> str:
    text = f"\n  table {table.table_id}"
    if table.name:
        text += f' ("{table.name}")'
    if ditto:
        return f"{text}: ditto"
    text += ":\n"
    if stats is not None:
        active, lookup, matched = _counters(stats)
        text += f"    active={active}, lookup={lookup}, matched={matched}\n"
    if before is not None and _alike(table, before, version):
        nothing = not _tells_miss(version) and _alike(table, _NOTHING, version)
        return text if nothing else f"{text}    (same features)\n"
    told = version if stats is None else min(version, OF13)
    return text + "".join(_features(table, before, told))


_COMMANDS = ("replace", "modify", "enable", "disable")
_NOTHING = TableFeatures(0, metadata_match=0, metadata_write=0)


def _features(table: TableFeatures, before: TableFeatures | None, version: int) -> Iterator[str]:
    if table.metadata_match or table.metadata_write:
        yield f"    metadata: match={hexadecimal(table.metadata_match)} write={hexadecimal(table.metadata_write)}\n"
    if _tells_miss(version):
        yield f"    config={MISS[table.capabilities & OFPTC11_MISS_MASK]}\n"
    if version >= OF14:
        for bit, what in ((OFPTC14_EVICTION, "eviction"), (OFPTC14_VACANCY_EVENTS, "vacancy events")):
            yield f"    {what}: {'' if table.capabilities & bit else 'not '}supported\n"
    if table.max_entries:
        yield f"    max_entries={table.max_entries}\n"
    yield from _instructions(table, before, version)
    if table.match:
        if before is not None and (table.match, table.mask) == (before.match, before.mask):
            yield "    (same matching)\n"
        else:
            yield "    matching:\n"
            yield from _matching(table)


def _instructions(table: TableFeatures, before: TableFeatures | None, version: int) -> Iterator[str]:
    nothing = InstructionFeatures()
    if before is not None and _alike(
        _NOTHING.replace(table_id=table.table_id, flows=table.flows, miss=table.miss),
        _NOTHING.replace(flows=before.flows, miss=before.miss),
        version,
    ):
        if table.flows != nothing:
            yield "    (same instructions)\n"
        return
    flows_before = before.flows if before else None
    if table.miss is not None:
        miss_before = (before.miss or before.flows) if before else None
        yield "    instructions (other than table miss):\n"
        yield from _abilities_of(table.flows, flows_before, version)
        yield "    instructions (table miss):\n"
        yield from _abilities_of(table.miss, miss_before, version)
    elif table.flows != nothing:
        yield "    instructions (table miss and others):\n"
        yield from _abilities_of(table.flows, flows_before, version)


def _abilities_of(
    item: InstructionFeatures, before: InstructionFeatures | None, version: int
) -> Iterator[str]:
    if item.next_tables:
        yield f"      next tables: {','.join(_ranges(sorted(item.next_tables)))}\n"
    if item.instructions:
        if before is not None and item.instructions == before.instructions:
            yield "      (same instructions)\n"
        else:
            yield f"      instructions: {_names_of(item.instructions, _INSTRUCTIONS)}\n"
    same = before is not None and (item.write, item.apply) == (before.write, before.apply)
    if same and item.write.set_fields:
        yield "      (same actions)\n"
    elif item.write == item.apply:
        if item.write != ActionFeatures():
            yield "      Write-Actions and Apply-Actions features:\n"
            yield from _action_features(item.write, version)
    else:
        yield "      Write-Actions features:\n"
        yield from _action_features(item.write, version)
        yield "      Apply-Actions features:\n"
        yield from _action_features(item.apply, version)


def _action_features(item: ActionFeatures, version: int) -> Iterator[str]:
    words = _names_of(item.actions, _actions(version))
    if words:
        yield f"        actions: {words}\n"
    if item.set_fields:
        yield f"        supported on Set-Field: {format_fields(item.set_fields)}\n"


def _names_of(bits: int, names: Iterable[tuple[int, str]]) -> str:
    return " ".join(name for number, name in names if bits >> number & 1)


def _ranges(numbers: Sequence[int]) -> Iterator[str]:
    """`1-253`, `7` …"""
    start = 0
    for i, number in enumerate(numbers):
        if i + 1 == len(numbers) or numbers[i + 1] != number + 1:
            first = numbers[start]
            yield str(number) if first == number else f"{first}-{number}"
            start = i + 1


def _matching(table: TableFeatures) -> Iterator[str]:
    exact = table.match - table.mask
    for title, fields in (
        ("arbitrary mask", table.mask),
        ("exact match or wildcard", exact & table.wildcard),
        ("must exact match", exact - table.wildcard),
    ):
        if fields:
            yield f"      {title}: {format_fields(fields)}\n"


def format_fields(fields: Fields) -> str:
    """The names of fields, in the order of the table of fields, folded."""
    return " ".join(_folded([field.name for field in FIELDS if field in fields]))


_NUMBERED = re.compile(r"(.*?)(\d+)")


def _folded(names: Sequence[str]) -> Iterator[str]:
    """The names, of which neighbours with a common beginning up to an underscore share it."""
    at = 0
    while at < len(names):
        prefix = names[at].partition("_")[0] + "_"
        end = at
        while end < len(names) and names[end].startswith(prefix) and names[end] != prefix:
            end += 1
        if end - at > 1:
            yield f"{prefix}{{{','.join(_folded([name[len(prefix) :] for name in names[at:end]]))}}}"
            at = end
            continue
        end = _numbered_until(names, at)
        yield names[at] if end - at == 1 else f"{names[at]}...{names[end - 1]}"
        at = end


def _numbered_until(names: Sequence[str], at: int) -> int:
    """Where the run of names ends that are numbered from `names[at]` on."""
    first = _NUMBERED.fullmatch(names[at])
    if first is None:
        return at + 1
    word, number, end = first[1], int(first[2]), at + 1
    while end < len(names) and names[end] == f"{word}{number + end - at}":
        end += 1
    return end if end - at > 2 else at + 1


# Bits of OpenFlow 1.0's wildcards (OFPFW10_*) and of OpenFlow 1.1's fields (OFPFMF11_*), by the fields that they mean.
# fmt: off
_FIELDS10: Mapping[str, int] = {
    "in_port": 1 << 0, "vlan_vid": 1 << 1, "eth_src": 1 << 2, "eth_dst": 1 << 3, "eth_type": 1 << 4,
    "nw_proto": 1 << 5, "tcp_src": 1 << 6, "tcp_dst": 1 << 7, "ip_src": 63 << 8, "ip_dst": 63 << 14,
    "vlan_pcp": 1 << 20, "nw_tos": 1 << 21,
}
_FIELDS11: Mapping[str, int] = {
    "in_port": 1 << 0, "vlan_vid": 1 << 1, "vlan_pcp": 1 << 2, "eth_type": 1 << 3, "nw_tos": 1 << 4,
    "nw_proto": 1 << 5, "tcp_src": 1 << 6, "tcp_dst": 1 << 7, "mpls_label": 1 << 8, "mpls_tc": 1 << 9,
    "eth_src": 1 << 11, "eth_dst": 1 << 12, "ip_src": 1 << 13, "ip_dst": 1 << 14, "metadata": 1 << 15,
}
# fmt: on
_OXM = re.compile(r"\bOXM_OF_\w+\((\d+)\) OF1\.2")
_FIELDS12: Mapping[str, int] = {
    field.name: 1 << int(code[1]) for field in FIELDS if (code := _OXM.search(field.codes))
}


def _fields(bits: int, names: Mapping[str, int]) -> frozenset[Field]:
    return frozenset(FIELDS[name] for name, mask in names.items() if bits & mask)


def features_of(stats: TableStats, version: int) -> TableFeatures:
    """The features that the statistics of a table tell until OpenFlow 1.2, with its miss policy as capabilities."""
    names = _FIELDS10 if version == OF10 else _FIELDS11 if version == OF11 else _FIELDS12
    wildcard = _fields(stats.wildcards, names)
    miss = stats.config & OFPTC11_MISS_MASK
    # Open vSwitch's tools show it so.
    applied = stats.write_actions if version == OF11 else stats.apply_actions
    match = wildcard if version == OF10 else _fields(stats.match, names) | wildcard
    return TableFeatures(
        stats.table_id,
        stats.name,
        stats.metadata_match,
        stats.metadata_write,
        miss if miss != _UNDEFINED_MISS else 0,
        stats.max_entries,
        InstructionFeatures(
            stats.instructions & ~_METER,
            frozenset(),
            ActionFeatures(stats.write_actions, _fields(stats.write_setfields, _FIELDS12)),
            ActionFeatures(applied, _fields(stats.apply_setfields, _FIELDS12)),
        ),
        None,
        match,
        wildcard,
    )


def features_told(version: int) -> bool:
    """Whether statistics of tables tell features in `version`."""
    return version <= OF12
