"""The host as its files, devices and commands: the door through which this package touches the world.

All paths are taken under `root`, executables too, so that a whole host can be a directory: for tests, and for looking
at another system's disk.

Sources: linux/Documentation/ABI/testing/sysfs-class-net; XenServer's /etc/xensource-inventory and network.conf.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping, Sequence
from signal import SIGPIPE, SIGXFSZ

from vswitch.base.log import Logger
from vswitch.xenserver.facts import PROGRAMS, Device
from vswitch.xenserver.records import ReconfigureError

log = Logger("host")

INVENTORY = "/etc/xensource-inventory"
NETWORK_CONF = "/etc/xensource/network.conf"
RUNDIR = "/var/run/openvswitch"
DATABASE = f"{RUNDIR}/db.sock"
NETWORKD = ("/usr/sbin/xcp-networkd", "/etc/xcp-networkd.conf")
BACKENDS = {"bridge": "bridge", "openvswitch": "openvswitch", "vswitch": "openvswitch"}
NOT_FOUND = 127


class Done:
    """How a command ended: its exit status, negative if a signal ended it, and what it printed."""

    __slots__ = ("returncode", "stderr", "stdout")

    def __init__(self, returncode: int, stdout: str = "", stderr: str = "") -> None:
        self.returncode = returncode
        self.stdout = stdout
        self.stderr = stderr


class Host:
    """One host; its root directory is `root`, or / if that is empty."""

    def __init__(self, root: str = "") -> None:
        self.root = root.rstrip("/")

    # --- files ---

    def path(self, name: str) -> str:
        """Where the host's file `name` is."""
        return f"{self.root}{name}"

    def read(self, name: str) -> str:
        """The text of a file, empty if there is none; raises ReconfigureError if it cannot be read."""
        try:
            return self._text(name)
        except (FileNotFoundError, NotADirectoryError):
            return ""
        except OSError as error:
            raise ReconfigureError(f"{name}: {error.strerror}") from None

    def _text(self, name: str) -> str:
        with open(self.path(name), encoding="utf-8", errors="replace") as file:
            return file.read()

    def _attribute(self, name: str) -> str:
        """The text of a file of sysfs; empty if there is none, or its device goes this very moment."""
        try:
            return self._text(name).strip()
        except OSError:
            return ""

    def marked(self, prefix: str, mark: str) -> tuple[str, ...]:
        """What follows `prefix` in the names of files that have the line `mark`."""
        directory, _, start = self.path(prefix).rpartition("/")
        try:
            names = sorted(name for name in os.listdir(directory) if name.startswith(start))
        except OSError:
            return ()
        rests = (name.removeprefix(start) for name in names)
        return tuple(rest for rest in rests if mark in self._attribute(f"{prefix}{rest}").splitlines())

    def has(self, name: str) -> bool:
        """Whether there is such a file."""
        return os.path.exists(self.path(name))

    def write(self, name: str, text: str) -> bool:
        """Write into a file that is there, as sysfs has them; a failure is logged."""
        try:
            with open(self.path(name), "w", encoding="utf-8") as file:
                file.write(text)
        except OSError as error:
            log.warn("%s: %s", name, error.strerror)
            return False
        return True

    # --- what kind of host ---

    def inventory(self) -> dict[str, str]:
        """The variables of the inventory; raises ReconfigureError if there is none."""
        try:
            text = self._text(INVENTORY)
        except OSError as error:
            raise ReconfigureError(f"{INVENTORY}: {error.strerror}: is this a XenServer host?") from None
        return assignments(text)

    def host_uuid(self) -> str:
        """The host's UUID in XAPI; raises ReconfigureError."""
        uuid = self.inventory().get("INSTALLATION_UUID", "")
        if not uuid:
            raise ReconfigureError(f"{INVENTORY} has no INSTALLATION_UUID")
        return uuid

    def backend(self) -> str:
        """`openvswitch` or `bridge`, as the host is set; raises ReconfigureError."""
        word = self.read(NETWORK_CONF).strip()
        if not word:
            return "openvswitch"
        if word not in BACKENDS:
            raise ReconfigureError(f"{NETWORK_CONF}: '{word}' is neither openvswitch, vswitch nor bridge")
        return BACKENDS[word]

    def is_current(self) -> bool:
        """Whether XAPI's networkd configures the network (XenServer 6.1 and later), and not interface-reconfigure."""
        return any(self.has(name) for name in NETWORKD)

    def programs(self) -> frozenset[str]:
        """Those of PROGRAMS that the host has."""
        return frozenset(name for name in PROGRAMS if self.has(name))

    # --- devices ---

    def has_device(self, name: str) -> bool:
        """Whether the kernel has a device of that name now."""
        return bool(name) and self.has(f"/sys/class/net/{name}")

    def devices(self) -> dict[str, Device]:
        """The kernel's network devices by name."""
        try:
            with os.scandir(self.path("/sys/class/net")) as entries:
                names = sorted(entry.name for entry in entries if entry.is_dir())
        except OSError:
            return {}
        return {name: self._device(name) for name in names}

    def _device(self, name: str) -> Device:
        directory = f"/sys/class/net/{name}"
        try:
            driver = os.readlink(self.path(f"{directory}/device/driver"))
        except OSError:
            driver = ""
        return Device(
            name,
            mac=self._attribute(f"{directory}/address"),
            queue_length=_number(self._attribute(f"{directory}/tx_queue_len")),
            features=_number(self._attribute(f"{directory}/features")),
            driver=driver.rpartition("/")[2],
            bond_slaves=tuple(self._attribute(f"{directory}/bonding/slaves").split()),
        )

    # --- commands ---

    def run(self, argv: Sequence[str], *, more: Mapping[str, str] | None = None) -> Done:
        """Run a command of the host to its end; that it failed is logged, and for the caller to judge."""
        log.info("running: %s", " ".join(argv))
        output, errors = _file(), _file()
        try:
            child = os.posix_spawn(
                self.path(argv[0]),
                [self.path(argv[0]), *argv[1:]],
                {**os.environ, **(more or {})},
                file_actions=[
                    (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                    (os.POSIX_SPAWN_DUP2, output, 1),
                    (os.POSIX_SPAWN_DUP2, errors, 2),
                ],
                setsigdef=[SIGPIPE, SIGXFSZ],  # which the interpreter ignores
            )
            _, status = os.waitpid(child, 0)
            done = Done(os.waitstatus_to_exitcode(status), _printed(output), _printed(errors))
        except OSError as error:
            log.warn("%s: %s", argv[0], error.strerror)
            return Done(NOT_FOUND, "", f"{argv[0]}: {error.strerror}\n")
        finally:
            os.close(output)
            os.close(errors)
        if done.returncode:
            log.warn("%s: exit status %d: %s", shlex.join(argv), done.returncode, done.stderr.strip())
        return done


def _file() -> int:
    """A file for what a command prints.  Not a pipe: `ifup` leaves a DHCP client behind, which would hold it open."""
    try:
        return os.memfd_create("output")
    except OSError:  # before Linux 3.17
        name = f"/tmp/.vswitch-{os.getpid()}"
        file = os.open(name, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o600)
        os.unlink(name)
        return file


def _printed(file: int) -> str:
    return os.pread(file, os.fstat(file).st_size, 0).decode(errors="replace")


def assignments(text: str) -> dict[str, str]:
    """The variables that a shell file of assignments sets."""
    found = {}
    for line in text.splitlines():
        name, equals, value = line.strip().partition("=")
        if not equals or not name.replace("_", "").isalnum():
            continue
        try:
            found[name] = "".join(shlex.split(value, comments=True)[:1])
        except ValueError:
            log.warn("not understood: %s", line)
    return found


def _number(text: str) -> int:
    try:
        return int(text.strip() or "0", 0)
    except ValueError:
        return 0
