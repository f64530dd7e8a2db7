"""From the options of ovs-vswitchd to a switch that runs.

Sources: ovs-vswitchd(8).
"""

from __future__ import annotations

from collections.abc import Callable

from vswitch.aio.clock import SteerableLoop
from vswitch.aio.daemon import Service, run_daemon
from vswitch.aio.tls import Tls
from vswitch.base.options import Given
from vswitch.vswitchd.daemon import SwitchDaemon
from vswitch.vswitchd.machine import build_platform


def run(program: str, given: Given, remote: str, system: Callable[[], str] | None) -> int:
    """Be the daemon `program` on the database at `remote`; the exit status.  `system`: see build_platform()."""
    return run_daemon(program, given, lambda service: _serve(service, given, remote, system), SteerableLoop)


async def _serve(service: Service, given: Given, remote: str, system: Callable[[], str] | None) -> None:
    platform = build_platform(
        dummy=(given.get("enable-dummy") or "on") if "enable-dummy" in given else "",
        system=system,
    )
    await SwitchDaemon(service, platform, remote, Tls.from_options(given)).run()
