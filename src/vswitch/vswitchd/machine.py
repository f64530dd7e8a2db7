"""Looking at this machine: which datapaths and devices it can have.

The code of a datapath is imported when there is a bridge that wants it: each is 10 ms of a daemon's start.

Sources: ovs-vswitchd(8): --enable-dummy, --disable-system.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from functools import partial

from vswitch.base.log import LOG
from vswitch.dpif.datapath import Datapath
from vswitch.netdev.dummy import DummyDevices
from vswitch.netdev.types import register_dummies, register_linux
from vswitch.vswitchd.platform import Platform
from vswitch.vswitchd.probe import probe

LOGGING_LATER = ("connmgr", "dpif", "dpif_ebpf", "ebpf_prepared", "ofp_msgs", "rconn", "vconn")
for name in LOGGING_LATER:  # -v and vlog/set know them before their modules are imported
    LOG.module(name)


def build_platform(dummy: str = "", system: Callable[[], str] | None = probe) -> Platform:
    """The types that this machine has.

    `dummy` is "" for none in memory; "on"; "override": nothing but those, under every name; or "system": those in place
    of the kernel's.  `system` says what probe() found; without it, there is no default datapath.
    """
    platform = Platform()
    kernel = register_linux(platform.registry)
    platform.close = kernel.close
    platform.registry.datapaths["netdev"] = _open_userspace
    if system:
        platform.choose_default = partial(_choose_default, platform, system)
    if dummy:
        _offer_dummies(platform, dummy)
    return platform


def _choose_default(platform: Platform, system: Callable[[], str]) -> None:
    """Let "system" be the fastest datapath that works here, unless it is one in memory."""
    reason, features = system().split("\n")
    if not reason:
        platform.registry.datapaths["ebpf"] = _open_ebpf
    platform.aliases.setdefault("system", "netdev" if reason else "ebpf")
    platform.default_reason = (
        f"packets pass through this process, because {reason}"
        if reason
        else f"the kernel forwards, in programs made for its flows, {features}"
    )


def _offer_dummies(platform: Platform, how: str) -> None:
    dummies = platform.dummies = DummyDevices(time.time)  # noqa: TID251 - the door to the clock, for captures
    registry = platform.registry
    register_dummies(registry, dummies)

    def open_dummy(name: str) -> Datapath:
        from vswitch.datapath.dummy import DummyDatapath

        local = dummies.open(name, {}, "dummy-internal")
        return DummyDatapath(name, asyncio.get_running_loop().time, local)

    registry.datapaths["dummy"] = open_dummy
    replaced = {
        "override": {*registry.netdevs} - {"dummy-internal", "internal"},
        "system": {"", "system"},
    }.get(how, set())
    for type in replaced:
        registry.netdevs[type] = registry.netdevs["dummy"]
    if how in ("override", "system"):
        platform.aliases["system"] = "dummy"
    if how == "override":
        platform.aliases["netdev"] = "dummy"


def _open_ebpf(name: str) -> Datapath:
    from vswitch.datapath.ebpf.datapath import EbpfDatapath

    return EbpfDatapath(name)


def _open_userspace(name: str) -> Datapath:
    from vswitch.datapath.userspace.datapath import UserspaceDatapath

    return UserspaceDatapath(name, asyncio.get_running_loop().time)
