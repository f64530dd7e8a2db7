"""A XenServer host as a directory: its inventory, devices, configuration, and programs that note how they are called.

Every program under it is a shell script that appends its words to `calls`.  A program fails if fails() has been told
so.  Nothing in here needs privileges or a chroot: the product takes all paths from under a root directory.
"""

from __future__ import annotations

import shutil
import tempfile
from contextlib import AbstractContextManager
from pathlib import Path

from tests.xenserver import pool
from vswitch.xenserver.dbcache import write_cache

PROGRAMS = (
    "/sbin/ethtool", "/sbin/ifconfig", "/sbin/ifdown", "/sbin/ifup", "/sbin/ip", "/sbin/update-issue", "/sbin/vconfig",
    "/sbin/modprobe", "/usr/sbin/brctl", "/usr/sbin/ovs-vlan-bug-workaround", "/usr/bin/ovs-ofctl",
)  # fmt: skip
NO_VLAN_ACCELERATION, VLAN_ACCELERATION = 0x829, 0x10B89


class HostRoot(AbstractContextManager["HostRoot"]):
    """One host, under a directory whose name is short and has no underscore, as XAPI's client wants it."""

    def __init__(self, tables: pool.Tables | None = None, backend: str = "vswitch") -> None:
        self.root = Path(tempfile.mkdtemp(prefix="xs", dir="/tmp").replace("_", "-"))
        self.root.mkdir(exist_ok=True)
        self.write(
            "/etc/xensource-inventory",
            f"PRODUCT_BRAND='XenServer'\nPRODUCT_VERSION='6.0.0'\nBUILD_NUMBER='50762p'\n"
            f"INSTALLATION_UUID='{pool.HOST_UUID}'\nMANAGEMENT_INTERFACE='xenbr2'\nCURRENT_INTERFACES='xenbr2'\n",
        )
        self.write("/etc/xensource/network.conf", f"{backend}\n")
        self.write("/etc/sysconfig/network", "NETWORKING=yes\nHOSTNAME=host\n")
        for name in PROGRAMS:
            self.program(name)
        for number in range(5):
            features = NO_VLAN_ACCELERATION if number == 1 else VLAN_ACCELERATION
            self.device(f"eth{number}", pool.mac(number), features)
        self.device("lo", "00:00:00:00:00:00", 0, queue_length=0)
        self.cache(tables or pool.tables())

    def __exit__(self, *exc: object) -> None:
        shutil.rmtree(self.root, ignore_errors=True)

    def path(self, name: str) -> Path:
        """Where the host's file `name` is."""
        return self.root / name.lstrip("/")

    def write(self, name: str, text: str) -> None:
        """Make a file."""
        self.path(name).parent.mkdir(parents=True, exist_ok=True)
        self.path(name).write_text(text)

    def read(self, name: str) -> str:
        """The text of a file."""
        return self.path(name).read_text()

    def program(self, name: str, body: str = "") -> None:
        """Make a program that notes its words, then does `body`."""
        failure = self.root / "failures" / name.replace("/", "-")
        self.write(
            name,
            f'#!/bin/sh\necho "{name} $*" >>"{self.root}/calls"\n[ -f "{failure}" ] && exit 1\n{body}\nexit 0\n',
        )
        self.path(name).chmod(0o755)

    def xenstore(self, **values: str) -> None:
        """Have a xenstore, as a directory, and the programs that read and write it."""
        store = self.root / "xenstore"
        store.mkdir(exist_ok=True)
        self.program("/usr/bin/xenstore-read", f'cat "{store}/$1" 2>/dev/null || exit 1')
        self.program(
            "/usr/bin/xenstore-write", f'mkdir -p "{store}/$1"; rmdir "{store}/$1"; echo "$2" >"{store}/$1"'
        )
        self.program("/usr/bin/xenstore-rm", f'rm "{store}/$1" 2>/dev/null || exit 1')
        for path, value in values.items():
            self.write(f"/xenstore/{path}", f"{value}\n")

    def stored(self, path: str) -> str | None:
        """A value in the xenstore."""
        file = self.root / "xenstore" / path.lstrip("/")
        return file.read_text().rstrip("\n") if file.exists() else None

    def fails(self, name: str) -> None:
        """Let a program fail from now on."""
        self.write(f"/failures/{name.replace('/', '-')}", "")

    def device(self, name: str, mac: str, features: int = 0, queue_length: int = 1000) -> None:
        """Make a network device."""
        directory = f"/sys/class/net/{name}"
        self.write(f"{directory}/address", f"{mac}\n")
        self.write(f"{directory}/tx_queue_len", f"{queue_length}\n")
        self.write(f"{directory}/features", f"{features:#x}\n")
        driver = self.path(f"{directory}/device/driver")
        driver.parent.mkdir(exist_ok=True)
        if not driver.is_symlink():
            driver.symlink_to("/sys/bus/pci/drivers/e1000")

    def has_ifcfg(self, *devices: str) -> None:
        """Let devices have been configured before."""
        for device in devices:
            self.write(f"/etc/sysconfig/network-scripts/ifcfg-{device}", f"DEVICE={device}\n")

    def cache(self, tables: pool.Tables) -> None:
        """Let the last run have kept these records."""
        self.write("/var/xapi/network.dbcache", write_cache(pool.records(tables)))

    def calls(self) -> list[str]:
        """How programs have been called so far, in order."""
        file = self.root / "calls"
        return file.read_text().splitlines() if file.exists() else []

    def forget_calls(self) -> None:
        """From now on, calls() begins anew."""
        (self.root / "calls").unlink(missing_ok=True)
