"""The two questions that prefixes answer, held against their definitions."""

import random

from hypothesis import given
from hypothesis import strategies as st

from vswitch.flow.prefixes import Prefixes

BITS = 6
prefixes = st.tuples(st.integers(0, 63), st.integers(1, BITS))


def made_of(some: list[tuple[int, int]]) -> Prefixes:
    made = Prefixes(BITS)
    for value, length in some:
        made.add([value], length)
    return made


def matching(some: list[tuple[int, int]], value: int) -> set[tuple[int, int]]:
    """The prefixes that match `value`, each as its leading bits and its length."""
    return {
        (prefix >> (BITS - length), length)
        for prefix, length in some
        if (prefix ^ value) >> (BITS - length) == 0
    }


@given(st.lists(prefixes), st.integers(0, 63))
def test_has_says_which_lengths_match(some: list[tuple[int, int]], value: int) -> None:
    made = made_of(some)
    assert {length for length in range(1, BITS + 1) if made.has(value, length)} == {
        length for _, length in matching(some, value)
    }


@given(st.lists(prefixes), st.integers(0, 63))
def test_telling_is_the_fewest_bits_that_decide(some: list[tuple[int, int]], value: int) -> None:
    telling = made_of(some).telling(value)

    def decides(bits: int) -> bool:
        alike = (other for other in range(1 << BITS) if (other ^ value) >> (BITS - bits) == 0)
        return all(matching(some, other) == matching(some, value) for other in alike)

    assert decides(telling)
    assert not telling or not decides(telling - 1)


@given(st.lists(prefixes), st.lists(prefixes), st.integers(0, 63))
def test_removing_undoes_adding(some: list[tuple[int, int]], more: list[tuple[int, int]], value: int) -> None:
    made = made_of(some + more)
    for prefix, length in more:
        made.remove(prefix, length)
    assert made.telling(value) == made_of(some).telling(value)
    assert bool(made) == bool(some)


def test_many_changes_between_two_questions_answer_as_one_by_one():
    rng = random.Random(7)
    prefixes, model = Prefixes(16), []
    for size in (1, 3, 40, 400, 40, 3, 1):
        for _ in range(size):
            if model and rng.random() < 0.45:
                prefixes.remove(*model.pop(rng.randrange(len(model))))
            else:
                model.append((rng.randrange(1 << 16), rng.randrange(1, 17)))
                prefixes.add([model[-1][0]], model[-1][1])
        for value in [rng.randrange(1 << 16) for _ in range(20)] + [value for value, _ in model[:20]]:
            tells = [
                min(length, 17 - ((value >> 16 - length ^ of >> 16 - length) << 16 - length).bit_length())
                for of, length in model
            ]
            assert prefixes.telling(value) == max(tells, default=0)
            for length in range(1, 17):
                has = any(n == length and of >> 16 - n == value >> 16 - n for of, n in model)
                assert prefixes.has(value, length) == has
