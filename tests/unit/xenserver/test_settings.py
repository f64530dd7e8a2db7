"""other_config in, words out."""

from __future__ import annotations

import pytest

from tests.xenserver import pool
from vswitch.xenserver import settings
from vswitch.xenserver.records import Network, Pif


@pytest.mark.parametrize(
    ("network", "options", "expected", "is_told"),
    [
        ("", {}, "1500", False),
        ("9000", {}, "9000", False),
        ("9000", {"mtu": "1400"}, "1400", False),
        ("", {"mtu": "big"}, "", True),
        ("", {"mtu": "-1"}, "", True),
        ("", {"mtu": "1400 "}, "", True),
    ],
)
def test_mtu(network: str, options: dict[str, str], expected: str, is_told: bool) -> None:
    told: list[str] = []
    assert settings.mtu(Network("n", mtu=network), options, told.append) == expected
    assert bool(told) == is_told


LINK = [
    ({}, ""),
    ({"speed": "10"}, "speed 10"),
    ({"speed": "100"}, "speed 100"),
    ({"speed": "1000"}, "speed 1000"),
    ({"speed": "10000"}, None),
    ({"duplex": "half"}, "duplex half"),
    ({"duplex": "full"}, "duplex full"),
    ({"duplex": "both"}, None),
    ({"autoneg": "true"}, "autoneg on"),
    ({"autoneg": "on"}, "autoneg on"),
    ({"autoneg": "false"}, "autoneg off"),
    ({"autoneg": "off"}, "autoneg off"),
    ({"autoneg": "1"}, None),
    ({"autoneg": "off", "duplex": "full", "speed": "100"}, "speed 100 duplex full autoneg off"),
]


@pytest.mark.parametrize(("given", "expected"), LINK)
def test_link(given: dict[str, str], expected: str | None) -> None:
    told: list[str] = []
    words = settings.ethtool_link({f"ethtool-{key}": value for key, value in given.items()}, told.append)
    assert " ".join(words) == (expected or "")
    assert len(told) == (expected is None)


@pytest.mark.parametrize("key", ["rx", "tx", "sg", "tso", "ufo", "gso", "gro", "lro"])
@pytest.mark.parametrize(
    ("value", "word"), [("true", "on"), ("on", "on"), ("false", "off"), ("off", "off"), ("x", "")]
)
def test_offloads(key: str, value: str, word: str) -> None:
    told: list[str] = []
    words = settings.ethtool_offloads({f"ethtool-{key}": value}, told.append)
    assert words == ([key, word] if word else [])
    assert len(told) == (not word)


def test_offloads_are_in_one_order() -> None:
    given = {f"ethtool-{key}": "on" for key in ("lro", "gro", "gso", "ufo", "tso", "sg", "tx", "rx")}
    words = settings.ethtool_offloads(given, pytest.fail)
    assert words[::2] == ["rx", "tx", "sg", "tso", "ufo", "gso", "gro", "lro"]


BOND_MODES = [
    ({}, "lacp=off bond_mode=balance-slb", 0),
    ({"mode": "balance-slb"}, "lacp=off bond_mode=balance-slb", 0),
    ({"mode": "active-backup"}, "lacp=off bond_mode=active-backup", 0),
    ({"mode": "lacp"}, "lacp=active bond_mode=balance-slb", 0),
    ({"mode": "lacp", "hashing-algorithm": "src_mac"}, "lacp=active bond_mode=balance-slb", 0),
    ({"mode": "lacp", "hashing-algorithm": "tcpudp_ports"}, "lacp=active bond_mode=balance-tcp", 0),
    ({"mode": "lacp", "hashing-algorithm": "dice"}, "lacp=active bond_mode=balance-slb", 1),
    ({"mode": "802.3ad"}, "lacp=off bond_mode=balance-slb", 1),
]


@pytest.mark.parametrize(("given", "expected", "n_told"), BOND_MODES)
def test_bond_modes(given: dict[str, str], expected: str, n_told: int) -> None:
    told: list[str] = []
    words = settings.bond_words(Pif("p", options={f"bond-{k}": v for k, v in given.items()}), told.append)
    assert " ".join(words[-2:]) == expected
    assert len(told) == n_told


