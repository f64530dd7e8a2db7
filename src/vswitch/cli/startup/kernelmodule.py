"""The kernel's openvswitch module: loaded where there is one, because scripts of hosts look for it.

The switch does without it, so that a kernel that lacks it is no failure.

Sources: ovs-ctl(8), "The start command", "The force-reload-kmod command"; modprobe(8).
"""

from __future__ import annotations

import os
from collections.abc import Iterator

from vswitch.cli.startup.host import Host, say, warn

MODULE = "openvswitch"
LIST = "extra/openvswitch/modules.conf"  # of a kernel's directory: names to try in turn
# Modules that use MODULE and so must go before it.
DEPENDENTS = ("vport_geneve", "vport_gre", "vport_lisp", "vport_stt", "vport_vxlan")


def load(host: Host) -> None:
    """Load the module unless it is loaded, or not to be had; say so."""
    if is_loaded(host):
        return
    if not host.path("/proc/modules").exists():
        print("Kernel has no loadable module support. Skipping modprobe.", flush=True)
        return
    if _modprobe(host):
        say(f"Inserting {MODULE} module")
        return
    if host.path("/sys/module/bridge").exists():
        if bridges := sorted(_linux_bridges(host)):
            warn(f"not removing bridge module because bridges exist ({', '.join(bridges)})")
        elif host.run("rmmod", "bridge").returncode == 0 and _modprobe(host):
            say("Removing bridge module")
            say(f"Inserting {MODULE} module")
            return
    print(f"Kernel has no {MODULE} module: the switch forwards without it.", flush=True)


def unload(host: Host) -> bool:
    """Remove the module if it is loaded; whether it is gone."""
    if not host.path(f"/sys/module/{MODULE}").exists():
        return True
    for name in (*DEPENDENTS, MODULE):
        if host.path(f"/sys/module/{name}").exists():
            done = host.run("rmmod", name)
            if done.returncode:
                warn(f"{name} module cannot be removed: {done.stderr.strip()}")
                return False
            say(f"Removing {name} module")
    return True


def is_loaded(host: Host) -> bool:
    """Whether the kernel has the module now."""
    return host.path(f"/sys/module/{MODULE}").exists()


def _modprobe(host: Host) -> bool:
    return any(host.run("modprobe", name).returncode == 0 for name in _names(host))


def _names(host: Host) -> list[str]:
    """What the module is called: what the package that belongs to the running kernel says, if there is one."""
    lines = host.text(f"/lib/modules/{os.uname().release}/{LIST}").splitlines()
    return [line.strip() for line in lines if line.strip() and line[0] != "#"] or [MODULE]


def _linux_bridges(host: Host) -> Iterator[str]:
    """The kernel's own bridges."""
    for path in host.path("/sys/class/net").glob("*/bridge"):
        yield path.parent.name
