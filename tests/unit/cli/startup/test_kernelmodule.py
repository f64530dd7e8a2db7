"""Loading and removing the kernel module, on hosts of every kind."""

import os
from pathlib import Path

import pytest

from tests.unit.cli.startup.hosts import ScriptedHost
from vswitch.cli.startup import kernelmodule


@pytest.fixture
def host(tmp_path: Path) -> ScriptedHost:
    host = ScriptedHost(tmp_path)
    host.has("/proc/modules")
    return host


def test_loaded_already(host: ScriptedHost, capsys: pytest.CaptureFixture[str]) -> None:
    host.has("/sys/module/openvswitch")
    kernelmodule.load(host)
    assert not host.calls
    assert capsys.readouterr().out == ""


def test_loads(host: ScriptedHost, capsys: pytest.CaptureFixture[str]) -> None:
    kernelmodule.load(host)
    assert host.calls == [["modprobe", "openvswitch"]]
    assert capsys.readouterr().out == "Inserting openvswitch module.\n"


def test_the_kernels_own_package_says_what_it_is_called(host: ScriptedHost) -> None:
    directory = f"/lib/modules/{os.uname().release}/extra/openvswitch"
    host.has(directory)
    host.path(f"{directory}/modules.conf").write_text("# names\nopenvswitch\nopenvswitch_mod\n")
    host.answers["modprobe", "openvswitch"] = (1, "not found")
    kernelmodule.load(host)
    assert host.calls == [["modprobe", "openvswitch"], ["modprobe", "openvswitch_mod"]]


def test_monolithic_kernel(tmp_path: Path) -> None:
    host = ScriptedHost(tmp_path)
    kernelmodule.load(host)
    assert not host.calls


def test_no_module_is_no_failure(host: ScriptedHost, capsys: pytest.CaptureFixture[str]) -> None:
    host.answers["modprobe",] = (1, "modprobe: FATAL: Module openvswitch not found")
    kernelmodule.load(host)
    assert "forwards without it" in capsys.readouterr().out


def test_evicts_the_bridge_module_when_nothing_uses_it(host: ScriptedHost) -> None:
    host.has("/sys/module/bridge")
    host.answers["modprobe",] = (1, "in use")
    kernelmodule.load(host)
    assert host.calls == [["modprobe", "openvswitch"], ["rmmod", "bridge"], ["modprobe", "openvswitch"]]


def test_leaves_the_bridge_module_to_bridges(host: ScriptedHost, capsys: pytest.CaptureFixture[str]) -> None:
    host.has("/sys/module/bridge", "/sys/class/net/virbr0/bridge")
    host.answers["modprobe",] = (1, "in use")
    kernelmodule.load(host)
    assert ["rmmod", "bridge"] not in host.calls
    assert "bridges exist (virbr0)" in capsys.readouterr().out


def test_unload_removes_dependents_first(host: ScriptedHost) -> None:
    host.has("/sys/module/openvswitch", "/sys/module/vport_gre")
    assert kernelmodule.unload(host)
    assert host.calls == [["rmmod", "vport_gre"], ["rmmod", "openvswitch"]]


def test_unload_tells_what_holds(host: ScriptedHost, capsys: pytest.CaptureFixture[str]) -> None:
    host.has("/sys/module/openvswitch")
    host.answers["rmmod", "openvswitch"] = (1, "rmmod: ERROR: Module openvswitch is in use")
    assert not kernelmodule.unload(host)
    assert "is in use" in capsys.readouterr().out
