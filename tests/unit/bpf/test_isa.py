"""Bytes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vswitch.bpf.isa import LD_IMM64, Instruction, decode, encode, signed32

instructions = st.builds(
    Instruction,
    st.integers(0, 255).filter(lambda code: code != LD_IMM64),
    st.integers(0, 15),
    st.integers(0, 15),
    st.integers(-(1 << 15), (1 << 15) - 1),
    st.integers(-(1 << 31), (1 << 31) - 1),
) | st.builds(Instruction, st.just(LD_IMM64), st.integers(0, 10), imm=st.integers(0, (1 << 64) - 1))


@given(st.lists(instructions))
def test_round_trip(program):
    assert list(decode(encode(program))) == program
    assert len(encode(program)) == 8 * sum(instruction.slots for instruction in program)


@given(st.lists(instructions, min_size=1), st.integers(1, 7))
def test_a_cut_program_is_noticed(program, cut):
    with pytest.raises(ValueError, match="ends within"):
        list(decode(encode(program)[:-cut]))


def test_signs():
    assert signed32(0xFFFFFFFE) == -2
    assert signed32(5) == 5
