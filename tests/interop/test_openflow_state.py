"""What a switch keeps for OpenFlow: the peer's ovs-ofctl says the same to either switch, and hears the same."""

import re
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.interop.daemons import Daemons, Make, program

pytestmark = pytest.mark.interop

FILES = {
    "two": "table=0,priority=1,in_port=1,actions=2\ntable=0,priority=2,in_port=2,actions=1\n",
    "mixed": "add table=0,priority=5,in_port=1,actions=3\nmodify table=0,in_port=2,actions=3\ndelete table=0,in_port=1\n",
    "bad": "add table=0,priority=7,in_port=1,actions=3\ndelete table=0,in_port=2\nadd table=254,priority=7,actions=3\n",
    "bundle": "flow add table=0,priority=9,in_port=1,actions=3\nflow delete table=0,in_port=2\n"
    "packet-out in_port=1 packet=5054000000075054000000050800 actions=table\n",
}
BUNDLES = """
add-flows two
replace-flows --bundle two
--bundle add-flows two
--bundle add-flows mixed
--bundle add-flows bad
--bundle replace-flows two
bundle bundle
"""
GROUPS = """
add-group group_id=1,type=all,bucket=actions=mod_vlan_vid:5,output:2,bucket=actions=output:3,resubmit(,3)
add-group group_id=2,type=select,selection_method=hash,fields(ip_src),bucket=weight=0,actions=output:2,bucket=output:3
add-group group_id=4,type=ff,bucket=watch_port=1,actions=output:2,bucket=watch_port=3,actions=output:3
add-group group_id=1,type=all
mod-group group_id=99,type=all
--may-create mod-group group_id=99,type=all,bucket=output:1
insert-buckets group_id=99,command_bucket_id=last,bucket=bucket_id=5,actions=output:2
insert-buckets group_id=99,command_bucket_id=first,bucket=bucket_id=6,actions=output:2
insert-buckets group_id=99,command_bucket_id=5,bucket=bucket_id=7,actions=output:3
insert-buckets group_id=99,command_bucket_id=15,bucket=bucket_id=8,actions=output:3
insert-buckets group_id=99,command_bucket_id=last,bucket=bucket_id=5,actions=output:3
dump-groups 99
remove-buckets group_id=99,command_bucket_id=last
remove-buckets group_id=99,command_bucket_id=55
dump-groups 99
remove-buckets group_id=99,command_bucket_id=all
dump-groups
dump-group-stats
dump-group-features
add-flow actions=group:4096
add-flow table=1,actions=group:4
dump-flows out_group=4
dump-group-stats group_id=4
del-groups group_id=4
dump-flows
del-groups
dump-groups
"""
TABLES = """
dump-table-features
dump-table-desc
dump-tables
mod-table 3 name:hugo
add-flow table=hugo,actions=drop
--names dump-flows
mod-table hugo evict
mod-table 4 vacancy:20,80
dump-table-desc
mod-table hugo noevict
mod-table 4 novacancy
mod-table 254 novacancy
mod-table all evict
dump-table-desc
mod-table 0 controller
dump-table-features
"""
FULL = """
add-flow table=1,priority=1,actions=drop
add-flow table=1,priority=2,idle_timeout=20,actions=drop
add-flow table=1,priority=3,idle_timeout=10,actions=drop
add-flow table=1,priority=4,importance=1,idle_timeout=10,actions=drop
mod-table 1 evict
add-flow table=1,priority=5,importance=3,idle_timeout=20,actions=drop
dump-flows table=1
add-flow table=1,priority=6,importance=2,hard_timeout=20,actions=drop
dump-flows table=1
dump-table-features
dump-table-desc
"""
LEARN = """
del-flows
add-flow table=0,ip,actions=learn(table=1,delete_learned,cookie=0x55,idle_timeout=5,fin_idle_timeout=3,eth_type=0x800,ip_src=NXM_OF_IP_DST[]),2
packet-out in_port=1,packet=50540000000750540000000508004500005400000000400101e5c0a80001c0a800020800000000000000,actions=table
dump-flows
del-flows table=0
dump-flows
"""
SCRIPTS = {
    "bundles": (BUNDLES, "OpenFlow14"),
    "groups": (GROUPS, "OpenFlow15"),
    "tables": (TABLES, "OpenFlow15"),
    "full tables": (FULL, "OpenFlow14"),
    "learn": (LEARN, "OpenFlow13"),
}


