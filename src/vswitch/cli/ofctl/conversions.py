"""Commands that show how matches, actions and instructions are on the wire: each line of input, there and back.

They read standard input.  Of what is given in hexadecimal they print the meaning, and each byte that comes back
different: what the switch would not remember.

Sources: `ovs-ofctl parse-nxm` and its like.
"""

from __future__ import annotations

from collections.abc import Iterator
from random import choice

from vswitch.base.digits import parse_decimal
from vswitch.base.errors import TextError
from vswitch.base.options import CommandError, Given
from vswitch.cli.ofctl.lines import preprocessed, stdin, test_lines
from vswitch.cli.ofctl.table import command
from vswitch.flow.fields import PACKET_TYPE, VLAN_TCI
from vswitch.flow.match import Match, parse_match
from vswitch.flow.normalize import normalize, tell_normal
from vswitch.openflow.actions.base import Action, check_span, decode_actions, encode_actions, format_actions
from vswitch.openflow.actions.check import check_actions
from vswitch.openflow.errors import BadInstruction, BadRequest, OpenFlowError
from vswitch.openflow.instructions import decode_instructions, encode_instructions, rank
from vswitch.openflow.match10 import MATCH10_SIZE, as_given10, decode_match10, encode_match10
from vswitch.openflow.match11 import MATCH11_SIZE, decode_match11, encode_match11
from vswitch.openflow.oxmtext import format_entries, parse_entries, take_hex
from vswitch.openflow.printing.base import hex_dump, tell_error
from vswitch.openflow.version import OF10, OF12, Version, parse_version
from vswitch.openflow.wirematch import (
    decode_entries,
    decode_match,
    encode_entries,
    encode_match,
    encode_nxm,
)

_OXM_HEAD = 4  # bytes before the entries of an OXM match


# Entries.


@command("parse-nx-match")
def parse_nx_match(given: Given) -> Iterator[str]:
    """NXM entries, as they come back."""
    return _entries(given, None)


@command("parse-nxm")
def parse_nxm(given: Given) -> Iterator[str]:
    """NXM entries, as they come back."""
    return _entries(given, None)


@command("parse-oxm", "VERSION")
def parse_oxm(given: Given, version: str) -> Iterator[str]:
    """OXM entries, as they come back in a version."""
    number = parse_version(version)
    if number is None or number < OF12:
        raise CommandError(f"{version}: not a valid version for OXM")
    return _entries(given, number)


