"""The shared hash table: what is in it is found, what is not is not, and nothing is lost when a daemon dies."""

from __future__ import annotations

from random import Random

import pytest

from vswitch.bpf.builder import R0, R1, R7, Builder, Map, u32
from vswitch.bpf.helpers import Helper
from vswitch.bpf.spec import MapSpec, MapType
from vswitch.datapath.ebpf.keys import KEY_SIZE, PARTS, SEEN, KeyMask
from vswitch.datapath.ebpf.maps import MEGAFLOW, n_groups_of
from vswitch.datapath.ebpf.subtable import MAX_CHAIN, Entries, Subtable, TableFull
from vswitch.flow.fields import LAYOUT
from vswitch.linux.bpf import BpfMap, Program

L4 = KeyMask(
    LAYOUT.mask("in_port", "eth_type", "eth_dst", "ip_src", "ip_dst", "tp_src", "tp_dst", "ip_proto")
)
WIDE = KeyMask(LAYOUT.mask("in_port", "eth_type", "eth_dst", "eth_src"))


def test_a_home_is_a_place_and_homes_are_used_evenly():
    table = Subtable(1, L4, 1024, 77)
    homes = [table.home_of(L4.pack(number << LAYOUT.offset("tp_src"))) for number in range(2048)]
    assert max(homes) < 1024
    assert max(homes.count(home) for home in set(homes)) <= MAX_CHAIN + 2
    assert len(set(homes)) > 1024 * 0.8  # 0.86 by chance


def test_secrets_decide_where_keys_live():
    keys = [L4.pack(number << LAYOUT.offset("ip_src")) for number in range(64)]
    one, other = (Subtable(1, L4, 1 << 16, seed) for seed in (1, 2))
    assert sum(one.home_of(key) == other.home_of(key) for key in keys) < 3


def test_an_entry_of_a_learning_switch_fills_a_cache_line():
    assert Subtable(1, WIDE, 16, 0).stride == 64
    assert Subtable(1, L4, 16, 0).stride == 80


@pytest.mark.parametrize(("n_cpus", "groups"), [(1, 1), (2, 2), (3, 4), (8, 8), (200, 8)])
def test_cpus_count_in_groups(n_cpus, groups):
    assert n_groups_of(n_cpus) == groups


@pytest.fixture
def make():
    made = []

    def make(subtable: Subtable, map: BpfMap | None = None) -> Entries:
        made.append(Entries(subtable, map or BpfMap.create(subtable.spec())))
        return made[-1]

    yield make
    for entries in made:
        entries.close()


def fill(entries: Entries, random: Random, steps: int) -> dict[bytes, tuple[int, int, int, int]]:
    """Insert, change and remove at random; what is there, by key: place, slot, shape, argument."""
    there: dict[bytes, tuple[int, int, int, int]] = {}
    keys = [L4.pack(random.getrandbits(SEEN.bit_length()) & SEEN) for _ in range(steps // 2)]
    for step in range(1, steps):
        key = random.choice(keys)
        shape, argument = random.getrandbits(12), random.getrandbits(32)
        if key not in there:
            there[key] = entries.insert(key, step, shape, argument), step, shape, argument
        elif random.random() < 0.3:
            place, slot, _, _ = there[key]
            entries.change(place, slot, shape, argument)
            there[key] = place, slot, shape, argument
        else:
            entries.remove(key, there.pop(key)[0])
    return there


@pytest.mark.needs_root
@pytest.mark.parametrize("seed", range(3))
def test_another_daemon_finds_what_is_there(make, seed):
    subtable = Subtable(1, L4, 1024, seed)
    entries = make(subtable)
    there = fill(entries, Random(seed), 900)
    again = make(subtable, entries.map)
    restored = {key: (place, *rest) for place, key, *rest in again.restore()}
    assert restored == there
    assert any(place >= subtable.n_homes for place, *_ in there.values()), "nobody lives in the cellar"
    for key in there:
        again.remove(key, restored[key][0])
    assert not list(make(subtable, entries.map).restore())


@pytest.mark.needs_root
def test_a_table_is_full_before_looking_takes_long(make):
    subtable = Subtable(1, WIDE, 64, 5)
    entries = make(subtable)
    keys = [WIDE.pack(number << LAYOUT.offset("eth_src")) for number in range(64)]
    for number, key in enumerate(keys[: subtable.capacity], 1):
        entries.insert(key, number, 0, 0)
    with pytest.raises(TableFull):
        entries.insert(keys[subtable.capacity], 99, 0, 0)
    assert len(list(make(subtable, entries.map).restore())) == subtable.capacity


@pytest.mark.needs_root
def test_a_place_rests_before_it_is_used_again(make):
    entries = make(Subtable(1, WIDE, 1024, 5))
    key = WIDE.pack(1 << LAYOUT.offset("eth_src"))
    first = entries.insert(key, 1, 0, 0)
    entries.remove(key, first)
    assert entries.insert(key, 2, 0, 0) != first


def finder(subtable: Subtable) -> Builder:
    """A program that answers with the slot of the entry whose key is in the packet, or 0."""
    b = Builder()
    with b.scratch(4) as cpu, b.scratch(KEY_SIZE) as packed:
        b.mov(R7, R1)
        b.store(u32(cpu), 0)
        b.call(Helper.map_lookup_elem, Map("keys"), cpu)
        b.jump_if(R0 == 0, "out")
        b.mov(R1, R7)
        b.mov(R7, R0)
        b.call(Helper.skb_load_bytes, R1, 14, R7, KEY_SIZE)
        subtable.look_up(b, R7, packed, 1)
        b.exit(0)
        b.label("hit")
        b.load(R0, u32(R0 + MEGAFLOW.offset("slot")))
        b.label("out")
        b.exit()
    return b


@pytest.mark.needs_root
def test_programs_find_what_is_there_and_nothing_else(make):
    subtable = Subtable(1, L4, 256, 3)
    entries = make(subtable)
    random = Random(3)
    there = fill(entries, random, 220)
    keys = BpfMap.create(MapSpec("keys", MapType.ARRAY, 4, KEY_SIZE, 1))
    program = Program.load(finder(subtable).build("finder"), {"keys": keys, subtable.name: entries.map})
    for key, (_, slot, _, _) in there.items():
        flow = L4.unpack(key)
        noise = random.getrandbits(SEEN.bit_length()) & SEEN & ~L4.mask
        assert program.test(bytes(14) + whole_key(flow | noise)).result == slot
    absent = L4.pack(random.getrandbits(SEEN.bit_length()) & SEEN)
    assert program.test(bytes(14) + whole_key(L4.unpack(absent))).result == 0
    program.close()
    keys.close()


def whole_key(flow: int) -> bytes:
    """A packet's key as the parser leaves it."""
    key = bytearray(KEY_SIZE)
    for part in PARTS:
        key[part.at : part.at + part.size] = part.pack(flow)
    return bytes(key)
