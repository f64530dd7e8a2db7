"""ovs-save prints what brings interfaces and flows back."""

import subprocess

import pytest

from vswitch.cli import ovs_save
from vswitch.cli.startup.host import Host


@pytest.fixture
def answers(monkeypatch):
    """What the host's commands print, by their words."""
    said = {
        "ip -o link show dev lo": "1: lo: <LOOPBACK,UP> mtu 65536 qdisc noqueue qlen 1000\\ link/loopback 00:00",
        "ip -4 -o addr show dev lo": "1: lo    inet 10.9.0.1/32 scope global lo",
        "ovs-ofctl -O OpenFlow15 dump-flows --no-names --no-stats br0": " priority=1,in_port=1 actions=drop\n",
    }

    def run(self, *argv, stdin=None):
        return subprocess.CompletedProcess(argv, 0, said.get(" ".join(argv), ""), "")

    monkeypatch.setattr(Host, "run", run)
    monkeypatch.setattr("vswitch.cli.startup.saving.program", lambda name: name)


def test_interfaces(answers, capsys):
    assert ovs_save.main(["save-interfaces", "lo", "none-such"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "#!/bin/sh"
    assert "ip link set lo mtu 65536 txqueuelen 1000 up" in lines
    assert "ip -4 addr add 10.9.0.1/32 scope global dev lo" in lines
    assert not [line for line in lines if "none-such" in line]


def test_flows(answers, capsys):
    assert ovs_save.main(["save-flows", "br0"]) == 0
    [_, line] = capsys.readouterr().out.splitlines()
    *words, path = line.split()
    assert words == ["ovs-ofctl", "-O", "OpenFlow15", "--bundle", "replace-flows", "br0"]
    with open(path) as file:  # noqa: PTH123 - as the script gives it
        assert file.read() == "priority=1,in_port=1 actions=drop\n"


@pytest.mark.parametrize("words", [[], ["save"], ["br0"]])
def test_wrong_words(words, capsys):
    assert ovs_save.main(words) == 1
    word = words[0] if words else ""
    assert capsys.readouterr().err == f"ovs-save: unknown command '{word}' (use --help for help)\n"
