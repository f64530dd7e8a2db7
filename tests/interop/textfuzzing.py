"""Differential fuzzing of texts: what the peer's `ovs-ofctl` makes of them, and what we make of them.

    python -m tests.interop.textfuzzing [SECONDS [SEED [KIND...]]]

Each case is a command line and standard input; compared are exit status, output and complaints, those in the log
included.  The peer takes 4 ms for one, we take less in this process.
"""

from __future__ import annotations

import contextlib
import io
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from random import Random
from typing import NamedTuple

from tests.interop.daemons import program
from tests.interop.textgrammar import Texts
from vswitch.base.errors import TextError
from vswitch.base.log import LOG
from vswitch.cli.ofctl.main import main as ofctl
from vswitch.openflow.actions.base import encode_actions
from vswitch.openflow.actions.text import parse_actions
from vswitch.openflow.errors import OpenFlowError
from vswitch.openflow.flowtext import parse_flow_mod
from vswitch.openflow.instructions import encode_instructions
from vswitch.openflow.match10 import encode_match10
from vswitch.openflow.match11 import encode_match11

QUIET = ("-vPATTERN:console:%c|%p|%m", "-vsyslog:off")  # log lines without their time
NOBODY = "unix:/nonexistent/socket"  # a switch: what is wrong with a text is said before it is looked for
VERSIONS = tuple(f"OpenFlow1{i}" for i in range(6))
_FORMATS = (
    "any",
    "OpenFlow10",
    "NXM",
    "OXM",
    "NXM+table_id",
    "OpenFlow11",
    "OXM-OpenFlow13",
    "OXM-OpenFlow15",
)


class Case(NamedTuple):
    """A command line and what it reads."""

    words: tuple[str, ...]
    stdin: str = ""


class Said(NamedTuple):
    """What came of it."""

    status: int
    output: str
    complaint: str


class Different(NamedTuple):
    """A difference that stays: cases in which `text` is found are passed over."""

    reason: str
    text: re.Pattern[str]


def _named(reason: str, text: str) -> Different:
    return Different(reason, re.compile(text))


# What stays different, and why; docs/compat.md tells users.
EXCEPTIONS = (
    _named(
        "a mask of set_field, where OpenFlow 1.0 and 1.1 have an action without one: the peer forgets it",
        r"set_field:[^,]*/[^,]*->(eth|dl|ip|nw|tcp|udp|tp|vlan)_",
    ),
    _named(
        "fields without a type in actions and groups: the peer sends a message that cannot be read, or another field",
        r"(action|fields).*(?<![\w.])(dl_vlan|dl_vlan_pcp|skb_priority|tun_ttl|tun_tos)\b",
    ),
    _named(
        "restrictions to some flow formats: the peer forgets those before a list inside an action or bucket",
        r"(set_field|set_vlan|push_vlan|meter|encap|write_metadata|\bload).*(clone|exec|write_actions)",
    ),
    _named(
        "raw tunnel options: the peer shows other bytes than it sends", r"-mmmmm.*tun_metadata|TUN_METADATA"
    ),
    _named(
        "values with more bits than the field: the peer sends them", r"ipv6_label|tun_erspan_ver|erspan_ver"
    ),
    _named(
        "what is learned from an experimenter's field: the peer writes a type of zeros",
        r"learn.*(erspan|gtpu|nsh|actset_output|NXOXM|ERSPAN|GTPU|NSH|ACTSET)",
    ),
    _named(
        "a quote that does not end in a table's name: the peer takes what is in its memory",
        r"(resubmit|table|goto_table)[^,]*,?\"[^\",]*(\)|$)",
    ),
    _named("what looks like an option", r"(^| )-(?!O |F |m+ |-strict|-no-names|- | )"),
    _named(
        "actions that an action set cannot have: the peer finds an unknown type",
        r"parse-instructions .*0003|write_actions\(.*clone",
    ),
    _named(
        "resubmit to the same table of a tracked packet: the peer does not show that it is tracked",
        r"resubmit\([^,]+,(255)?,ct|0000 ?2320 ?002c ?.{4,5}ff|00 00 23 20 00 2c .{5} ff",
    ),
    _named(
        "NSH in bytes: the peer gives the property back shorter than it came",
        r"002e00000001894f|00 2e 00 00 00 01 89 4f",
    ),
    _named("ct_nw_proto of 0: the peer forgets it", r"ct_nw_proto[=:] *0*(x0*)?(?!\w)|NW_PROTO\w*\(00"),
    _named("two protocols of a connection: the peer runs complaints together", r"ct_nw_proto=.*ct_nw_proto="),
    _named(
        "a number for the first of several buckets: the peer may give it to another, too, and refuse both",
        r"bucket=(?:(?!bucket=).)*?bucket_id.*bucket=",
    ),
    _named("a packet type in learn: the peer shows its name twice", r"learn.*packet_type"),
    _named(
        "parts of ERSPAN and GTP-U as entries: the peer takes the value for a mask",
        r"GTPU_|ERSPAN_|(gtpu_(flags|msgtype)|erspan_(dir|hwid))[=:]",
    ),
    _named("the peer, 3.1, does not have the field", r"OXM_OF_PKT_REG([89]|1\d)|XXREG[4-7]|xxreg[4-7]"),
)
# What is passed over in all cases: what the peer logs about messages that it cannot read, and a name that it forgot.
OF_DECODING = re.compile(
    r"^(?:(?:ofp_actions|ofp_flow|nx_match|ofp_group|meta_flow|bundle)\|.*|ofp_port\|.* through 65279 or .*|[0-9a-f]{8}  .*)\n",
    re.MULTILINE,
)
_READS_BYTES = frozenset(("parse-actions", "parse-instructions", "parse-nxm", "parse-nx-match", "parse-oxm"))


