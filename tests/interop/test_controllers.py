"""Our switch and a controller of the peer's make: connection, reconnection, roles, snooping, standing alone."""

import contextlib
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.interop.daemons import Daemons, Make, program

pytestmark = pytest.mark.interop

PING = (
    "in_port({}),eth(src=50:54:00:00:00:0{},dst=50:54:00:00:00:0{}),eth_type(0x0800),"
    "ipv4(src=192.168.0.1,dst=192.168.0.2,proto=1,tos=0,ttl=64,frag=no),icmp(type=8,code=0)"
)


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.fixture
def port() -> int:
    with socket.socket() as endpoint:
        endpoint.bind(("127.0.0.1", 0))
        return int(endpoint.getsockname()[1])


@pytest.fixture
def daemons(tmp_path: Path) -> Iterator[Daemons]:
    with Daemons(tmp_path, "peer", "ours") as daemons:
        daemons.run("peer", "ovs-vsctl", "add-br", "br0", "--", "set", "bridge", "br0", "datapath_type=dummy")
        for name in ("p1", "p2"):
            daemons.run("peer", "ovs-vsctl", "add-port", "br0", name, "--", "set", "int", name, "type=dummy")
        yield daemons


@contextlib.contextmanager
def controller(daemons: Daemons, port: int) -> Iterator[None]:
    words = [program("peer", "ovs-testcontroller"), f"ptcp:{port}:127.0.0.1", "-vconsole:off"]
    quiet = subprocess.DEVNULL
    with subprocess.Popen(words, env=daemons.environment, stdout=quiet, stderr=quiet) as process:
        try:
            yield
        finally:
            process.terminate()


def is_connected(daemons: Daemons) -> bool:
    columns = ("ovs-vsctl", "--bare", "--columns=is_connected", "list", "controller")
    return daemons.run("peer", *columns).stdout.strip() == "true"


def flows(daemons: Daemons) -> str:
    return daemons.run("peer", "ovs-ofctl", "--no-stats", "dump-flows", "br0").stdout


def test_a_controller_teaches_the_switch_and_comes_back(daemons: Daemons, port: int) -> None:
    daemons.run("peer", "ovs-vsctl", "set-controller", "br0", f"tcp:127.0.0.1:{port}")
    assert "actions=NORMAL" not in flows(daemons)
    for _ in range(2):
        with controller(daemons, port):
            wait_until(lambda: is_connected(daemons))
            assert daemons.run(
                "peer", "ovs-vsctl", "--bare", "--columns=role", "list", "controller"
            ).stdout == ("other\n")
            wait_until(lambda: "CONTROLLER" in flows(daemons))
            daemons.run("peer", "ovs-appctl", "netdev-dummy/receive", "p1", PING.format(1, 5, 7))
            daemons.run("peer", "ovs-appctl", "netdev-dummy/receive", "p2", PING.format(2, 7, 5))
            wait_until(lambda: "actions=output:1" in flows(daemons))
        wait_until(lambda: not is_connected(daemons))
    daemons.run("peer", "ovs-vsctl", "del-controller", "br0")
    assert flows(daemons).split() == ["priority=0", "actions=NORMAL"]


def test_a_snooper_sees_both_directions(daemons: Daemons, port: int, tmp_path: Path) -> None:
    daemons.run("peer", "ovs-vsctl", "set-controller", "br0", f"tcp:127.0.0.1:{port}")
    seen = tmp_path / "seen"
    with (
        seen.open("w") as output,
        subprocess.Popen(
            [program("peer", "ovs-ofctl"), "snoop", "br0"],
            env=daemons.environment,
            stdout=output,
            stderr=subprocess.STDOUT,
        ) as snooper,
    ):
        try:
            with controller(daemons, port):
                wait_until(lambda: "FLOW_MOD" in seen.read_text())
                wait_until(lambda: "FEATURES_REPLY" in seen.read_text())
        finally:
            snooper.terminate()


