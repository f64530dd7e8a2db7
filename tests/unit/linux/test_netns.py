import errno
import os
from pathlib import Path

import pytest

from vswitch.base.errors import KernelError
from vswitch.linux import netns
from vswitch.linux.rtnetlink import Rtnetlink

pytestmark = pytest.mark.needs_root


@pytest.fixture
def name():
    name = f"vsns{os.getpid()}"
    netns.create(name)
    yield name
    if name in netns.names():
        netns.remove(name)


def here() -> Path:
    return Path("/proc/thread-self/ns/net").readlink()


def test_a_namespace_can_be_entered_and_left(name):
    before = here()
    with netns.entered(netns.path_of(name)):
        assert here() != before
        rtnetlink = Rtnetlink()
    assert here() == before
    assert [link.name for link in rtnetlink.links()] == ["lo"]
    rtnetlink.close()


def test_leaving_happens_after_errors_too(name):
    before = here()
    with pytest.raises(ZeroDivisionError), netns.entered(netns.path_of(name)):
        1 / 0  # noqa: B018
    assert here() == before


def test_names_are_unique_and_go(name):
    with pytest.raises(KernelError, check=lambda error: error.errno == errno.EEXIST):
        netns.create(name)
    assert name in netns.names()
    netns.remove(name)
    assert name not in netns.names()
    with pytest.raises(KernelError, check=lambda error: error.errno == errno.ENOENT):
        netns.remove(name)
