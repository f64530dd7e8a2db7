"""Looking at this machine: which datapaths and devices it can have.

The code of a datapath is imported when there is a bridge that wants it: each is 10 ms of a daemon's start.

Sources: ovs-vswitchd(8): --enable-dummy, --disable-system.
"""

from __future__ import annotations

import asyncio
import time

from vswitch.base.log import LOG
from vswitch.dpif.datapath import Datapath
from vswitch.netdev.dummy import DummyDevices
from vswitch.netdev.types import register_dummies, register_linux
from vswitch.vswitchd.platform import Platform

for name in (
    "dpif_ebpf",
    "ebpf_prepared",
):  # of datapath/ebpf: -v and vlog/set know them before it is imported
    LOG.module(name)


def build_platform(dummy: str = "", system: bool = True) -> Platform:
    """The types that this machine has.

    `dummy` is "" for none in memory; "on"; "override": nothing but those, under every name; or "system": those in place
    of the kernel's.  Without `system`, there is no default datapath.
    """
    platform = Platform()
    kernel = register_linux(platform.registry)
    platform.close = kernel.close
    platform.registry.datapaths["netdev"] = _open_userspace
    if system:
        _choose_default(platform)
    if dummy:
        _offer_dummies(platform, dummy)
    return platform


def _choose_default(platform: Platform) -> None:
    """Let "system" be the fastest datapath that works here."""
    from vswitch.datapath.ebpf.probe import find_features, why_not

    reason = why_not()
    if not reason:
        platform.registry.datapaths["ebpf"] = _open_ebpf
    platform.aliases["system"] = "netdev" if reason else "ebpf"
    platform.default_reason = (
        f"packets pass through this process, because {reason}"
        if reason
        else f"the kernel forwards, in programs made for its flows, {find_features()}"
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