BOND_NUMBERS = [  # key, value, the words about it
    ("updelay", "0", ["bond_updelay=0"]),
    ("updelay", "-5", []),
    ("updelay", "soon", []),
    ("updelay", "12345678901234567890", []),
    ("downdelay", "700", ["bond_downdelay=700"]),
    ("downdelay", "", []),
    ("miimon", "50", ["other-config:bond-miimon-interval=50"]),
    ("miimon", "5.5", []),
    ("use_carrier", "1", ["other-config:bond-detect-mode=carrier"]),
    ("use_carrier", "0", ["other-config:bond-detect-mode=miimon"]),
    ("use_carrier", "yes", []),
]
WORD_OF = {
    "updelay": "bond_updelay",
    "downdelay": "bond_downdelay",
    "miimon": "other-config:bond-miimon-interval",
    "use_carrier": "other-config:bond-detect-mode",
}


@pytest.mark.parametrize(("key", "value", "expected"), BOND_NUMBERS)
def test_bond_numbers(key: str, value: str, expected: list[str]) -> None:
    told: list[str] = []
    words = settings.bond_words(Pif("p", options={f"bond-{key}": value}), told.append)
    assert [word for word in words if word.startswith(WORD_OF[key])] == expected
    assert len(words) == (6 if expected else 5)
    assert len(told) == (0 if expected else 1)


def test_the_address_of_a_bond_comes_first() -> None:
    assert settings.bond_words(Pif("p", mac="00:01:02:03:04:05"), pytest.fail)[0] == 'MAC="00:01:02:03:04:05"'
    assert not settings.bond_words(Pif("p"), pytest.fail)[0].startswith("MAC")


@pytest.mark.parametrize(
    ("network", "of_pool", "expected"),
    [
        ("", "", ("standalone", False)),
        ("secure", "", ("secure", False)),
        ("secure", "standalone", ("secure", False)),
        ("standalone", "secure", ("standalone", False)),
        ("", "secure", ("secure", True)),
        ("junk", "secure", ("secure", True)),
        ("junk", "junk", ("standalone", False)),
        ("", "standalone", ("standalone", True)),
    ],
)
def test_fail_mode(network: str, of_pool: str, expected: tuple[str, bool]) -> None:
    tables = pool.tables()
    if network:
        pool.options(tables, "net-xenbr3", vswitch_controller_fail_mode=network)
    if of_pool:
        pool.options(tables, "pool", vswitch_controller_fail_mode=of_pool)
    assert settings.fail_mode(pool.topology(tables), "xenbr3") == expected


def test_no_fail_mode_of_several_pools() -> None:
    tables = pool.secure()
    tables["pool"]["OpaqueRef:second"] = tables["pool"]["OpaqueRef:pool"]
    assert settings.fail_mode(pool.topology(tables), "xenbr3") == ("standalone", False)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("10.0.0.0/8/10.1.1.1", ["10.0.0.0/8 via 10.1.1.1 dev br"]),
        ("10.0.0.0/8/10.1.1.1,10.2.0.0/16/10.1.1.2", ["10.0.0.0/8 via 10.1.1.1 dev br", "10.2.0.0/16 via 10.1.1.2 dev br"]),
        ("10.0.0.0/8", None),
        ("10.0.0.0/255.0.0.0/10.1.1.1", None),
        ("10.0.0.0//10.1.1.1", None),
        ("a/1/b/c", None),
        ("10.0.0.0/8/$(reboot)", None),
        ("fd00::/64/fd01::1", ["fd00::/64 via fd01::1 dev br"]),
    ],
)  # fmt: skip
def test_static_routes(text: str, expected: list[str] | None) -> None:
    assert settings.static_routes(text, "br") == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("secure", "secure"),
        ("00:15", '"00:15"'),
        ("", '""'),
        ('a"b', '"a\\"b"'),
        ("a\\b", '"a\\\\b"'),
        ("a\nb", '"a\\nb"'),
        ("a\x01b", '"a\\u0001b"'),
    ],
)
def test_quote(text: str, expected: str) -> None:
    assert settings.quote(text) == expected


def test_nul_cannot_be_quoted() -> None:
    with pytest.raises(ValueError, match="NUL"):
        settings.quote("a\0b")


def test_protective_flows_of_a_bond_are_in_order() -> None:
    prefix = "idle_timeout=0,priority=0,"
    assert settings.protective_flows("M", ["1", "2"], is_bond=True) == [
        prefix + "in_port=local,arp,dl_src=M,actions=NORMAL",
        prefix + "in_port=local,dl_src=M,actions=NORMAL",
        prefix + "in_port=1,arp,nw_proto=1,actions=local",
        prefix + "in_port=1,dl_dst=M,actions=local",
        prefix + "in_port=2,arp,nw_proto=1,actions=local",
        prefix + "in_port=2,dl_dst=M,actions=local",
    ]