def test_a_listener_serves_tools(daemons: Daemons, port: int) -> None:
    daemons.run("peer", "ovs-vsctl", "set-controller", "br0", f"ptcp:{port}:127.0.0.1")
    show = daemons.run("peer", "ovs-ofctl", "-O", "OpenFlow13", "show", f"tcp:127.0.0.1:{port}").stdout
    assert "LOCAL(br0)" in show
    assert flows(daemons).split() == ["priority=0", "actions=NORMAL"]  # a listener rules nobody


def test_only_the_protocols_that_the_bridge_may_speak(daemons: Daemons) -> None:
    daemons.run("peer", "ovs-vsctl", "set", "bridge", "br0", "protocols=OpenFlow13")
    assert daemons.run("peer", "ovs-ofctl", "-O", "OpenFlow13", "show", "br0").returncode == 0
    refused = daemons.run("peer", "ovs-ofctl", "-O", "OpenFlow10", "show", "br0", check=False)
    assert refused.returncode == 1


def test_without_its_controller_a_standalone_switch_switches(daemons: Daemons, port: int) -> None:
    daemons.run("peer", "ovs-vsctl", "set-controller", "br0", f"tcp:127.0.0.1:{port}")
    daemons.run("peer", "ovs-appctl", "time/stop")
    trace = ("ovs-appctl", "ofproto/trace", "br0", "in_port=1,dl_src=50:54:00:00:00:05")
    assert "Datapath actions: drop" in daemons.run("peer", *trace).stdout
    daemons.run("peer", "ovs-appctl", "time/warp", "20000", "1000")
    assert "Datapath actions: 100,2" in daemons.run("peer", *trace).stdout.replace("2,100", "100,2")
    daemons.run("peer", "ovs-vsctl", "set-fail-mode", "br0", "secure")
    assert "Datapath actions: drop" in daemons.run("peer", *trace).stdout


# Keys from the database.


@pytest.fixture
def keys(tmp_path: Path) -> dict[str, Path]:
    """Of one authority: `ca`, and a key and a certificate for each of `switch` and `controller`."""
    made = {}
    fresh = ["openssl", "req", "-newkey", "rsa:2048", "-nodes", "-batch"]
    quiet = {"check": True, "capture_output": True, "cwd": tmp_path}
    authority = ["-x509", "-subj", "/CN=authority", "-keyout", "ca-key.pem", "-out", "ca.pem"]
    subprocess.run([*fresh, *authority], **quiet)  # type: ignore[call-overload]
    for who in ("switch", "controller"):
        subprocess.run([*fresh, "-subj", f"/CN={who}", "-keyout", f"{who}.key", "-out", "req.pem"], **quiet)  # type: ignore[call-overload]
        sign = [
            "openssl",
            "x509",
            "-req",
            "-in",
            "req.pem",
            "-CA",
            "ca.pem",
            "-CAkey",
            "ca-key.pem",
            "-CAcreateserial",
        ]
        subprocess.run([*sign, "-out", f"{who}.pem"], **quiet)  # type: ignore[call-overload]
        made |= {f"{who}.key": tmp_path / f"{who}.key", f"{who}.pem": tmp_path / f"{who}.pem"}
    return made | {"ca.pem": tmp_path / "ca.pem"}


def test_a_controller_over_tls_with_keys_from_the_database(
    daemons: Daemons, port: int, keys: dict[str, Path]
) -> None:
    words = [program("peer", "ovs-testcontroller"), f"pssl:{port}:127.0.0.1", "-vconsole:off"]
    words += ["-p", str(keys["controller.key"]), "-c", str(keys["controller.pem"]), "-C", str(keys["ca.pem"])]
    words += [f"--peer-ca-cert={keys['ca.pem']}"]
    bootstrapped = daemons.directory / "fetched.pem"
    with subprocess.Popen(words, env=daemons.environment, stderr=subprocess.DEVNULL) as process:
        try:
            daemons.run("peer", "ovs-vsctl", "set-controller", "br0", f"ssl:127.0.0.1:{port}")
            wait_until(lambda: "Protocol not available" in daemons.log("ovs-vswitchd"))
            ssl = [str(keys["switch.key"]), str(keys["switch.pem"]), str(bootstrapped)]
            daemons.run("peer", "ovs-vsctl", "--bootstrap", "set-ssl", *ssl)
            wait_until(lambda: is_connected(daemons))
            assert bootstrapped.read_text().split() == keys["ca.pem"].read_text().split()
            wait_until(lambda: "CONTROLLER" in flows(daemons))  # which it adds once it is connected
        finally:
            process.terminate()


