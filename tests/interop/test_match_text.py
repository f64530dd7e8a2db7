"""Matches, read and printed by us and by the peer's ovs-ofctl: the same text, the same mistakes."""

from __future__ import annotations

import re
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import pytest

from tests.interop.daemons import program
from tests.unit.flow.vectors import matches
from tests.unit.openflow.field_samples import ADDED
from vswitch.base.errors import TextError
from vswitch.flow.codes import codes_of
from vswitch.flow.field import Field
from vswitch.flow.fields import FIELDS
from vswitch.flow.match import WORDS, Match, format_match, parse_match
from vswitch.flow.normalize import normalize

pytestmark = pytest.mark.interop

Run = Callable[..., subprocess.CompletedProcess[str]]

# Not in OpenFlow, or another name of what is tested, or read from a table of tunnel options that is not there.
LEFT_OUT = {"skb_priority", "tun_ttl", "tun_tos", "in_port_oxm", "actset_output", "packet_type"}
LEFT_OUT |= {f"tun_metadata{i}" for i in range(2, 64)}
FIELDS_TRIED = [field for field in FIELDS if field.name not in LEFT_OUT and field not in ADDED]
TYPES = [*WORDS.values(), "dl_type=0x894f", "dl_type=0x1234", ""]


@pytest.fixture
def ofctl(tmp_path: Path) -> Run:
    environment = {"OVS_RUNDIR": str(tmp_path), "OVS_LOGDIR": str(tmp_path), "OVS_DBDIR": str(tmp_path)}

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        command = [program("peer", "ovs-ofctl"), "-vconsole:off", *words]
        return subprocess.run(
            command, capture_output=True, text=True, env=environment, timeout=60, check=False
        )

    return run


def test_the_vectors_are_what_the_peer_says(ofctl, tmp_path):
    given = [text for text, _ in matches()]
    expected = [result for _, result in matches()]
    said = [f"! {text}" if is_error else text for is_error, text in peer_reads(ofctl, given, tmp_path)]
    assert said == expected


@pytest.mark.parametrize("seed", range(3))
def test_random_matches(ofctl, tmp_path, seed):
    random = Random(seed)
    compare(ofctl, tmp_path, [random_match(random, damage=0) for _ in range(700)])


@pytest.mark.parametrize("seed", range(3))
def test_random_mistakes(ofctl, tmp_path, seed):
    random = Random(1000 + seed)
    compare(ofctl, tmp_path, [random_match(random, damage=0.3) for _ in range(120)])


@pytest.mark.parametrize(
    "field",
    [field for field in FIELDS if codes_of(field) and field not in ADDED],
    ids=lambda field: field.name,
)
def test_the_peer_knows_the_field_by_each_of_its_types(ofctl, field):
    """A flow-mod whose match has an entry with the type's numbers reads as a match on the field."""
    base = base_for(field)
    match = base.where(field, value_for(field))
    for code in codes_of(field):
        entries = b"".join(
            nxm_entry(f, f.get(base.value), 0) for f in FIELDS if f.name in NEEDED and is_in(f, base)
        )
        entries += nxm_entry(field, value_for(field), codes_of(field).index(code))
        said = ofctl("ofp-print", flow_mod(entries).hex()).stdout
        text = re.search(r"ADD (.*?) ?actions=drop", said)
        assert text, (code.name, said)
        assert text[1] == format_match(match), code.name


# What the prerequisites of some field are met by, the simplest first.
BASES = (
    "",
    "vlan_vid=0x1001",
    "ip",
    "ipv6",
    "arp",
    "mpls",
    "dl_type=0x894f",
    "tcp",
    "udp",
    "sctp",
    "icmp",
    "icmp6",
    "icmp6,icmpv6_type=135,icmpv6_code=0",
    "icmp6,icmpv6_type=136,icmpv6_code=0",
    "ct_state=0x20,ct_nw_proto=6,ip",
)
NEEDED = ("ct_state", "ct_nw_proto", "eth_type", "vlan_vid", "nw_proto", "icmpv6_type", "icmpv6_code")


def base_for(field: Field) -> Match:
    if field.name.startswith("ct_ipv6"):
        return parse_match("ct_state=0x20,ipv6")
    if field.name == "ct_nw_proto":
        return parse_match("ct_state=0x20,ip")
    return next(match for match in map(parse_match, BASES) if field.needs.holds(match.value))


def is_in(field: Field, match: Match) -> bool:
    if field.name.startswith("icmpv6") and "icmp6" not in format_match(match):
        return False
    return bool(match.mask & field.mask)


def value_for(field: Field) -> int:
    """A value that the field may have, and that is printed."""
    fixed = {
        "packet_type": 0x1_0800,
        "vlan_vid": 0x1005,
        "nw_tos": 8,
        "nsh_mdtype": 1,
        "ct_state": 0x21,
        "in_port": 3,
    }
    return fixed.get(field.name, 1)


def nxm_entry(field: Field, value: int, which: int) -> bytes:
    code = codes_of(field)[which]
    body = value.to_bytes(field.size, "big")
    if code.experimenter:
        body = code.experimenter.to_bytes(4, "big") + body
    return code.oxm_class.to_bytes(2, "big") + bytes((code.number << 1, len(body))) + body


