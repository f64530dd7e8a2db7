"""Main programs for many kinds and numbers of masks load."""

from __future__ import annotations

from random import Random

import pytest

from vswitch.bpf.assembly import disassemble
from vswitch.bpf.spec import MapSpec, MapType
from vswitch.datapath.ebpf.compile import (
    CACHE,
    CACHE_FROM,
    Target,
    cache_key,
    main_programs,
    uses_cache,
)
from vswitch.datapath.ebpf.features import Features
from vswitch.datapath.ebpf.keys import SEEN, KeyMask
from vswitch.datapath.ebpf.maps import CACHED, Maps
from vswitch.datapath.ebpf.subtable import Subtable
from vswitch.flow.field import Mask
from vswitch.flow.fields import LAYOUT
from vswitch.linux import bpffs
from vswitch.linux.bpf import BpfMap, Program

TARGET = Target(2, Features())


def test_only_what_masks_look_at_is_extracted():
    (few,) = main_programs([Subtable(1, KeyMask(LAYOUT.mask("in_port", "eth_dst")), 16, 1)], False, TARGET)
    (all,) = main_programs([Subtable(1, KeyMask(Mask(SEEN)), 16, 1)], False, TARGET)
    assert len(few.instructions) < len(all.instructions) - 100


def test_the_cache_looks_at_what_any_mask_looks_at():
    masks = [LAYOUT.mask("in_port"), LAYOUT.mask("in_port", "ip_src")]
    subtables = [Subtable(i, KeyMask(mask), 16, i) for i, mask in enumerate(masks)]
    assert cache_key(subtables).mask == masks[0] | masks[1]
    assert not uses_cache(subtables)
    assert uses_cache(subtables * CACHE_FROM)


def test_the_same_masks_make_the_same_program():
    subtables = [Subtable(1, KeyMask(LAYOUT.mask("in_port", "eth_dst")), 16, 1)]
    (first,), (second,) = (main_programs(subtables, True, TARGET) for _ in range(2))
    assert list(disassemble(first.instructions)) == list(disassemble(second.instructions))
    assert first == second


@pytest.fixture(scope="module")
def maps(tmp_path_factory):
    directory = tmp_path_factory.mktemp("bpf")
    bpffs.mount(directory)
    opened = Maps.create(directory, 2)
    yield opened
    opened.close()
    bpffs.unmount(directory)


@pytest.mark.needs_root
@pytest.mark.parametrize("n", [0, 1, CACHE_FROM - 1, CACHE_FROM, 60])
def test_any_masks_load(maps, n):
    random = Random(n)
    subtables = []
    for i in range(n):
        mask = KeyMask(
            Mask(random.getrandbits(SEEN.bit_length()) & random.getrandbits(SEEN.bit_length()) & SEEN)
        )
        subtable = Subtable(i, mask, 16, i)
        maps.by_name[subtable.name] = BpfMap.create(subtable.spec())
        subtables.append(subtable)
    if uses_cache(subtables):
        size = cache_key(subtables).size
        maps.by_name[CACHE] = BpfMap.create(MapSpec(CACHE, MapType.LRU_HASH, size, CACHED.size, 16))
    for from_host in (False, True):
        for program in main_programs(subtables, from_host, TARGET):
            Program.load(program, maps.by_name).close()


@pytest.mark.needs_root
def test_a_mask_that_looks_at_nothing(maps):
    subtable = Subtable(0, KeyMask(Mask(0)), 16, 1)
    maps.by_name[subtable.name] = BpfMap.create(subtable.spec())
    (program,) = main_programs([subtable], False, TARGET)
    Program.load(program, maps.by_name).close()
