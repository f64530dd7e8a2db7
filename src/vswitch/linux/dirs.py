"""Where Open vSwitch's programs keep their files; the environment may say otherwise.

Sources: ovs-vswitchd(8), ovs-appctl(8); the variables OVS_RUNDIR, OVS_LOGDIR, OVS_DBDIR, OVS_SYSCONFDIR, OVS_PKGDATADIR.
"""

from __future__ import annotations

import os


def rundir() -> str:
    """Sockets and pid files."""
    return os.environ.get("OVS_RUNDIR", "/var/run/openvswitch")


def logdir() -> str:
    """Log files."""
    return os.environ.get("OVS_LOGDIR", "/var/log/openvswitch")


def sysconfdir() -> str:
    """Configuration of the system."""
    return os.environ.get("OVS_SYSCONFDIR", "/etc")


def dbdir() -> str:
    """Databases."""
    return os.environ.get("OVS_DBDIR") or f"{sysconfdir()}/openvswitch"


def pkgdatadir() -> str | None:
    """Read-only data, schemas among it, if somebody says where; our own come with the package."""
    return os.environ.get("OVS_PKGDATADIR")


def in_rundir(name: str) -> str:
    """`name`, taken to be in the run directory unless it is an absolute path."""
    return os.path.join(rundir(), name)  # noqa: PTH118 - an absolute second part wins, as wanted


def default_database() -> str:
    """Where programs look for the database server."""
    return f"unix:{rundir()}/db.sock"