def test_a_listener_over_tls_takes_new_keys_while_it_listens(
    daemons: Daemons, port: int, keys: dict[str, Path]
) -> None:
    ssl = [str(keys["switch.key"]), str(keys["switch.pem"]), str(keys["ca.pem"])]
    daemons.run("peer", "ovs-vsctl", "set-ssl", *ssl, "--", "set-controller", "br0", f"pssl:{port}:127.0.0.1")
    tool = ["-p", str(keys["controller.key"]), "-c", str(keys["controller.pem"]), "-C", str(keys["ca.pem"])]
    ask = ("ovs-ofctl", *tool, "-t", "10", "show", f"ssl:127.0.0.1:{port}")
    wait_until(lambda: daemons.run("peer", *ask, check=False).returncode == 0)
    keys["switch.pem"].rename(keys["switch.pem"].with_suffix(".away"))
    assert daemons.run("peer", *ask, check=False).returncode == 1
    keys["switch.pem"].with_suffix(".away").rename(keys["switch.pem"])
    assert daemons.run("peer", *ask, check=False).returncode == 0


def test_a_controller_that_wants_nothing_unasked_hears_nothing(daemons: Daemons, port: int) -> None:
    target = f"tcp:127.0.0.1:{port}"
    daemons.run(
        "peer",
        "ovs-vsctl",
        "set-controller",
        "br0",
        target,
        "--",
        "set",
        "controller",
        "br0",
        "enable_async_messages=false",
    )
    with controller(daemons, port):
        wait_until(lambda: is_connected(daemons))
        wait_until(lambda: "CONTROLLER" in flows(daemons))
        daemons.run("peer", "ovs-appctl", "netdev-dummy/receive", "p1", PING.format(1, 5, 7))
        daemons.run("peer", "ovs-appctl", "netdev-dummy/receive", "p2", PING.format(2, 7, 5))
        daemons.run("peer", "ovs-ofctl", "-O", "OpenFlow13", "show", "br0")
        assert "actions=output:1" not in flows(daemons)


@pytest.mark.parametrize("make", ["ours", "peer"])
def test_hidden_rules_keep_the_way_to_controllers_open(make: Make, tmp_path: Path) -> None:
    with Daemons(tmp_path, "peer", make) as switch:
        mac = "other-config:hwaddr=aa:bb:cc:00:00:01"
        switch.run(
            "peer", "ovs-vsctl", "add-br", "br0", "--", "set", "bridge", "br0", "datapath_type=dummy", mac
        )

        def hidden() -> list[str]:
            lines = switch.run("peer", "ovs-appctl", "bridge/dump-flows", "br0").stdout.splitlines()
            return sorted(line.partition("priority=")[2] for line in lines if "priority=18" in line)

        switch.run("peer", "ovs-vsctl", "set-controller", "br0", "tcp:10.1.2.3:6653", "ssl:10.1.2.4")
        wait_until(lambda: len(hidden()) == 11)
        assert "180007,tcp,nw_dst=10.1.2.4,tp_dst=6653,actions=NORMAL" in hidden()
        assert (
            "180000,udp,in_port=LOCAL,dl_src=aa:bb:cc:00:00:01,tp_src=68,tp_dst=67,actions=NORMAL" in hidden()
        )
        switch.run("peer", "ovs-vsctl", "set", "bridge", "br0", "other_config:in-band-queue=5")
        wait_until(lambda: all("actions=set_queue:5,NORMAL" in line for line in hidden()))
        switch.run("peer", "ovs-vsctl", "set", "bridge", "br0", "other_config:disable-in-band=true")
        wait_until(lambda: not hidden())
