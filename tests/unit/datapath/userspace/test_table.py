import random

from hypothesis import given
from hypothesis import strategies as st

from vswitch.datapath.userspace.table import MegaflowTable
from vswitch.dpif.megaflow import Megaflow, Ufid
from vswitch.flow.field import Flow, Mask
from vswitch.flow.fields import ETH_DST, IN_PORT, IPV6_SRC


def megaflow(ufid: int, flow: int, mask: int) -> Megaflow:
    return Megaflow(Ufid(ufid), Flow(flow), Mask(mask), ())


def test_a_flow_finds_what_it_agrees_with():
    table = MegaflowTable()
    one = table.insert(megaflow(1, IN_PORT.put(Flow(0), 7), IN_PORT.mask))
    two = table.insert(megaflow(2, 5 << IPV6_SRC.offset | 8, IN_PORT.mask | IPV6_SRC.mask))
    assert table.lookup(Flow(7)) is one
    assert table.lookup(Flow(ETH_DST.mask | 7)) is one
    assert table.lookup(Flow(5 << IPV6_SRC.offset | 8)) is two
    assert table.lookup(Flow(8)) is None
    assert (len(table), table.n_masks) == (2, 2)


def test_what_is_removed_is_not_found_and_knows_it():
    table = MegaflowTable()
    entry = table.insert(megaflow(1, 7, IN_PORT.mask))
    assert table.find(megaflow(9, 7 | ETH_DST.mask, IN_PORT.mask)) is entry
    assert table.remove(Ufid(1)) is entry
    assert entry.dead
    assert table.lookup(Flow(7)) is table.get(Ufid(1)) is table.remove(Ufid(1)) is None
    assert table.n_masks == 0
    entry = table.insert(megaflow(1, 7, IN_PORT.mask))
    table.clear()
    assert entry.dead
    assert list(table) == []


def test_masks_that_hit_come_first():
    table = MegaflowTable()
    for i in range(20):
        table.insert(megaflow(i, i, IN_PORT.mask | 1 << ETH_DST.offset + i))
    for _ in range(5000):
        table.lookup(Flow(19))
    tried = table.mask_hits
    table.lookup(Flow(19))
    assert table.mask_hits == tried + 1


@given(st.lists(st.integers(0, 255), min_size=1, max_size=6), st.integers(0))
def test_as_a_linear_search_finds(masks: list[int], seed: int):
    rng = random.Random(seed)
    table = MegaflowTable()
    flows: list[Megaflow] = []
    for i in range(30):
        one = megaflow(i, rng.randrange(256), rng.choice(masks))
        if not any((one.flow ^ other.flow) & one.mask & other.mask == 0 for other in flows):
            flows.append(one)
            table.insert(one)
    for flow in range(256):
        expected = next((one for one in flows if (one.flow ^ flow) & one.mask == 0), None)
        found = table.lookup(Flow(flow))
        assert (found and found.megaflow) == expected
