"""ovs-vlan-bug-workaround: its arguments, and what it says of kernels."""

from __future__ import annotations

from pathlib import Path

import pytest

from vswitch.base.options import CommandError
from vswitch.xenserver.host import Host
from vswitch.xenserver.vlanbug import work_around


@pytest.fixture
def host(tmp_path: Path) -> Host:
    (tmp_path / "sys/class/net/eth0").mkdir(parents=True)
    return Host(str(tmp_path))


@pytest.mark.parametrize("kernel", ["2.6.37", "3.10.0+2", "4.19.0+1", "6.1.0-18-amd64"])
def test_a_kernel_that_keeps_tags_needs_nothing(host: Host, kernel: str) -> None:
    said = f"eth0: Linux {kernel} keeps VLAN tags; there is nothing to turn on"
    assert work_around(["eth0", "on"], host, kernel) == said


def test_an_old_kernel_cannot_be_helped(host: Host) -> None:
    with pytest.raises(CommandError, match="may lose VLAN tags"):
        work_around(["eth0", "on"], host, "2.6.32.12-0.7.1.xs5.6.100.323.170596xen")
    assert work_around(["eth0", "off"], host, "2.6.32") == "eth0: there is nothing to turn off"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "exactly 2"),
        (["eth0", "on", "off"], "exactly 2"),
        (["eth0", "true"], 'setting "true"'),
        (["eth1", "on"], "eth1: no such device"),
        (["", "on"], "no such device"),
        (["../net", "off"], "no such device"),
    ],
)
def test_wrong_arguments(host: Host, words: list[str], said: str) -> None:
    with pytest.raises(CommandError, match=said):
        work_around(words, host, "6.1.0")
