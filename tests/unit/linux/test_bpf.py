"""Maps, programs, links and pins in the running kernel."""

from __future__ import annotations

import errno

import pytest

from tests.e2e.topology import Topology
from vswitch.base.errors import KernelError
from vswitch.bpf.assembly import assemble
from vswitch.bpf.btf import U32, U64, Struct
from vswitch.bpf.isa import encode
from vswitch.bpf.spec import MapFlags, MapSpec, MapType, ProgramSpec, ProgramType
from vswitch.linux import bpffs
from vswitch.linux.bpf import Attach, BpfMap, Link, Program, ProgramRefused, count_attached, map_info

pytestmark = pytest.mark.needs_root
HASH = MapSpec("a-map", MapType.HASH, 4, 8, 10_000, MapFlags.NO_PREALLOC, U32, Struct("value", (("n", U64),)))


def program(text: str) -> ProgramSpec:
    return ProgramSpec("test", ProgramType.SCHED_CLS, encode(assemble(text)))


def test_elements():
    with_types = BpfMap.create(HASH)
    assert with_types.lookup(b"key1") is None
    with_types.update(b"key1", b"value--1")
    with_types.update(b"key2", b"value--2")
    with_types.update(b"key1", b"value--3")
    assert with_types.lookup(b"key1") == b"value--3"
    assert dict(with_types.items()) == {b"key1": b"value--3", b"key2": b"value--2"}
    assert with_types.delete(b"key1")
    assert not with_types.delete(b"key1")
    assert dict(with_types.items()) == {b"key2": b"value--2"}


def test_batches():
    many = BpfMap.create(HASH)
    content = {n.to_bytes(4, "big"): bytes(4) + n.to_bytes(4, "big") for n in range(9999)}
    many.update_batch(list(content.items()))
    assert dict(many.items()) == content
    many.delete_batch(list(content)[:5000])
    assert dict(many.items()) == dict(list(content.items())[5000:])
    many.update_batch([])
    many.delete_batch([])


def test_a_full_map():
    small = BpfMap.create(MapSpec("small", MapType.HASH, 4, 4, 1, MapFlags.NO_PREALLOC))
    small.update(b"key1", b"val1")
    with pytest.raises(KernelError) as caught:
        small.update(b"key2", b"val2")
    assert caught.value.errno == errno.E2BIG


def test_a_program_runs():
    loaded = Program.load(program("r0 = *(u32 *)(r1 + 0)\nr0 += 1\nexit"), {})
    run = loaded.test(bytes(60))
    assert run.result == 61
    assert run.data == bytes(60)


def test_a_refusal_tells_why():
    with pytest.raises(ProgramRefused) as caught:
        Program.load(program("r0 = *(u8 *)(r5 + 0)\nexit"), {})
    assert caught.value.verdict.reason == "R5 !read_ok"
    assert str(caught.value).startswith("eBPF program test was refused: R5 !read_ok")


def test_pins(tmp_path):
    bpffs.mount(tmp_path)
    try:
        assert bpffs.is_bpffs(tmp_path)
        made = BpfMap.create(HASH)
        made.update(b"key1", b"value--1")
        (tmp_path / "directory").mkdir()
        made.pin(str(tmp_path / "directory" / "map"))
        made.close()
        opened = BpfMap.open(HASH, str(tmp_path / "directory" / "map"))
        assert opened.lookup(b"key1") == b"value--1"
        assert map_info(opened.fd).max_entries == 10_000
        with pytest.raises(KernelError) as caught:
            BpfMap.open(MapSpec("a-map", MapType.HASH, 4, 16, 1), str(tmp_path / "directory" / "map"))
        assert caught.value.errno == errno.EINVAL
        bpffs.remove_tree(tmp_path / "directory")
        bpffs.remove_tree(tmp_path / "directory")
        assert not (tmp_path / "directory").exists()
    finally:
        opened.close()
        bpffs.unmount(tmp_path)
    assert not bpffs.is_bpffs(tmp_path)


def test_links(net_device):
    passing = Program.load(program("r0 = -1\nexit"), {})
    link = Link.attach(passing, net_device, Attach.TCX_INGRESS)
    assert link.ifindex() == net_device
    assert count_attached(net_device, Attach.TCX_INGRESS) == 1
    link.update(Program.load(program("r0 = 0\nexit"), {}))
    link.close()
    assert count_attached(net_device, Attach.TCX_INGRESS) == 0


@pytest.fixture
def net_device():

    with Topology() as net, net.switch.entered():
        yield 1  # lo


def test_no_such_device():
    with pytest.raises(KernelError) as caught:
        Link.attach(Program.load(program("r0 = -1\nexit"), {}), 1 << 30, Attach.TCX_INGRESS)
    assert caught.value.errno == errno.ENODEV
