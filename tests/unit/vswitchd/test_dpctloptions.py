"""Options among the words of dpctl commands, and which megaflows are wanted."""

from __future__ import annotations

import pytest

from vswitch.dpif.megaflow import Megaflow, Ufid
from vswitch.flow.match import parse_match
from vswitch.vswitchd.dpctloptions import is_wish, parse_wanted, split_options
from vswitch.vswitchd.dpctlwords import DpctlError


@pytest.mark.parametrize(
    ("words", "given", "others"),
    [
        ("", set(), []),
        ("a -s b --more c", {"statistics", "more"}, ["a", "b", "c"]),
        ("-sm", {"statistics", "more"}, []),
        ("-", set(), ["-"]),
        ("--names --no-names", {"no-names"}, []),
        ("--no-names --names", {"names"}, []),
        ("--may-create --clear", {"may-create", "clear"}, []),
    ],
)
def test_options_stand_anywhere_and_the_last_one_counts(
    words: str, given: set[str], others: list[str]
) -> None:
    options, rest = split_options(words.split())
    assert (options.given, rest) == (given, others)


@pytest.mark.parametrize(
    ("word", "error"),
    [
        ("--nonsense", "Unrecognized option --nonsense"),
        ("-sx", "Unrecognized option -x"),
        ("-n", "option -n"),
    ],
)
def test_unknown_options_are_refused(word: str, error: str) -> None:
    with pytest.raises(DpctlError, match=error):
        split_options([word])


@pytest.mark.parametrize(
    ("words", "names"),
    [("", False), ("-m", True), ("--names", True), ("-m --no-names", False), ("-s", False)],
)
def test_ports_have_names_if_more_is_asked_for(words: str, names: bool) -> None:
    assert split_options(words.split())[0].names is names


def megaflow(text: str) -> Megaflow:
    match = parse_match(text)
    return Megaflow(Ufid(1), match.value, match.mask, ())


PORTS = {"eth1": 1, "eth2": 2}


@pytest.mark.parametrize(
    ("wish", "flow", "is_wanted"),
    [
        ("filter=tcp,in_port=1", "tcp,in_port=1", True),
        ("filter=tcp,in_port=eth1", "tcp,in_port=1", True),
        ("filter=tcp,in_port=eth2", "tcp,in_port=1", False),
        ("filter=tcp,tp_dst=80", "tcp,in_port=1", True),  # it does not look at ports
        ("filter=tcp,tp_dst=80", "tcp,tp_dst=81", False),
        ("type=ovs", "tcp", True),
        ("type=all", "tcp", True),
        ("type=tc,dpdk", "tcp", False),
        ("type=tc,non-offloaded", "tcp", True),
        ("pmd=-1", "tcp", True),
        ("pmd=3", "tcp", False),
    ],
)
def test_which_megaflows_are_wanted(wish: str, flow: str, is_wanted: bool) -> None:
    assert is_wish(wish)
    assert parse_wanted([wish], PORTS).includes(megaflow(flow)) is is_wanted


def test_all_wishes_count() -> None:
    wanted = parse_wanted(["filter=tcp", "type=ovs", "pmd=-1"], PORTS)
    assert wanted.includes(megaflow("tcp,in_port=1"))
    assert not wanted.includes(megaflow("udp,in_port=1"))
    assert parse_wanted([], PORTS).includes(megaflow("udp"))
    assert not is_wish("ovs-dummy")


@pytest.mark.parametrize(
    ("wish", "error"),
    [
        ("filter=nonsense", "Failed to parse filter"),
        ("type=nonsense,ovs", r"Failed to parse type \(nonsense\)"),
        ("pmd=x", r"Failed to parse pmd \(x\)"),
    ],
)
def test_wishes_that_make_no_sense(wish: str, error: str) -> None:
    with pytest.raises(DpctlError, match=error):
        parse_wanted([wish], PORTS)
