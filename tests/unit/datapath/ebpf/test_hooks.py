"""Either kind of hook is attached, replaced, adopted and taken away."""

import socket

import pytest

from tests.e2e.topology import Topology
from vswitch.base.errors import KernelError
from vswitch.bpf.builder import Builder
from vswitch.datapath.ebpf.hooks import ClsactHooks, Hooks, TcxHooks
from vswitch.dpif.ports import OdpPort
from vswitch.linux import bpffs
from vswitch.linux.bpf import Program

pytestmark = pytest.mark.needs_root
P1 = OdpPort(1)


@pytest.fixture(params=["tcx", "clsact"])
def make(request, tmp_path):
    bpffs.mount(tmp_path)
    with Topology() as net, net.switch.entered():
        net.add_host("h1", silent=True)
        made = []

        def make():
            made.append(TcxHooks(tmp_path) if request.param == "tcx" else ClsactHooks("test"))
            return made[-1]

        yield make
        for hooks in made:
            hooks.close()
    bpffs.unmount(tmp_path)


@pytest.fixture
def program():
    b = Builder()
    b.exit(0)
    loaded = Program.load(b.build("test"), {})
    yield loaded
    loaded.close()


@pytest.mark.parametrize("from_host", [False, True])
def test_a_hook_lives_without_its_daemon_until_it_is_taken_away(make, program, from_host):
    h1 = socket.if_nametoindex("h1")
    hook = make().attach(P1, h1, from_host, program)
    hook.update(program)
    assert hook.holds(h1)
    assert not hook.holds(h1 + 1)
    hook.leave()
    again = make().adopt(P1, h1, from_host)
    assert again.holds(h1)
    again.detach()
    assert not is_adopted(make(), h1, from_host)


def is_adopted(hooks: Hooks, ifindex: int, from_host: bool) -> bool:
    try:
        return hooks.adopt(P1, ifindex, from_host).holds(ifindex)
    except KernelError:
        return False


def test_filters_that_nobody_remembers_are_swept_away(make, program):
    h1 = socket.if_nametoindex("h1")
    ours, another = ClsactHooks("test"), ClsactHooks("another")
    ours.attach(P1, h1, False, program)
    another.sweep()
    assert ours.adopt(P1, h1, False).holds(h1)
    ours.sweep()
    assert not ours.adopt(P1, h1, False).holds(h1)
    ours.close()
    another.close()