def _entries(given: Given, version: Version | None) -> Iterator[str]:
    verbose, loose = "more" in given, "strict" not in given
    for line in test_lines(stdin()):
        data = parse_entries(line)
        try:
            match, cookie, mask = decode_entries(data, 0, len(data), loose, cookies=version is None)
        except OpenFlowError as error:
            tell_error(error)
            yield f"nx_pull_match() returned error {error.code.name}"
            continue
        if version is None:
            entries = encode_nxm(match, cookie, mask)
            sent = entries.ljust(-(-len(entries) // 8) * 8, b"\0")
        else:
            sent, entries = encode_match(version, match), encode_entries(match, version)
        yield format_entries(entries)
        if verbose and sent:
            yield hex_dump(sent, characters=False).rstrip("-\n")


# Matches of OpenFlow 1.0 and 1.1.


@command("parse-ofp10-match")
def parse_ofp10_match(given: Given) -> Iterator[str]:
    """What matches of OpenFlow 1.0 mean; `x` is a digit that does not matter and comes back as 0."""
    for line in preprocessed(stdin()):
        digits = [c if c != "x" else choice("0123456789abcdef") for c in line]
        match = as_given10(_hex("".join(digits), MATCH10_SIZE))
        expected, back = _hex(line.replace("x", "0"), MATCH10_SIZE), encode_match10(match)
        yield str(match)
        yield from differences(expected, back)
        normal = normalize(match)
        if normal is not match:
            tell_normal(match, normal)
            yield from (f"normal: {line}" for line in differences(back, encode_match10(normal)))
        yield ""


@command("parse-ofp11-match")
def parse_ofp11_match(given: Given) -> Iterator[str]:
    """What matches of OpenFlow 1.1 mean."""
    for line in preprocessed(stdin()):
        data = _hex(line, MATCH11_SIZE)
        try:
            match = decode_match11(data, 0)
        except OpenFlowError as error:
            yield f"bad ofp11_match: {error.code.name}\n"
            continue
        yield from _there_and_back(str(match), data, encode_match11(match))


def _hex(text: str, size: int) -> bytes:
    """The bytes whose digits `text` is; `size` of them, unless that is 0."""
    data, rest = take_hex(text)
    if rest.strip():
        raise CommandError("Trailing garbage in hex data")
    if size and len(data) != size:
        raise CommandError(f"Input is {len(data)} bytes, expected {size}")
    return data


def _there_and_back(meaning: str, before: bytes, after: bytes) -> Iterator[str]:
    yield meaning
    yield from differences(before, after)
    yield ""


def differences(before: bytes, after: bytes) -> Iterator[str]:
    """The bytes that are not the same, by their offsets."""
    for at in range(max(len(before), len(after))):
        old, new = before[at : at + 1].hex() or "(none)", after[at : at + 1].hex() or "(none)"
        if old != new:
            yield f"{at:2}: {old} -> {new}"


# Actions and instructions.


@command("parse-actions", "VERSION")
def parse_actions(given: Given, version: str) -> Iterator[str]:
    """What actions mean."""
    return _actions(version, "actions")


@command("parse-instructions", "VERSION")
def parse_instructions(given: Given, version: str) -> Iterator[str]:
    """What instructions mean, for a flow of the table whose number may be before them."""
    return _actions(version, "instructions")


def _actions(text: str, what: str) -> Iterator[str]:
    version = _version(text)
    instructions = what == "instructions" and version > OF10
    for line in preprocessed(stdin()):
        table, comma, digits = line.partition(",")
        data = _hex(digits if comma else line, 0)
        try:
            if not data:
                raise OpenFlowError(BadInstruction.BAD_LEN if instructions else BadRequest.BAD_LEN)
            if instructions:
                check_span(len(data), len(data), "instructions", BadInstruction.BAD_LEN)
            else:
                check_span(len(data), len(data))
            actions = (decode_instructions if instructions else decode_actions)(version, data)
            if what == "actions" and any(rank(item) > rank(Action()) for item in actions):
                raise OpenFlowError(BadInstruction.UNSUP_INST)
            if what == "instructions":
                check_actions(actions, Match(), parse_decimal(table) or 0 if comma else 0, version)
        except OpenFlowError as error:
            tell_error(error)
            yield f"bad {text} {what}: {error.code.name}\n"
            continue
        encoded = encode_instructions(version, actions) if instructions else encode_actions(version, actions)
        yield from _there_and_back(f"actions={format_actions(actions)}", data, encoded)


def _version(text: str) -> Version:
    version = parse_version(text)
    if version is None:
        raise CommandError(f"{text}: not a valid OpenFlow version")
    return version


# Matches on VLAN tags, which every form says in another way.


@command("check-vlan", "TCI MASK")
def check_vlan(given: Given, tci: str, mask: str) -> Iterator[str]:
    """A match on a tag in each form, and what comes back; TCI and MASK in hexadecimal."""
    bits = _digits(mask)
    match = Match().where(VLAN_TCI, _digits(tci) & bits, bits).without(PACKET_TYPE)
    text = str(match)
    try:
        yield f"{text} -> {_tci(parse_match(text))}"
    except TextError as error:
        raise CommandError(str(error)) from None
    nxm, oxm = encode_nxm(match), encode_match(OF12, match)
    yield f"NXM: {format_entries(nxm)} -> {_tci(decode_entries(nxm, 0, len(nxm), False)[0])}"
    back, _ = decode_match(OF12, oxm, 0)
    entries = oxm[_OXM_HEAD : int.from_bytes(oxm[2:4], "big")]
    number, known = VLAN_TCI.get(back.value), VLAN_TCI.get(back.mask)
    priority = f"{number >> 13:02x}" if number & 0x1FFF and known >> 13 else "--"
    yield f"OXM: {format_entries(entries)} -> {number & 0x1FFF:04x}/{known & 0x1FFF:04x},{priority}"
    yield f"OF1.0: {_legacy(encode_match10(match), 0, 18)} -> {_tci(decode_match10(encode_match10(match)))}"
    match11 = encode_match11(match)
    yield f"OF1.1: {_legacy(match11, 8, 36)} -> {_tci(decode_match11(match11, 0))}"


def _digits(text: str) -> int:
    """A number of 16 bits in hexadecimal, as strtoul(3) reads it: up to what is no digit."""
    digits = text.strip().lower().removeprefix("0x")
    while digits and not all(c in "0123456789abcdef" for c in digits):
        digits = digits[:-1]
    return int(digits or "0", 16) & 0xFFFF


def _tci(match: Match) -> str:
    return f"{VLAN_TCI.get(match.value):04x}/{VLAN_TCI.get(match.mask):04x}"


def _legacy(data: bytes, wildcards_at: int, vlan_at: int) -> str:
    """Tag and priority as the structures of OpenFlow 1.0 and 1.1 have them, each with its wildcard."""
    wildcards = int.from_bytes(data[wildcards_at : wildcards_at + 4], "big")
    vlan_bit, priority_bit = (1 << 1, 1 << 20) if wildcards_at == 0 else (1 << 1, 1 << 2)
    vlan, priority = int.from_bytes(data[vlan_at : vlan_at + 2], "big"), data[vlan_at + 2]
    return (
        f"{vlan:04x}/{int(bool(wildcards & vlan_bit))},{priority:02x}/{int(bool(wildcards & priority_bit))}"
    )