def excepted(case: Case) -> str:
    """Why the peer and we say different things of a case; empty: they must not."""
    text = f"{' '.join(case.words)} {case.stdin}"
    return next((each.reason for each in EXCEPTIONS if each.text.search(text)), "")


def comparable(case: Case, said: Said) -> Said:
    """Without what is passed over."""
    complaint = said.complaint.replace("invalid (null)", "invalid pkt_len")
    if said.output or _READS_BYTES.intersection(case.words):
        complaint = OF_DECODING.sub("", complaint)
    return said._replace(complaint=complaint)


def theirs(case: Case) -> Said:
    """What the peer says."""
    command = [program("peer", "ovs-ofctl"), *QUIET, *case.words]
    done = subprocess.run(
        command,
        input=case.stdin.encode("utf-8", "surrogateescape"),
        capture_output=True,
        timeout=60,
        check=False,
    )
    return Said(
        done.returncode, *(text.decode("utf-8", "surrogateescape") for text in (done.stdout, done.stderr))
    )


def ours(case: Case) -> Said:
    """What we say."""
    output, complaint, before = io.StringIO(), io.StringIO(), sys.stdin
    LOG.sinks.clear()
    try:
        sys.stdin = io.StringIO(case.stdin)
        with contextlib.redirect_stdout(output), contextlib.redirect_stderr(complaint):
            status = ofctl([*QUIET, *case.words])
    finally:
        sys.stdin = before
    return Said(status, output.getvalue(), complaint.getvalue())


def _versions(rng: Random) -> tuple[str, ...]:
    """Options about versions and formats."""
    match rng.randrange(8):
        case 0 | 1 | 2:
            return ("-O", rng.choice(VERSIONS))
        case 3:
            return ("-F", rng.choice(_FORMATS), "-O", ",".join(VERSIONS))
        case 4:
            return ("-mmmmm", "-O", rng.choice(VERSIONS))
        case 5:
            return ("-mmmmm", "-O", ",".join(VERSIONS))
        case _:
            return ()


def _flow(rng: Random) -> Case:
    return Case((*_versions(rng), "parse-flow", Texts(rng, rng.choice((0.6, 0.95))).flow()))


def _flows(rng: Random) -> Case:
    texts, lines = Texts(rng, 0.98), []
    for _ in range(rng.randint(1, 4)):
        command = rng.choice(
            (
                "",
                "",
                "add ",
                "modify ",
                "delete ",
                "modify_strict ",
                "delete_strict ",
                "add,",
                "x ",
                "  delete,",
            )
        )
        lines.append(
            command + (texts.match() if "delete" in command and rng.random() < 0.8 else texts.flow())
        )
        if rng.random() < 0.2:
            lines.append(rng.choice(("", "# comment", "   ", "#", lines[-1] + " # more")))
    return Case((*_versions(rng), "parse-flows", "-"), rng.choice(("\n", "\n", "\r\n")).join(lines))


def _group(rng: Random) -> Case:
    return Case((*_versions(rng), "parse-group", Texts(rng, rng.choice((0.7, 0.95))).group()))


def _groups(rng: Random) -> Case:
    texts = Texts(rng, 0.95)
    commands = (
        "",
        "add ",
        "modify ",
        "add_or_mod ",
        "delete ",
        "insert_bucket ",
        "remove_bucket ",
        "insert_buckets ",
        "x ",
        "add,",
    )
    ends = ("", "", " # more", "\r")
    lines = [rng.choice(commands) + texts.group() + rng.choice(ends) for _ in range(rng.randint(1, 3))]
    return Case(("-O", rng.choice(VERSIONS), "--no-names", "add-groups", NOBODY, "-"), "\n".join(lines))


def _key_value(rng: Random) -> Case:
    texts = Texts(rng)
    words = (texts.damaged(texts.actions(), 0.7) for _ in range(rng.randint(1, 2)))
    return Case(("parse-key-value", "--", *words))


def _entries(rng: Random) -> Case:
    command = rng.choice((("parse-nxm",), ("parse-nx-match",), ("parse-oxm", rng.choice(VERSIONS[2:]))))
    options = rng.choice(((), ("-m",), ("--strict",), ("--strict", "-m")))
    texts = Texts(rng)
    lines = [
        rng.choice((texts.entries, texts.entries, lambda: rng.choice(("", "# x", "<any>", " ", "a # b"))))()
        for _ in range(3)
    ]
    return Case((*options, *command), "\n".join(lines))