def flow_mod(entries: bytes) -> bytes:
    """NXT_FLOW_MOD of Nicira, OpenFlow 1.0: add with the default priority."""
    size = 48 + len(entries) + -len(entries) % 8
    head = bytes.fromhex("0104") + size.to_bytes(2, "big") + bytes.fromhex("00000001 00002320 0000000d")
    middle = (
        bytes(8)
        + bytes.fromhex("0000 0000 0000 8000 ffffffff ffff 0000")
        + len(entries).to_bytes(2, "big")
        + bytes(6)
    )
    return head + middle + entries + bytes(-len(entries) % 8)


def compare(ofctl: Run, tmp_path: Path, texts: list[str]) -> None:
    for text, (is_error, said) in zip(texts, peer_reads(ofctl, texts, tmp_path), strict=True):
        assert (is_error, said) == we_read(text) or said == "undecodable", text


def we_read(text: str) -> tuple[bool, str]:
    try:
        return False, as_sent(normalize(parse_match(text)))
    except TextError as error:
        return True, str(error)


def as_sent(match: Match) -> str:
    """`match` as printed after the peer has sent it, which leaves out what needs something that is not there."""
    for field in FIELDS:
        if match.mask & field.mask and field.name in ("ip_frag", "nd_reserved", "nd_options_type"):
            match = (
                match if field.needs.holds(match.value) or field.name != "ip_frag" else match.without(field)
            )
    return format_match(match)


def peer_reads(ofctl: Run, texts: list[str], tmp_path: Path) -> Iterator[tuple[bool, str]]:
    """(is it an error, what the peer makes of it) for each of `texts`."""
    file = tmp_path / "flows.txt"
    while texts:
        file.write_text("".join(f"{text}{',' if text else ''}actions=drop\n" for text in texts))
        run = ofctl("-F", "nxm", "parse-flows", str(file))
        broken = re.search(r":(\d+): (.*)", run.stderr, re.DOTALL) if run.returncode else None
        good = int(broken[1]) - 1 if broken else len(texts)
        if broken:
            file.write_text("".join(f"{text}{',' if text else ''}actions=drop\n" for text in texts[:good]))
            run = ofctl("-F", "nxm", "parse-flows", str(file)) if good else run
        lines = [
            line for line in run.stdout.splitlines() if "NXT_FLOW_MOD" in line or "OFPT_FLOW_MOD" in line
        ]
        assert len(lines) == good, run.stderr
        for line in lines:
            found = re.search(r"ADD (.*?) ?actions=drop", line)
            yield False, found[1].strip() if found else "undecodable"
        if broken:
            yield True, broken[2].strip()
        texts = texts[good + bool(broken) :]


def random_match(random: Random, damage: float) -> str:
    words = [random.choice(TYPES)]
    match = parse_match(words[0])
    fitting = [field for field in FIELDS_TRIED if field.needs.holds(match.value)]
    for field in random.sample(fitting, min(len(fitting), random.randrange(7))):
        value = random_value(random, field)
        if random.random() < damage:
            tails = (value + "x", value[:-1], "/" + value, value + "/", "*", "", "x", value.replace(":", "."))
            value = random.choice(tails)
        words.append(f"{random.choice([field.name, *field.aka])}={value}")
    return ",".join(filter(None, words))


def random_value(random: Random, field: Field) -> str:
    kinds: dict[str, Callable[[], str]] = {
        "decimal": lambda: masked(random, field, lambda: number(random, field.bits)),
        "hexadecimal": lambda: masked(random, field, lambda: number(random, field.bits)),
        "IPv4": lambda: ipv4(random) + random.choice(["", f"/{random.randrange(33)}", f"/{ipv4(random)}"]),
        "IPv6": lambda: ipv6(random) + random.choice(["", f"/{random.randrange(129)}", f"/{ipv6(random)}"]),
        "Ethernet": lambda: masked(random, field, lambda: random.randbytes(6).hex(":")),
        "frag": lambda: random.choice(["no", "yes", "first", "later", "not_later"]),
        "OpenFlow port": lambda: random.choice(
            ["1", "LOCAL", "0", "100", "NORMAL", "none", "any", "in_port"]
        ),
        "ct state": lambda: flags(random, ["new", "est", "rel", "rpl", "inv", "trk", "snat", "dnat"]),
        "TCP flags": lambda: flags(
            random, ["fin", "syn", "rst", "psh", "ack", "urg", "ece", "cwr", "ns", "[200]"]
        ),
        "tunnel flags": lambda: flags(random, ["oam"]),
    }
    return kinds[re.sub(r"OpenFlow 1\.\S+ port", "OpenFlow port", field.text.name)]()


def masked(random: Random, field: Field, value: Callable[[], str]) -> str:
    return f"{value()}/{value()}" if field.maskable and random.random() < 0.4 else value()


def number(random: Random, bits: int) -> str:
    value = random.choice([0, 1, random.getrandbits(bits), (1 << bits) - 1, random.getrandbits(min(bits, 8))])
    return hex(value) if value >> 64 or random.random() < 0.5 else str(value)


def ipv4(random: Random) -> str:
    return ".".join(str(random.choice([0, 1, 10, 255, random.randrange(256)])) for _ in range(4))


def ipv6(random: Random) -> str:
    return socket.inet_ntop(
        socket.AF_INET6, bytes(random.choice([0, 0, 0, random.randrange(256)]) for _ in range(16))
    )


def flags(random: Random, names: list[str]) -> str:
    some = random.sample(names, random.randrange(1, min(4, len(names)) + 1))
    signed = "".join(random.choice("+-") + name for name in some)
    return random.choice([signed, "|".join(some), hex(random.getrandbits(len(names)))])
