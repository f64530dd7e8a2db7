"""A hole in the host's packet filter for a protocol that the switch's tunnels use.

Sources: ovs-ctl(8), "The enable-protocol command"; iptables(8); protocols(5).
"""

from __future__ import annotations

from vswitch.cli.startup.host import Host, StartupError, action, check
from vswitch.cli.startup.settings import Settings


def enable(host: Host, settings: Settings) -> None:
    """Accept the protocol unless some rule of the INPUT chain speaks of it already; raises StartupError."""
    name, ports = settings["protocol"], _ports(settings)
    number = protocol_number(host, name)
    if not number:
        raise StartupError(f"unknown protocol {name}")
    text = " ".join([name, *ports])
    listing = host.run("iptables", "-n", "-L", "INPUT")
    if listing.returncode == 127:
        print(f"iptables binary not installed, not adding a rule for {text}.", flush=True)
    elif listing.returncode:
        print(f"iptables is not enabled, not adding a rule for {text}.", flush=True)
    elif _is_mentioned(listing.stdout, {name, number}, ports):
        print(f"iptables already has a rule for {text}, not explicitly enabling.", flush=True)
    else:
        options = [
            word for key in ("dport", "sport") if settings[key] for word in (f"--{key}", settings[key])
        ]
        with action(f"Enabling {text} with iptables"):
            check(host.run("iptables", "-I", "INPUT", "-p", name, *options, "-j", "ACCEPT"))


def protocol_number(host: Host, name: str) -> str:
    """The number of an IP protocol that /etc/protocols knows; empty if it does not."""
    for line in host.text("/etc/protocols").splitlines():
        words = line.partition("#")[0].split()
        if len(words) > 1 and name in (words[0], *words[2:]):
            return words[1]
    return ""


def _ports(settings: Settings) -> list[str]:
    """The ports as iptables lists them."""
    named = (("dpt", settings["dport"]), ("spt", settings["sport"]))
    return [f"{label}:{port}" for label, port in named if port]


def _is_mentioned(listing: str, names: set[str], ports: list[str]) -> bool:
    """Whether a rule is about the protocol, and about the ports if there are any."""
    rules = (line.split() for line in listing.splitlines()[2:])
    return any(len(rule) > 1 and rule[1] in names and set(ports) <= set(rule) for rule in rules)