def build(daemons: Daemons) -> None:
    versions = ",".join(f"OpenFlow1{n}" for n in range(6))
    daemons.run(
        "peer",
        "ovs-vsctl",
        "add-br",
        "br0",
        "--",
        "set",
        "bridge",
        "br0",
        "datapath_type=dummy",
        f"protocols={versions}",
        "fail_mode=secure",
    )
    for name in ("p1", "p2", "p3"):
        daemons.run("peer", "ovs-vsctl", "add-port", "br0", name, "--", "set", "int", name, "type=dummy")
    table = ("--", "set", "bridge", "br0", "flow_tables:1=@t")
    daemons.run(
        "peer", "ovs-vsctl", "--", "--id=@t", "create", "Flow_Table", "name=egon", "flow_limit=3", *table
    )
    for name, text in FILES.items():
        (daemons.directory / name).write_text(text)


def said(daemons: Daemons, *words: str) -> list[str]:
    done = daemons.run("peer", "ovs-ofctl", *words, check=False)
    text = (done.stdout + done.stderr).replace(str(daemons.directory), "DIR")
    text = re.sub(r"duration=[\d.]+s", "duration=Xs", re.sub(r"xid=0x[0-9a-f]+", "xid=X", text))
    text = re.sub(r"\d{4}-\d\d-\d\dT[\d:.]+Z\|\d+\|", "", text)
    lines = text.splitlines()
    if any(word in words for word in ("dump-flows", "dump-groups", "dump-group-stats")):
        lines.sort()  # what has no order
    return [f"$ {' '.join(words)}", *lines, f"status {done.returncode}"]


def play(script: str, directory: Path, switch: Make, version: str) -> list[str]:
    """What ovs-ofctl prints for the commands of `script`, and for the flows after each."""
    heard = []
    with Daemons(directory, "peer", switch) as daemons:
        build(daemons)
        for line in script.strip().splitlines():
            *options, command, rest = re.match(r"((?:--\S+ )*)(\S+) ?(.*)", line).groups()  # type: ignore[union-attr]
            words = [*options[0].split(), *(("--no-stats",) if command == "dump-flows" else ()), command]
            heard += said(daemons, "-O", version, *words, "br0", *rest.split(" ") if rest else ())
            if script is BUNDLES:
                heard += said(daemons, "--no-stats", "dump-flows", "br0")
    return heard


@pytest.mark.parametrize(("script", "version"), SCRIPTS.values(), ids=SCRIPTS)
def test_the_same_is_heard_from_both(
    tmp_path_factory: pytest.TempPathFactory, script: str, version: str
) -> None:
    ours, theirs = (play(script, tmp_path_factory.mktemp(make), make, version) for make in ("ours", "peer"))
    assert ours == theirs


# Flow monitors.


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def monitored(directory: Path, switch: Make, version: str, what: str) -> list[str]:
    """What a monitor prints while flows change."""
    with Daemons(directory, "peer", switch) as daemons:
        build(daemons)

        def change(*words: str) -> None:
            daemons.run("peer", "ovs-ofctl", "-O", version, *words)

        change("add-flow", "br0", "table=0,priority=3,cookie=5,in_port=1,actions=output:2")
        control, output = f"{daemons.directory}/m.ctl", daemons.directory / "monitor.out"
        words = [program("peer", "ovs-ofctl"), "-O", version, "monitor", "br0", what]
        with (
            output.open("w") as file,
            subprocess.Popen(
                [*words, f"--unixctl={control}", "-vconsole:off"],
                env=daemons.environment,
                stdout=file,
                stderr=file,
            ) as process,
        ):
            try:
                barrier = ("ovs-appctl", "-t", control, "ofctl/barrier")
                wait_until(lambda: daemons.run("peer", *barrier, check=False).returncode == 0)
                change("add-flow", "br0", "table=0,priority=4,in_port=2,idle_timeout=9,actions=output:1")
                change("mod-flows", "br0", "in_port=2,actions=output:3")
                change("mod-flows", "br0", "in_port=2,actions=output:3")
                change("add-flow", "br0", "table=0,priority=4,in_port=2,idle_timeout=9,actions=output:3")
                change("add-flow", "br0", "table=2,in_port=2,actions=output:3")
                change("del-flows", "br0", "in_port=1")
                change("del-flows", "br0", "in_port=2,table=0")
                change("del-flows", "br0", "table=2")
                daemons.run("peer", *barrier)
                daemons.run("peer", "ovs-appctl", "-t", control, "exit")
                process.wait(10)
            finally:
                process.kill()
        return [re.sub(r"xid=0x[0-9a-f]+", "xid=X", line) for line in output.read_text().splitlines()]


@pytest.mark.parametrize(
    ("version", "what"),
    [
        ("OpenFlow10", "watch:"),
        ("OpenFlow13", "watch:out_port=1"),
        ("OpenFlow14", "watch:"),
        ("OpenFlow15", "watch:!initial,!actions,table=2"),
    ],
)
def test_monitors_hear_the_same(tmp_path_factory: pytest.TempPathFactory, version: str, what: str) -> None:
    ours, theirs = (
        monitored(tmp_path_factory.mktemp(make), make, version, what) for make in ("ours", "peer")
    )
    assert ours == theirs