def _bytes(rng: Random, data: bytes) -> str:
    """Hexadecimal digits, sometimes wrong."""
    digits = data.hex(" ") if data and rng.random() < 0.2 else data.hex()
    return Texts(rng).damaged(digits, 0.1)


def _actions(rng: Random) -> Case:
    texts, version = Texts(rng, 0.97), rng.randrange(6)
    command = rng.choice(("parse-actions", "parse-instructions"))
    lines = []
    for _ in range(3):
        try:
            actions = parse_actions(texts.actions())
            encode = encode_actions if command == "parse-actions" or not version else encode_instructions
            data = encode(version + 1, actions)
        except (TextError, OpenFlowError):
            continue
        table = rng.choice(("", "", "1,", "254,", "x,")) if command == "parse-instructions" else ""
        lines.append(table + _bytes(rng, data))
    return Case((command, VERSIONS[version]), "\n".join(lines))


def _legacy(rng: Random) -> Case:
    encode, command = rng.choice(
        ((encode_match10, "parse-ofp10-match"), (encode_match11, "parse-ofp11-match"))
    )
    lines = []
    for _ in range(3):
        try:
            lines.append(
                _bytes(rng, encode(parse_flow_mod(f"{Texts(rng, 0.95).match()},actions=drop").match))
            )
        except TextError:
            continue
    return Case((command,), "\n".join(lines))


def _meter(rng: Random) -> Case:
    command = rng.choice(("add-meter", "mod-meter", "del-meter", "dump-meter", "meter-stats"))
    return Case(
        ("-O", rng.choice(VERSIONS), command, NOBODY, Texts(rng, rng.choice((0.6, 0.95))).meter(command))
    )


def _packet_out(rng: Random) -> Case:
    return Case(
        ("-O", rng.choice(VERSIONS), "--no-names", "packet-out", NOBODY, Texts(rng, 0.9).packet_out())
    )


def _query(rng: Random) -> Case:
    command = rng.choice(("dump-flows", "del-flows", "mod-flows", "add-flow", "dump-aggregate"))
    options = rng.choice(((), ("--strict",), ("-F", rng.choice(_FORMATS))))
    texts = Texts(rng, 0.9)
    text = texts.flow() if command in ("mod-flows", "add-flow") else texts.damaged(texts.match())
    return Case((*options, "--no-names", "-O", rng.choice(VERSIONS), command, NOBODY, text))


def _tunnel_options(rng: Random) -> Case:
    return Case((rng.choice(("add-tlv-map", "del-tlv-map")), NOBODY, Texts(rng, 0.8).tunnel_options()))


def _ct_flush(rng: Random) -> Case:
    return Case(("ct-flush", NOBODY, *Texts(rng, 0.8).connections()))


KINDS: Mapping[str, Callable[[Random], Case]] = {
    "flow": _flow,
    "flows": _flows,
    "group": _group,
    "groups": _groups,
    "meter": _meter,
    "packet-out": _packet_out,
    "query": _query,
    "actions": _actions,
    "entries": _entries,
    "legacy": _legacy,
    "tunnel-options": _tunnel_options,
    "ct-flush": _ct_flush,
    "key-value": _key_value,
}


def cases(rng: Random, number: int, kinds: Sequence[str] = ()) -> Iterator[Case]:
    """Cases of each kind by turns."""
    makers = [KINDS[kind] for kind in kinds or KINDS]
    for i in range(number):
        case = makers[i % len(makers)](rng)
        if not excepted(case):
            yield case


def differences(some: Iterator[Case]) -> Iterator[tuple[Case, Said, Said]]:
    """Cases of which the peer and we say different things, with what both say."""
    for case in some:
        they, we = comparable(case, theirs(case)), comparable(case, ours(case))
        if they != we:
            yield case, they, we


def shown(case: Case, they: Said, we: Said) -> str:
    """A difference, for people."""
    text = f"--- {' '.join(map(repr, case.words))} {case.stdin!r}\n"
    for name, mine, yours in zip(Said._fields, they, we, strict=True):
        if mine != yours:
            text += f"{name}: {str(mine).strip()}\n   +++: {str(yours).strip()}\n"
    return text


def main(seconds: float = 60, seed: int | None = None, kinds: Sequence[str] = ()) -> None:
    """Fuzz for `seconds` and show each difference."""
    seed = time.time_ns() % (1 << 32) if seed is None else seed
    rng, number, n_different = Random(seed), 0, 0
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        batch = list(cases(rng, 20, kinds))
        number += len(batch)
        for difference in differences(iter(batch)):
            n_different += 1
            sys.stdout.write(shown(*difference))
    sys.stdout.write(f"{number} texts, {n_different} differences, seed {seed}\n")


if __name__ == "__main__":
    arguments = sys.argv[1:]
    main(
        float(arguments[0]) if arguments else 60,
        int(arguments[1]) if len(arguments) > 1 else None,
        arguments[2:],
    )
