"""The plugins: documents in, documents out, and what the switch's database says afterwards."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from xmlrpc.client import dumps, loads

import pytest

from tests.interop.daemons import Daemons
from tests.xenserver import pool
from tests.xenserver.fake_xapi import FakeXapi
from tests.xenserver.host_root import HostRoot
from vswitch.xenserver import xapi
from vswitch.xenserver.host import Host
from vswitch.xenserver.plugin import PluginFailure, respond
from vswitch.xenserver.switchdb import SwitchDatabase
from vswitch.xenserver.update import by_controller, by_sdn_controller, functions

CACERT = "/etc/openvswitch/vswitchd.cacert"
KEY = "/etc/xensource/xapi-ssl.pem"
OTHER = "ssl:10.9.9.9:6632"


@pytest.fixture(scope="module")
def daemons(tmp_path_factory: pytest.TempPathFactory):
    with Daemons(tmp_path_factory.mktemp("switch"), "ours", "ours", "--enable-dummy=override") as daemons:
        yield daemons


@pytest.fixture
def host(daemons: Daemons):
    with HostRoot() as host:
        host.path("/var/run").mkdir(parents=True)
        host.path("/var/run/openvswitch").symlink_to(daemons.directory)
        host.write(CACERT, "of the former manager")
        host.program("/opt/xensource/libexec/interface-reconfigure")
        vsctl(daemons, "emer-reset")
        for bridge in vsctl(daemons, "list-br").split():
            vsctl(daemons, "--if-exists", "del-br", bridge)
        vsctl(
            daemons, "add-br", "xenbr2", "--", "add-port", "xenbr2", "eth2", "--", "set", "Bridge", "xenbr2",
            f'other_config:hwaddr="{pool.mac(2)}"', "fail_mode=standalone", "--", "add-br", "xenbr3", "--", "set",
            "Bridge", "xenbr3", "fail_mode=standalone", "--", "add-br", "xapi3", "xenbr3", "123", "--", "add-br",
            "stranger", "--", "set", "Interface", "eth2", "ofport_request=7",
        )  # fmt: skip
        yield host


@pytest.fixture
def fake(host: HostRoot):
    with FakeXapi(pool.tables()) as fake:
        fake.sessions.add("OpaqueRef:theirs")
        fake.listen_unix(host.path("/var/lib/xcp/xapi"))
        yield fake


def vsctl(daemons: Daemons, *words: str) -> str:
    """ovs-vsctl, without the time to start it."""
    return "\n".join(
        SwitchDatabase(f"unix:{daemons.socket}", "test", is_waiting=False).run(words, 10)
    ).strip()


def call(
    host: HostRoot, daemons: Daemons, function: str = "update", wanting=by_controller
) -> dict[str, object]:
    switch = SwitchDatabase(f"unix:{daemons.socket}", "plugin")
    document = dumps(("OpaqueRef:theirs", {}), function)
    (answer,), _ = loads(respond(document, functions(Host(str(host.root)), switch, wanting)))
    return answer


def update(host: HostRoot, daemons: Daemons, wanting=by_controller) -> str:
    answer = call(host, daemons, wanting=wanting)
    assert answer["Status"] == "Success", answer
    return str(answer["Value"])


BRANCHES = [
    # wanted, manager before, manager after, is the CA forgotten, is the configuration reset
    ("", "", "", False, False),
    ("", OTHER, "", True, True),
    ("10.1.1.1", "ssl:10.1.1.1:6632", "ssl:10.1.1.1:6632", False, False),
    ("10.1.1.1", "ssl:10.1.1.1:6640", "ssl:10.1.1.1:6640", False, False),
    ("10.1.1.1", "", "ssl:10.1.1.1:6632", True, True),
    ("10.1.1.1", OTHER, "ssl:10.1.1.1:6632", True, True),
    ("10.1.1.1", "ptcp:6640", "ssl:10.1.1.1:6632", True, True),
]


@pytest.mark.parametrize(("wanted", "before", "after", "is_forgotten", "is_reset"), BRANCHES)
def test_branches(
    host: HostRoot, daemons: Daemons, fake: FakeXapi, wanted: str, before: str, after: str, *, is_forgotten: bool,
    is_reset: bool,
) -> None:  # fmt: skip
    fake.tables["pool"]["OpaqueRef:pool"]["vswitch_controller"] = wanted
    if before:
        vsctl(daemons, "set-manager", before)
    vsctl(daemons, "set-controller", "xenbr3", "tcp:127.0.0.1:1")
    update(host, daemons)
    assert vsctl(daemons, "get-manager") == after
    assert host.path(CACERT).exists() != is_forgotten
    assert (vsctl(daemons, "get-controller", "xenbr3") == "") == is_reset
    assert host.calls() == ["/opt/xensource/libexec/interface-reconfigure rewrite"]
    if is_reset and wanted:
        certificate = vsctl(daemons, "get-ssl").splitlines()
        assert certificate == [
            f"Private key: {KEY}", f"Certificate: {KEY}", f"CA Certificate: {CACERT}", "Bootstrap: true",
        ]  # fmt: skip
    elif is_reset:
        assert vsctl(daemons, "--columns=_uuid", "list", "SSL") == ""


def test_a_second_call_changes_nothing(host: HostRoot, daemons: Daemons, fake: FakeXapi) -> None:
    fake.tables["pool"]["OpaqueRef:pool"]["vswitch_controller"] = "10.1.1.1"
    pool.options(
        fake.tables, "net-xenbr3", vswitch_disable_in_band="true", vswitch_controller_fail_mode="secure"
    )
    assert "controller set to 10.1.1.1" in update(host, daemons)
    assert update(host, daemons) == "nothing to change"


@pytest.mark.parametrize(
    ("value", "before", "after"),
    [
        ("true", "", "true"),
        ("false", "true", "false"),
        ("", "true", ""),
        ("", "", ""),
        ("junk", "true", "true"),
        ("true", "true", "true"),
    ],
)
def test_in_band(
    host: HostRoot, daemons: Daemons, fake: FakeXapi, value: str, before: str, after: str
) -> None:
    if value:
        pool.options(fake.tables, "net-xenbr3", vswitch_disable_in_band=value)
    if before:
        vsctl(daemons, "set", "Bridge", "xenbr3", f"other_config:disable-in-band={before}")
    said = update(host, daemons)
    got = vsctl(daemons, "--if-exists", "get", "Bridge", "xenbr3", "other_config:disable-in-band").strip('"')
    assert got == after
    assert ("not valid" in said) == (value == "junk")


@pytest.mark.parametrize(
    ("network", "of_pool", "expected"),
    [("", "", "standalone"), ("secure", "", "secure"), ("", "secure", "secure"), ("standalone", "secure", "standalone"),
     ("junk", "secure", "standalone")],
)  # fmt: skip
def test_fail_mode(
    host: HostRoot, daemons: Daemons, fake: FakeXapi, network: str, of_pool: str, expected: str
) -> None:
    if network:
        pool.options(fake.tables, "net-xenbr3", vswitch_controller_fail_mode=network)
    if of_pool:
        pool.options(fake.tables, "pool", vswitch_controller_fail_mode=of_pool)
    update(host, daemons)
    assert vsctl(daemons, "get-fail-mode", "xenbr3") == expected
    assert vsctl(daemons, "get-fail-mode", "stranger") == ""


@pytest.mark.parametrize("is_new", [True, False])
def test_the_host_stays_reachable(host: HostRoot, daemons: Daemons, fake: FakeXapi, is_new: bool) -> None:
    fake.tables["pool"]["OpaqueRef:pool"] |= {
        "vswitch_controller": "10.1.1.1" if is_new else "",
        "other_config": {"vswitch-controller-fail-mode": "secure"},
    }
    update(host, daemons)
    text = daemons.run("ours", "ovs-ofctl", "--no-stats", "dump-flows", "xenbr2").stdout
    expected = [
        "priority=0,arp,in_port=7,arp_op=1 actions=LOCAL",
        f"priority=0,arp,in_port=LOCAL,dl_src={pool.mac(2)} actions=output:7",
        f"priority=0,in_port=7,dl_dst={pool.mac(2)} actions=LOCAL",
        f"priority=0,in_port=LOCAL,dl_src={pool.mac(2)} actions=output:7",
    ]
    assert sorted(line.strip() for line in text.splitlines()) == (expected if is_new else [])


def test_a_flow_that_fails(host: HostRoot, daemons: Daemons, fake: FakeXapi) -> None:
    fake.tables["pool"]["OpaqueRef:pool"] |= {
        "vswitch_controller": "10.1.1.1",
        "other_config": {"vswitch-controller-fail-mode": "secure"},
    }
    host.path("/var/run/openvswitch").unlink()
    code, *parameters = call(host, daemons)["ErrorDescription"]
    assert (code, parameters[:2]) == ("VSWITCH_ADD_FLOW_FAILURE", ["1", "xenbr2"])
    assert parameters[2].startswith("idle_timeout=0,priority=0,in_port=7,arp")


@pytest.mark.parametrize(("n_pools", "code"), [(0, "NO_POOL_FOR_HOST"), (2, "MORE_THAN_ONE_POOL_FOR_HOST")])
def test_pools(host: HostRoot, daemons: Daemons, fake: FakeXapi, n_pools: int, code: str) -> None:
    [record] = fake.tables["pool"].values()
    fake.tables["pool"] = {f"OpaqueRef:pool{number}": record for number in range(n_pools)}
    assert call(host, daemons)["ErrorDescription"] == [code]


def test_no_switch(host: HostRoot, daemons: Daemons, fake: FakeXapi) -> None:
    fake.tables["pool"]["OpaqueRef:pool"]["vswitch_controller"] = "10.1.1.1"
    switch = SwitchDatabase("unix:/nowhere", "plugin")
    table = functions(Host(str(host.root)), switch, by_controller)
    with pytest.raises(PluginFailure) as caught:
        table["update"]("OpaqueRef:theirs", {})
    assert caught.value.code == "VSWITCH_CONFIG_MOD_FAILURE"
    assert caught.value.parameters[0] == "1"
    assert caught.value.parameters[1].endswith("-- set-manager ssl:10.1.1.1:6632")
    with pytest.raises(PluginFailure, match="VSWITCH_EMER_RESET_FAILURE 1"):
        table["emergency_reset"]("OpaqueRef:theirs", {})


def test_emergency_reset(host: HostRoot, daemons: Daemons, fake: FakeXapi) -> None:
    vsctl(daemons, "set-manager", OTHER)
    assert call(host, daemons, "emergency_reset")["Status"] == "Success"
    assert vsctl(daemons, "get-manager") == ""


def test_a_session_that_has_ended(host: HostRoot, daemons: Daemons, fake: FakeXapi) -> None:
    fake.sessions.clear()
    code, function, kind, text = call(host, daemons)["ErrorDescription"]
    assert (code, function, kind) == ("XENAPI_PLUGIN_FAILURE", "update", "XapiFailure")
    assert "SESSION_INVALID" in text


@pytest.mark.parametrize(
    ("fault", "text"),
    [("absent", "cannot be reached (pool.get_all)"), ("slow", "does not answer (pool.get_all)"),
     ("dying", "cannot be reached (network.get_all_records)")],
)  # fmt: skip
def test_xapi_that_fails(
    host: HostRoot, daemons: Daemons, fake: FakeXapi, monkeypatch: pytest.MonkeyPatch, fault: str, text: str
) -> None:
    """There is an answer all the same, and the bridges are as they were."""
    vsctl(daemons, "set", "Bridge", "xenbr3", "fail_mode=secure")
    match fault:
        case "absent":
            host.path("/var/lib/xcp/xapi").unlink()
        case "slow":
            monkeypatch.setattr(xapi, "TIMEOUT", 0.2)
            fake.delays["pool.get_all"] = 1.0
        case "dying":
            fake.deaths.add("network.get_all_records")
    code, function, kind, said = call(host, daemons)["ErrorDescription"]
    assert (code, function, kind) == ("XENAPI_PLUGIN_FAILURE", "update", "XapiUnreachable")
    assert text in said
    assert vsctl(daemons, "get-fail-mode", "xenbr3") == "secure"
    assert vsctl(daemons, "get-manager") == ""


# --- the newer plugin ---

SDN = [
    # protocol or nothing, manager before, manager after, calls of firewall-port on XCP-ng, CA afterwards
    (None, "", "", [], None),
    (None, "pssl:6640", "", ["close 6640", "close 6653"], None),
    ("ssl", "", "ssl:10.1.1.1:6632", ["close 6640", "close 6653"], CACERT),
    ("ssl", "ssl:10.1.1.1:6632", "ssl:10.1.1.1:6632", [], None),
    ("ssl", "ssl:10.1.1.1:6640", "ssl:10.1.1.1:6632", ["close 6640", "close 6653"], CACERT),
    ("pssl", "", "pssl:6640", ["open 6640", "open 6653"], "/etc/stunnel/certs/sdn-controller-ca.pem"),
    ("pssl", "ssl:10.1.1.1:6632", "pssl:6640", ["open 6640", "open 6653"],
     "/etc/stunnel/certs/sdn-controller-ca.pem"),
    ("pssl", "pssl:6640", "pssl:6640", [], None),
]  # fmt: skip


@pytest.mark.parametrize("brand", ["XCP-ng", "XenServer"])
@pytest.mark.parametrize(("protocol", "before", "after", "firewall", "ca"), SDN)
def test_sdn_controller(
    host: HostRoot, daemons: Daemons, fake: FakeXapi, protocol: str | None, before: str, after: str,
    firewall: list[str], ca: str | None, brand: str,
) -> None:  # fmt: skip
    host.path("/opt/xensource/libexec/interface-reconfigure").unlink()
    host.program("/etc/xapi.d/plugins/firewall-port")
    host.write("/etc/xensource-inventory", host.read("/etc/xensource-inventory").replace("XenServer", brand))
    if protocol:
        fake.tables["SDN_controller"]["OpaqueRef:sdn"] = {
            "protocol": protocol,
            "address": "10.1.1.1" if protocol == "ssl" else "",
            "port": "6632" if protocol == "ssl" else "0",
        }
    if before:
        vsctl(daemons, "set-manager", before)
    update(host, daemons, by_sdn_controller)
    assert vsctl(daemons, "get-manager") == after
    ports = ["6640", "6653"] if brand == "XCP-ng" else ["6640"]
    expected = [f"/etc/xapi.d/plugins/firewall-port {line}" for line in firewall if line.split()[1] in ports]
    assert host.calls() == expected
    if ca:
        assert f"CA Certificate: {ca}" in vsctl(daemons, "get-ssl")


# --- the protocol ---


def fail(session: str, arguments: object) -> str:
    raise PluginFailure("MINE", ["a", "b"])


def stumble(session: str, arguments: object) -> str:
    raise KeyError("x")


def echo(session: str, arguments: object) -> str:
    return f"{session} {arguments}"


TABLE = {"fail": fail, "stumble": stumble, "echo": echo}
ANSWERS = [
    (dumps(("s", {"a": "b"}), "echo"), {"Status": "Success", "Value": "s {'a': 'b'}"}),
    (dumps(("s", {}), "fail"), {"Status": "Failure", "ErrorDescription": ["MINE", "a", "b"]}),
    (
        dumps(("s", {}), "stumble"),
        {"Status": "Failure", "ErrorDescription": ["XENAPI_PLUGIN_FAILURE", "stumble", "KeyError", "'x'"]},
    ),
    (
        dumps(("s", {}), "nope"),
        {"Status": "Failure", "ErrorDescription": ["UNKNOWN_XENAPI_PLUGIN_FUNCTION", "nope"]},
    ),
]


@pytest.mark.parametrize(("document", "expected"), ANSWERS)
def test_answers(document: str, expected: dict[str, object]) -> None:
    (answer,), _ = loads(respond(document, TABLE))
    assert answer == expected


@pytest.mark.parametrize(
    "document", ["", "<", "<a/>", dumps((1,), "echo"), dumps((1, {}), "echo"), dumps((), "echo")]
)
def test_documents_that_are_none(document: str) -> None:
    (answer,), _ = loads(respond(document, TABLE))
    assert answer["ErrorDescription"][0] == "XENAPI_PLUGIN_FAILURE"


@pytest.mark.parametrize("name", ["openvswitch-cfg-update", "openvswitch-config-update"])
def test_the_executables(name: str) -> None:
    path = Path(__file__).parents[2] / f"packaging/xenserver/root/etc/xapi.d/plugins/{name}"
    words = [sys.executable, path, dumps(("s", {}), "nope")]
    done = subprocess.run(words, env={}, capture_output=True, text=True, check=True)
    (answer,), _ = loads(done.stdout)
    assert answer["ErrorDescription"] == ["UNKNOWN_XENAPI_PLUGIN_FUNCTION", "nope"]
    assert subprocess.run([sys.executable, path], env={}, capture_output=True).returncode == 1
