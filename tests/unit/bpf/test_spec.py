"""Relocation."""

import pytest

from vswitch.bpf.assembly import assemble
from vswitch.bpf.isa import decode, encode
from vswitch.bpf.spec import ProgramSpec, ProgramType

SPEC = ProgramSpec(
    "test",
    ProgramType.SCHED_CLS,
    encode(assemble("r1 = map_fd(0) ll\nr2 = map_value(0, 8) ll\nexit")),
    {0: "flows", 2: "counters"},
)


def test_descriptors_go_where_the_names_are():
    code = SPEC.relocate({"flows": 5, "counters": 6})
    assert list(decode(code)) == assemble("r1 = map_fd(5) ll\nr2 = map_value(6, 8) ll\nexit")


def test_a_map_that_is_not_there():
    with pytest.raises(KeyError, match="counters"):
        SPEC.relocate({"flows": 5})


def test_numbers_go_where_their_names_are():
    text = "r1 = 0 ll\nr2 &= 0\nexit"
    spec = ProgramSpec("test", ProgramType.SCHED_CLS, encode(assemble(text)), {}, {0: "wide", 2: "short"})
    code = spec.numbered({"wide": 0xFEDC_BA98_7654_3210, "short": 7})
    assert list(decode(code)) == assemble("r1 = 0xfedcba9876543210 ll\nr2 &= 7\nexit")
    with pytest.raises(KeyError, match="short"):
        spec.numbered({"wide": 1})


def test_programs_may_call_what_is_for_free_software_only():
    assert SPEC.license == "Dual MIT/GPL"
