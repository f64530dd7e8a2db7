"""Which megaflows a change of rules may touch: the search by slices finds those that comparing one by one finds."""

from random import Random

import pytest

from vswitch.dpif.megaflow import FlowStats, Megaflow, Ufid
from vswitch.flow.field import Flow, Mask
from vswitch.flow.match import Match
from vswitch.ofproto.megaflows import COMPARISONS_AT_MOST, COMPARISONS_AT_ONCE, Entry, Megaflows
from vswitch.ofproto.table import Table
from vswitch.ofproto.xlate.context import Carried, Dependencies

TABLES = [Table(number) for number in range(3)]
BITS = 8


def entry(ufid: int, mask: int, lookups: list[tuple[Table, Flow]]) -> Entry:
    megaflow = Megaflow(Ufid(ufid), Flow(0), Mask(mask), ())
    return Entry(megaflow, Flow(0), Carried(), Dependencies(lookups), (), 0.0, 0.0)


def entries(rng: Random, n: int) -> list[Entry]:
    masks = [rng.getrandbits(BITS) for _ in range(5)]
    return [
        entry(
            ufid,
            rng.choice(masks),
            [(rng.choice(TABLES), Flow(rng.getrandbits(BITS))) for _ in range(rng.randint(0, 4))],
        )
        for ufid in range(n)
    ]


def met(entry: Entry, table: Table, match: Match) -> bool:
    fixed = entry.megaflow.mask & match.mask
    return any(
        looked is table and not (flow ^ match.value) & fixed for looked, flow in entry.dependencies.lookups
    )


def suspects(megaflows: Megaflows) -> set[int]:
    while not megaflows.is_settled:
        megaflows.search(1)
        if megaflows._search is None:
            return {each.megaflow.ufid for each in megaflows.take_suspects(1 << 30)}
    return set()


@pytest.mark.parametrize("seed", range(20))
def test_the_search_finds_who_is_met(seed: int) -> None:
    rng = Random(seed)
    megaflows = Megaflows()
    there = entries(rng, 100)
    for each in there:
        megaflows.add(each)
    for each in rng.sample(there, 30):
        megaflows.remove(each.megaflow.ufid)
        there.remove(each)
    changes = []
    for _ in range(rng.randint(1, 4)):
        mask = Mask(rng.getrandbits(BITS))
        changes.append((rng.choice(TABLES), Match(Flow(rng.getrandbits(BITS) & mask), mask)))
    megaflows.suspect_rules(changes)
    expected = {
        each.megaflow.ufid for each in there if any(met(each, table, match) for table, match in changes)
    }
    assert suspects(megaflows) == expected
    for each in there:
        megaflows.remove(each.megaflow.ufid)
    assert not megaflows._by_mask


def test_who_comes_or_goes_during_a_search() -> None:
    megaflows = Megaflows()
    n = 3 * COMPARISONS_AT_ONCE
    for ufid in range(n):
        megaflows.add(entry(ufid, 1, [(TABLES[0], Flow(1))]))
    megaflows.suspect_rules([(TABLES[0], Match(Flow(1), Mask(1)))])
    megaflows.search(COMPARISONS_AT_ONCE)
    megaflows.remove(Ufid(n - 1))
    megaflows.add(entry(n, 1, [(TABLES[0], Flow(1))]))
    assert not megaflows.is_settled
    assert suspects(megaflows) == set(range(n - 1))


def test_too_much_to_compare_makes_all_suspects() -> None:
    megaflows = Megaflows()
    for ufid in range(1000):
        megaflows.add(entry(ufid, 1, [(TABLES[0], Flow(1))]))
    masks = range(1, 2 + COMPARISONS_AT_MOST // 1000)
    megaflows.suspect_rules([(TABLES[0], Match(Flow(0), Mask(mask))) for mask in masks])
    megaflows.search(1)
    assert suspects(megaflows) == set(range(1000))


def test_what_is_new_is_told_once() -> None:
    made = entry(1, 1, [])
    assert made.take_new(FlowStats()) is None
    assert made.take_new(FlowStats(5, 300, 1.0, 2)) == FlowStats(5, 300, 1.0, 2)
    assert made.take_new(FlowStats(5, 300, 1.0, 2)) is None
    assert made.take_new(FlowStats(7, 420, 2.0, 2)) == FlowStats(2, 120, 2.0, 2)
    assert made.take_new(FlowStats(1, 60, 3.0, 2)) == FlowStats(1, 60, 3.0, 2)
