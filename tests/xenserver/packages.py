"""The RPMs, and a host without a Python to install them on: a directory with busybox, booted in namespaces of its own."""

from __future__ import annotations

import os
import re
import shutil
import stat
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

TOP = Path(__file__).parents[2]
VERSION = "3.7.0"
LIST_FILES = (
    "git",
    "ls-files",
    "-z",
    "--cached",
    "--others",
    "--exclude-standard",
)  # those not committed yet, too
KERNEL = "2.6.32.12-0.7.1.xs5.6.100.323.170596"
CLASSIC = {"kernel_name": "NAME-xen", "kernel_version": KERNEL, "kernel_flavor": "xen"}
RUNNING = os.uname().release
UUID = "852ee692-71b4-439e-abfb-0eba72dc85f0"
INVENTORY = f"""PRODUCT_BRAND='XenServer'
PRODUCT_VERSION='6.0.0'
BUILD_NUMBER='50762p'
INSTALLATION_UUID='{UUID}'
MANAGEMENT_INTERFACE='xenbr0'
CURRENT_INTERFACES='xenbr0'
"""
# What a kernel and its init give every process: file systems and device nodes.
MOUNTS = """
mount -t proc proc /proc && mount -t sysfs sys /sys && mount -t tmpfs dev /dev && mount -t tmpfs run /var/run || exit 99
mknod /dev/null c 1 3; mknod /dev/urandom c 1 9; mkdir /dev/net; mknod /dev/net/tun c 10 200
ip link set lo up
"""


@dataclass(frozen=True)
class Packages:
    """The files that rpmbuild has made."""

    main: Path
    modules: Path
    debuginfo: Path

    @classmethod
    def build(cls, directory: Path, version: str, kernel: Mapping[str, str]) -> Packages:
        """Build them from this checkout's files as they are now; `kernel`: macros that say for which one."""
        source = directory / "SOURCES" / f"openvswitch-{version}.tar.gz"
        source.parent.mkdir(parents=True)
        tracked = subprocess.run(LIST_FILES, cwd=TOP, capture_output=True, check=True).stdout
        prefix = f"--transform=s,^,openvswitch-{version}/,"
        run(
            ["tar", "czf", str(source), "--null", "-T", "-", prefix, "--ignore-failed-read"],
            stdin=tracked,
            cwd=TOP,
        )
        macros = {
            "_topdir": str(directory),
            "openvswitch_version": version,
            "python": sys.executable,
            **kernel,
        }
        words = [word for name, value in macros.items() for word in ("-D", f"{name} {value}")]
        run(["rpmbuild", *words, "-bb", str(TOP / "packaging/xenserver/openvswitch-xen.spec")], cwd=directory)
        made = {path.name: path for path in (directory / "RPMS").rglob("*.rpm")}
        return cls(
            made[f"openvswitch-{version}-1.x86_64.rpm"],
            made[f"openvswitch-modules-xen-{kernel.get('kernel_uname', KERNEL)}-{version}-1.x86_64.rpm"],
            made[f"openvswitch-debuginfo-{version}-1.x86_64.rpm"],
        )


class ScratchHost:
    """A root directory that has what a XenServer has besides us, as far as we call it: no Python among it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for name in (
            "bin",
            "sbin",
            "dev",
            "proc",
            "sys",
            "tmp",
            "var/run",
            "var/lock/subsys",
            "usr/bin",
            "usr/sbin",
        ):
            (root / name).mkdir(parents=True)
        os.mknod(root / "dev/null", 0o666 | stat.S_IFCHR, os.makedev(1, 3))
        shutil.copy("/bin/busybox", root / "bin")
        run(["chroot", str(root), "/bin/busybox", "--install", "-s", "/bin"])
        self.write("/etc/xensource-inventory", INVENTORY)
        self.write("/etc/xensource/network.conf", "bridge\n")
        self.write("/etc/protocols", "gre\t47\tGRE\n")
        self.program("/opt/xensource/bin/xe-switch-network-backend", SWITCH_BACKEND)
        self.program("/sbin/chkconfig", 'echo "chkconfig $*" >> /calls')

    def write(self, name: str, text: str) -> None:
        path = self.root / name.lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def program(self, name: str, script: str) -> None:
        self.write(name, f"#!/bin/sh\n{script}\n")
        (self.root / name.lstrip("/")).chmod(0o755)

    def rpm(self, *words: str) -> str:
        return run(["rpm", "--root", str(self.root), *words])

    def files(self) -> set[str]:
        """Every file that there is, but for what package managers and the kernel write."""
        names = (str(path.relative_to(self.root)) for path in self.root.rglob("*") if not path.is_dir())
        return {
            name
            for name in names
            if not name.startswith(("var/lib/rpm", "root/.rpmdb", "calls", "usr/lib/sysimage"))
        }

    def boot(self, script: str, timeout: float = 90) -> str:
        """What `script` prints, run as a boot of this host: new processes, network and run directory; ends with it."""
        self.write("/boot.sh", f"{MOUNTS}\n{script}\n")
        words = ["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "--propagation", "private"]
        done = subprocess.run(
            [*words, "chroot", str(self.root), "/bin/sh", "/boot.sh"],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=timeout,
            check=False,
        )
        (self.root / "boot.sh").unlink()
        return re.sub(r"(?m)^\d{4}-\d\d-\d\dT.*\n", "", done.stdout)


SWITCH_BACKEND = """echo "xe-switch-network-backend $*" >> /calls
case $1 in vswitch) word=openvswitch ;; *) word=$1 ;; esac
echo $word > /etc/xensource/network.conf
for file in /etc/sysconfig/network-scripts/ifcfg-*; do [ ! -e "$file" ] || rm "$file"; done
echo "You *MUST* now reboot your system\""""


def run(words: list[str], *, stdin: bytes | None = None, cwd: Path | None = None) -> str:
    """The output of a command; fails with what it said."""
    done = subprocess.run(
        words, input=stdin, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
    )
    text = done.stdout.decode(errors="replace")
    assert done.returncode == 0, f"{' '.join(words)}: status {done.returncode}\n{text[-3000:]}"
    return text
