"""When a rule is inserted, and when not."""

from pathlib import Path

import pytest

from tests.unit.cli.startup.hosts import ScriptedHost
from vswitch.cli.startup import firewall
from vswitch.cli.startup.host import StartupError
from vswitch.cli.startup.settings import Settings

HEAD = "Chain INPUT (policy ACCEPT)\ntarget     prot opt source               destination\n"
LIST = ("iptables", "-n", "-L", "INPUT")


@pytest.fixture
def host(tmp_path: Path) -> ScriptedHost:
    host = ScriptedHost(tmp_path)
    host.path("/etc").mkdir()
    host.path("/etc/protocols").write_text("tcp\t6\tTCP\ngre\t47\tGRE\t# tunnels\n")
    host.answers[LIST] = (0, HEAD)
    return host


def inserted(host: ScriptedHost, *words: str) -> list[str]:
    host.calls.clear()
    firewall.enable(host, Settings.parse([*words, "enable-protocol"]))
    return [" ".join(call) for call in host.calls if call[1] == "-I"]


def test_inserts(host: ScriptedHost) -> None:
    assert inserted(host) == ["iptables -I INPUT -p gre -j ACCEPT"]


def test_ports(host: ScriptedHost) -> None:
    assert inserted(host, "--protocol=tcp", "--dport=6640", "--sport=1") == [
        "iptables -I INPUT -p tcp --dport 6640 --sport 1 -j ACCEPT"
    ]


@pytest.mark.parametrize("protocol", ["gre", "47"])
def test_leaves_a_rule_that_is_there(host: ScriptedHost, protocol: str) -> None:
    host.answers[LIST] = (0, f"{HEAD}DROP       {protocol}  --  0.0.0.0/0            0.0.0.0/0\n")
    assert inserted(host) == []


def test_a_rule_for_another_port_does_not_count(host: ScriptedHost) -> None:
    host.answers[LIST] = (
        0,
        f"{HEAD}ACCEPT     tcp  --  0.0.0.0/0            0.0.0.0/0            tcp dpt:22\n",
    )
    assert len(inserted(host, "--protocol=tcp", "--dport=6640")) == 1
    assert not inserted(host, "--protocol=tcp", "--dport=22")


@pytest.mark.parametrize(("status", "said"), [(127, "not installed"), (3, "not enabled")])
def test_without_a_filter(
    host: ScriptedHost, capsys: pytest.CaptureFixture[str], status: int, said: str
) -> None:
    host.answers[LIST] = (status, "")
    assert inserted(host) == []
    assert said in capsys.readouterr().out


def test_unknown_protocol(host: ScriptedHost) -> None:
    with pytest.raises(StartupError, match="unknown protocol bogus"):
        inserted(host, "--protocol=bogus")


def test_failing_insertion(host: ScriptedHost) -> None:
    host.answers["iptables", "-I"] = (4, "iptables: Permission denied")
    with pytest.raises(StartupError, match="Permission denied"):
        inserted(host)
