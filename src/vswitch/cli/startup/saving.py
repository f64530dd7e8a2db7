"""What a restart would lose, as shell scripts that bring it back: flows of bridges, addresses and routes of devices.

Sources: ovs-ctl(8), "The restart command"; ip-address(8), ip-route(8); ovs-ofctl(8).
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path

from vswitch.cli.startup.host import Host, check, program

VERSIONS = ("OpenFlow15", "OpenFlow14", "OpenFlow13", "OpenFlow12", "OpenFlow11", "OpenFlow10")
BUNDLES_SINCE = ("OpenFlow15", "OpenFlow14")
# What `ip addr show` says of an address, and what `ip addr add` calls it.
ADDRESS_WORDS = {"scope": "scope", "metric": "metric", "peer": "peer", "brd": "broadcast", "any": "anycast"}
ROUTE_NOISE = ("linkdown", "dead", "onlink", "pervasive", "offload", "trap")


def save_flows(host: Host, bridges: Sequence[str], directory: Path) -> Iterator[str]:
    """The lines of a script that restores the flows and groups that `bridges` have; their text is in `directory`."""
    ofctl = program("ovs-ofctl")
    yield "#!/bin/sh"
    for bridge in bridges:
        version = _version(host, bridge)
        if not version:
            yield f"# {bridge} does not answer"
            continue
        call = [ofctl, "-O", version]
        flows = check(host.run(*call, "dump-flows", "--no-names", "--no-stats", bridge))
        path = directory / f"{bridge}.flows"
        path.write_text(_rules(flows), encoding="utf-8")
        groups = host.run(*call, "dump-groups", bridge)
        if groups.returncode == 0 and (lines := _rules(groups.stdout)):
            (directory / f"{bridge}.groups").write_text(lines, encoding="utf-8")
            yield shlex.join([*call, "add-groups", bridge, str(directory / f"{bridge}.groups")])
        bundle = ["--bundle"] if version in BUNDLES_SINCE else []
        yield shlex.join([*call, *bundle, "replace-flows", bridge, str(path)])


def _rules(dump: str) -> str:
    """The lines of a dump that are flows or groups, as they can be added again."""
    lines = (line.strip() for line in dump.splitlines())
    return "".join(f"{line}\n" for line in lines if "actions=" in line or line.startswith("group_id="))


def _version(host: Host, bridge: str) -> str:
    """The newest OpenFlow version that a bridge speaks; empty if it does not answer."""
    ofctl = program("ovs-ofctl")
    for version in VERSIONS:
        if host.run(ofctl, "-O", version, "--timeout=5", "show", bridge).returncode == 0:
            return version
    return ""


def save_interfaces(host: Host, names: Sequence[str]) -> Iterator[str]:
    """The lines of a script that restores the state, addresses and routes of the devices, and the packet filter."""
    yield "#!/bin/sh"
    for name in names:
        if host.path(f"/sys/class/net/{name}").exists():
            yield from _device(host, name)
    rules = host.run("iptables-save")
    if rules.returncode == 0 and rules.stdout.strip():
        yield "iptables-restore <<'END_OF_RULES'"
        yield from rules.stdout.splitlines()
        yield "END_OF_RULES"


def _device(host: Host, name: str) -> Iterator[str]:
    link = check(host.run("ip", "-o", "link", "show", "dev", name))
    words = link.replace("\\", " ").split()
    flags = words[2].strip("<>").split(",")
    device = shlex.quote(name)
    yield f"ip link set {device} down"
    yield f"ip addr flush dev {device}"
    settings = [
        f"{option} {words[words.index(word) + 1]}"
        for option, word in (("address", "link/ether"), ("mtu", "mtu"), ("txqueuelen", "qlen"))
        if word in words
    ]
    yield f"ip link set {device} {' '.join(settings)} {'up' if 'UP' in flags else 'down'}"
    for family in ("-4", "-6"):
        yield from _addresses(host, name, family)
    yield f"ip route flush dev {device} proto boot"
    for family in ("-4", "-6"):
        yield from _routes(host, name, family)


def _addresses(host: Host, name: str, family: str) -> Iterator[str]:
    for line in host.run("ip", family, "-o", "addr", "show", "dev", name).stdout.splitlines():
        words = line.replace("\\", " ").split()
        if (
            "link" in words
            and "scope" in words
            and words[words.index("scope") + 1] == "link"
            and family == "-6"
        ):
            continue  # the kernel makes it anew
        kept = words[3:4]
        rest = iter(words[4:])
        for word in rest:
            if word in ADDRESS_WORDS:
                kept += [ADDRESS_WORDS[word], next(rest, "")]
        yield shlex.join(["ip", family, "addr", "add", *kept, "dev", name])


def _routes(host: Host, name: str, family: str) -> Iterator[str]:
    for line in host.run("ip", family, "route", "show", "dev", name).stdout.splitlines():
        words = [word for word in line.split() if word not in ROUTE_NOISE]
        if "proto" in words and words[words.index("proto") + 1] == "kernel":
            continue
        yield shlex.join(["ip", family, "route", "add", *words, "dev", name])
