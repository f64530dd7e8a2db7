"""A host with the packages that lives: booted in namespaces of its own, with network cards, and looked at while it runs.

    with LiveHost(root, net) as host:           # root: a directory that a ScratchHost has made
        host.boot(cards)                        # kernel, devices; no service is started yet
        host.run("/etc/init.d/openvswitch start")
        host.power_off()

What XenServer brings besides us is in small shell programs, over busybox: ifup and ifdown that read the files that
interface-reconfigure writes, a xenstore that is a directory, and programs that only note how they were called.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path

from tests.e2e.topology import Namespace, wait_until
from tests.xenserver.packages import MOUNTS, ScratchHost

PATH = "/sbin:/bin:/usr/sbin:/usr/bin"
IFUP = """. /etc/sysconfig/network-scripts/ifcfg-$1
/bin/ifconfig $1 ${IPADDR:-0.0.0.0} ${NETMASK:+netmask $NETMASK} up
[ -z "$GATEWAY" ] || /bin/ip route replace default via $GATEWAY dev $1"""
IFDOWN = "/bin/ip addr flush dev $1; /bin/ip link set $1 down"
READ = 'cat "/xenstore/$1" 2>/dev/null'
WRITE = 'mkdir -p "/xenstore/${1%/*}" && echo "$2" > "/xenstore/$1"'
REMOVE = 'rm "/xenstore/$1" 2>/dev/null'
NOTING = "/sbin/ethtool", "/sbin/update-issue", "/usr/bin/xe"


NO_BPF = "--bounding-set=-bpf,-sys_admin,-perfmon"


class LiveHost(contextlib.AbstractContextManager["LiveHost"]):
    """One host; powered off when it is left.  With `has_bpf` off, its kernel runs no eBPF, as those of old do not."""

    def __init__(self, root: Path, *, has_bpf: bool = True) -> None:
        self.has_bpf = has_bpf
        self.disk = ScratchHost(root)
        self.root = root
        self.disk.program("/sbin/ifup", IFUP)
        self.disk.program("/sbin/ifdown", IFDOWN)
        self.disk.program("/sbin/ifconfig", 'exec /bin/ifconfig "$@"')
        self.disk.program("/sbin/ip", 'exec /bin/ip "$@"')
        self.disk.program("/usr/bin/xenstore-read", READ)
        self.disk.program("/usr/bin/xenstore-write", WRITE)
        self.disk.program("/usr/bin/xenstore-rm", REMOVE)
        for name in NOTING:
            self.disk.program(name, f'echo "{name.rpartition("/")[2]} $*" >> /calls')
        self._kernel: subprocess.Popen[bytes] | None = None
        self._pid = 0

    def __exit__(self, *exc: object) -> None:
        self.power_off()

    # --- power ---

    def boot(self) -> None:
        """Have a kernel without services and devices: its first process reaps what others leave behind."""
        self.disk.write("/boot.sh", f"{MOUNTS}\n: > /dev/booted\nwhile :; do sleep 0.2; done\n")
        words = ["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "--propagation", "private"]
        self._kernel = subprocess.Popen(
            [*words, "chroot", str(self.root), "/bin/sh", "/boot.sh"], start_new_session=True
        )
        children = Path(f"/proc/{self._kernel.pid}/task/{self._kernel.pid}/children")
        wait_until(lambda: children.read_text().strip(), what="the first process")
        self._pid = int(children.read_text())
        wait_until(lambda: self.path("/dev/booted").exists(), what="a boot")

    def power_off(self) -> None:
        """End everything that runs, without a word to it."""
        if self._kernel is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._pid, signal.SIGKILL)
            self._kernel.wait(20)
            self._kernel = None

    def add_card(self, name: str, mac: str, other_end: Namespace, other_name: str) -> None:
        """Give it a network card, which a cable connects with a device of a neighbour."""
        other_end.run(
            *("ip", "link", "add", other_name, "type", "veth"),
            *("peer", "name", name, "address", mac, "netns", str(self._pid)),
        )
        other_end.run("ip", "link", "set", other_name, "up")

    # --- what runs on it ---

    def path(self, name: str) -> Path:
        """A file as programs of the running host see it, those in memory too."""
        return Path(f"/proc/{self._pid}/root{name}")

    def command(self, script: str, *, is_inside: bool = True) -> list[str]:
        """The words that run a script of the host's shell; with `is_inside` off, of ours on its devices and mounts."""
        enter = ["nsenter", f"--target={self._pid}", "--mount", "--net", "--pid", "--ipc"]
        if not is_inside:
            return [*enter, "/bin/sh", "-c", script]
        if not self.has_bpf:
            return [*enter, "setpriv", NO_BPF, "chroot", str(self.root), "/bin/sh", "-c", script]
        return [*enter, "--root", "--wdns=/", "/bin/sh", "-c", script]

    def run(
        self,
        script: str,
        *,
        env: Mapping[str, str] | None = None,
        check: bool = True,
        is_inside: bool = True,
        timeout: float = 60,
    ) -> str:
        """What a script prints; fails with it unless the script succeeds."""
        done = self.attempt(script, env=env, is_inside=is_inside, timeout=timeout)
        assert not check or done.returncode == 0, f"{script}: status {done.returncode}\n{done.stdout}"
        return done.stdout

    def attempt(
        self,
        script: str,
        *,
        env: Mapping[str, str] | None = None,
        is_inside: bool = True,
        timeout: float = 60,
    ) -> subprocess.CompletedProcess[str]:
        """Run a script, whatever comes of it."""
        environment = {"PATH": PATH, "HOME": "/root", **(env or {})}
        return subprocess.run(
            self.command(script, is_inside=is_inside),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=environment,
            text=True,
            timeout=timeout,
            check=False,
        )

    def rpm(self, *words: str) -> str:
        """Let the host's package manager work while the host runs."""
        return self.run(f"rpm --root {self.root} {' '.join(words)} 2>&1", is_inside=False)
