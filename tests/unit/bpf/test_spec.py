"""Relocation."""

import pytest

from vswitch.bpf.assembly import assemble
from vswitch.bpf.isa import decode
from vswitch.bpf.spec import ProgramSpec, ProgramType

SPEC = ProgramSpec(
    "test",
    ProgramType.SCHED_CLS,
    tuple(assemble("r1 = map_fd(0) ll\nr2 = map_value(0, 8) ll\nexit")),
    {0: "flows", 1: "counters"},
)


def test_descriptors_go_where_the_names_are():
    code = SPEC.relocate({"flows": 5, "counters": 6})
    assert list(decode(code)) == assemble("r1 = map_fd(5) ll\nr2 = map_value(6, 8) ll\nexit")


def test_a_map_that_is_not_there():
    with pytest.raises(KeyError, match="counters"):
        SPEC.relocate({"flows": 5})


def test_programs_may_call_what_is_for_free_software_only():
    assert SPEC.license == "Dual MIT/GPL"
