"""What the package's scriptlets do to a host when the package is installed, upgraded or erased.

    python3 -m vswitch.xenserver.package post 1     after an installation; 2 after an upgrade
    python3 -m vswitch.xenserver.package preun 0    before the package is erased; 1 before an upgrade removes the old

A step that fails is reported, and the next one is taken: a host whose package is half set up is worse than one that
lacks a detail.  What must be done after the package's own files are gone is in packaging/xenserver/postun.sh.

Sources: Red Hat's chkconfig(8), systemctl(1), sysctl.conf(5); XenServer 5.6 FP1 to 6.0.
"""

from __future__ import annotations

import hashlib
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

from vswitch.base.dataclass import dataclass
from vswitch.base.errors import VswitchError
from vswitch.cli.dbtool import contents
from vswitch.cli.dbtool.headers import read_schema
from vswitch.ovsdb.schemafiles import schema_path
from vswitch.xenserver.host import NETWORK_CONF, Host

SAVED, FORMERLY_SAVED = "/usr/lib/openvswitch/xs-saved", "/usr/lib/openvswitch/xs-original"
SCRIPTS = "/usr/share/openvswitch/scripts"
LIBEXEC = "/opt/xensource/libexec"
VIF = "/etc/xensource/scripts/vif"
RECONFIGURE = f"{LIBEXEC}/interface-reconfigure"
HOST_SCRIPTS = (  # all are replaced: the modules by such as stand for the host's own
    VIF,
    f"{LIBEXEC}/InterfaceReconfigure.py",
    f"{LIBEXEC}/InterfaceReconfigureBridge.py",
    f"{LIBEXEC}/InterfaceReconfigureVswitch.py",
    RECONFIGURE,
)
FORMERLY_REPLACED = ("/usr/sbin/brctl", "/usr/sbin/xen-bugtool")
RELEASES: dict[tuple[str, ...], str] = {
    (
        "cf09a68d9f8b434e79a4c83b01a3bb4b",
        "395866df1b0b20c12c4dd2f7de0ecdb4",
        "9d493545ae81463239d3162cbc798852",
        "862d0939b441de9264a900628e950fe9",
        "21f85db25599d7f026cd489385d58aa6",
    ): "XenServer 6.0.0",
    (
        "c5f48246577a17cf1b971fb5ce4e920b",
        "2e2c912f86f9c536c89adc34ff3c2b2b",
        "28d3ff72d72bdec4f37d70699f5edb76",
        "67e1d0af16fc1ddf10009c5c063ad2ba",
        "f3feff30aa3b3f8b514664a96a8dc0ab",
    ): "XenServer 5.6 Service Pack 2",
    (
        "c5f48246577a17cf1b971fb5ce4e920b",
        "2e2c912f86f9c536c89adc34ff3c2b2b",
        "28d3ff72d72bdec4f37d70699f5edb76",
        "67e1d0af16fc1ddf10009c5c063ad2ba",
        "24bae6906d182ba47668174f8e480cc6",
    ): "XenServer 5.6 Feature Pack 1",
}
# What `md5sum` says of the five, kept by an administrator whose scripts are of none of these and may be replaced: a
# hotfix changes them, and RELEASES does not know every hotfix.
KNOWN_SCRIPTS = "/etc/openvswitch/known-scripts"
CONFIG_UPDATE = (
    "/etc/xapi.d/plugins/openvswitch-config-update"  # of later hosts' own XAPI, which ours does not replace
)
SYSCTL, ARP_FILTER = "/etc/sysctl.conf", "net.ipv4.conf.all.arp_filter"
SYSCONFIG, TEMPLATE = "/etc/sysconfig/openvswitch", f"{SCRIPTS}/sysconfig.template"
DATABASE = "/etc/openvswitch/conf.db"
SERVICES = ("openvswitch", "openvswitch-xapi-update")
UNITS = ("openvswitch.service", "openvswitch-xapi-sync.service")
SWITCH_BACKEND = "/opt/xensource/bin/xe-switch-network-backend"
CHKCONFIG, SYSTEMCTL = "/sbin/chkconfig", "/usr/bin/systemctl"


@dataclass(frozen=True, slots=True)
class Originals:
    """The host's own scripts: whose they are, as far as we know."""

    release: str = ""
    is_known: bool = False
    has_any: bool = False


def main(argv: Sequence[str] | None = None) -> int:
    """Do what one scriptlet is for; always succeeds, for rpm would leave the package half installed."""
    when, number, *root = sys.argv[1:] if argv is None else argv
    package = Package(Host(root[0] if root else ""))
    steps = {"post": package.after_installation, "preun": package.before_removal}
    steps[when](int(number))
    return 0


class Package:
    """The package's effect on one host."""

    def __init__(self, host: Host) -> None:
        self._host = host

    def after_installation(self, number: int) -> None:
        """Take over the host's scripts, complete its configuration, enable the services."""
        originals = self._originals()
        self._step(lambda: self._report(originals))
        self._step(self._filter_arp)
        self._step(self._make_database)
        self._step(self._merge_sysconfig)
        self._step(self._move_former_copies)
        replaced = HOST_SCRIPTS if originals.is_known else ()
        for path in replaced:
            self._step(partial(self._replace, path))
        for path in (*FORMERLY_REPLACED, *(path for path in HOST_SCRIPTS if path not in replaced)):
            self._step(partial(self._give_back, path))
        self._step(self._offer_plugin)
        self._step(self._enable_services)
        self._step(self._switch_on if number == 1 else self._advise)

    def before_removal(self, number: int) -> None:
        """Before the package goes for good: give the network back to the bridge, disable the services."""
        if number > 0:
            return
        if self._host.has(SWITCH_BACKEND):
            self._host.run([SWITCH_BACKEND, "bridge"])
        if self._has_systemd():
            self._host.run([SYSTEMCTL, "disable", *UNITS])
        elif self._host.has(CHKCONFIG):
            for name in SERVICES:
                if self._is_listed(name):
                    self._host.run([CHKCONFIG, "--del", name])

    def _place(self, name: str) -> Path:
        return Path(self._host.path(name))

    def _step(self, step: Callable[[], None]) -> None:
        try:
            step()
        except (VswitchError, OSError) as error:
            _say(f"openvswitch: {error}")

    # --- the host's own scripts ---

    def _originals(self) -> Originals:
        """Which release the host's scripts come from, wherever they are by now."""
        found = [self._original(path) for path in HOST_SCRIPTS]
        sums = tuple(hashlib.md5(path.read_bytes()).hexdigest() if path else "" for path in found)
        release = RELEASES.get(sums, "")
        if not release and all(found) and sums == self._sums_of_administrator():
            release = f"this host, known from {KNOWN_SCRIPTS}"
        return Originals(release, bool(release), any(found))

    def _sums_of_administrator(self) -> tuple[str, ...]:
        """The checksums that KNOWN_SCRIPTS has, in the order of HOST_SCRIPTS."""
        lines = (line.split() for line in self._host.read(KNOWN_SCRIPTS).splitlines())
        sums = {line[1]: line[0] for line in lines if len(line) == 2}
        return tuple(sums.get(path, "") for path in HOST_SCRIPTS)

    def _original(self, path: str) -> Path | None:
        name = path.rpartition("/")[2]
        for place in (f"{SAVED}/{name}", f"{FORMERLY_SAVED}/{name}", path):
            candidate = self._place(place)
            if candidate.is_file() and not candidate.is_symlink():
                return candidate
        return None

    def _report(self, originals: Originals) -> None:
        if originals.is_known:
            _say(
                f"Found the scripts of {originals.release}: replacing interface-reconfigure, its modules and vif."
            )
        elif self._host.is_current():
            _say("xcp-networkd configures this host's network: its scripts stay as they are.")
        elif originals.has_any:
            _say(
                "The network scripts of this host are of a release that is not known, or have been changed.\n"
                "They stay as they are.  If they are older than XenServer 5.6 FP1, they may not work with this\n"
                f"openvswitch; ours are in {SCRIPTS}.  To have them replaced (and put back when this package is\n"
                f"erased), note them, and install again with --force:\n"
                f"    md5sum {' '.join(HOST_SCRIPTS)} > {KNOWN_SCRIPTS}"
            )

    def _move_former_copies(self) -> None:
        """Older packages kept the host's scripts elsewhere, and would put them back when they go."""
        former = self._place(FORMERLY_SAVED)
        if not former.is_dir():
            return
        saved = self._place(SAVED)
        saved.mkdir(parents=True, exist_ok=True)
        for path in former.iterdir():
            path.rename(saved / path.name)
        former.rmdir()

    def _replace(self, path: str) -> None:
        """Keep the host's script, and link ours in its place: there is one or the other at any time."""
        name = path.rpartition("/")[2]
        there, target = self._place(path), f"{SCRIPTS}/{name}"
        if there.is_symlink() and there.readlink() == Path(target):
            return
        saved, link = self._place(SAVED), there.with_name(f".{name}.openvswitch")
        if there.is_file() and not there.is_symlink():
            saved.mkdir(parents=True, exist_ok=True)
            _copy_whole(there, saved / name)
        there.parent.mkdir(parents=True, exist_ok=True)
        link.unlink(missing_ok=True)
        link.symlink_to(target)
        link.replace(there)

    def _give_back(self, path: str) -> None:
        """Put the host's script back that an older package has replaced and this one does not."""
        copy, there = self._place(f"{SAVED}/{path.rpartition('/')[2]}"), self._place(path)
        if copy.is_file():
            _copy_whole(copy, there)
            copy.unlink()

    def _offer_plugin(self) -> None:
        """Have the plugin of later XAPIs where XAPI has not brought its own."""
        path = self._place(CONFIG_UPDATE)
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.unlink(missing_ok=True)  # a link to nowhere
            path.symlink_to(f"{SCRIPTS}/{path.name}")

    # --- configuration ---

    def _filter_arp(self) -> None:
        """Answer ARP only on the interface that has the address: XenServer's HA binds to one of several."""
        text = self._host.read(SYSCTL)
        if ARP_FILTER in text:
            return
        _append_whole(
            self._place(SYSCTL),
            ("" if not text or text.endswith("\n") else "\n")
            + "# An address answers ARP on its own interface only (openvswitch, for XenServer's HA).\n"
            + f"{ARP_FILTER} = 1\n",
        )

    def _make_database(self) -> None:
        path = self._place(DATABASE)
        path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        if path.exists() or self._host.is_current():  # there it is made at each boot, in memory
            return
        contents.create(str(path), read_schema(schema_path("vswitch")))
        contents.transact(str(path), '["Open_vSwitch",{"op":"insert","table":"Open_vSwitch","row":{}}]', "")

    def _merge_sysconfig(self) -> None:
        """Keep what the administrator has set; add what is new in this release."""
        template, path = self._host.read(TEMPLATE), self._place(SYSCONFIG)
        if not path.exists():
            _append_whole(path, template)
            return
        present = self._host.read(SYSCONFIG)
        end = "" if not present or present.endswith("\n") else "\n"
        new = [f"\n{block}" for name, block in blocks(template) if f"{name}=" not in present]
        if new:
            _append_whole(path, end + "".join(new))

    # --- services ---

    def _enable_services(self) -> None:
        if self._has_systemd():
            self._host.run([SYSTEMCTL, "daemon-reload"])
            self._host.run([SYSTEMCTL, "enable", *UNITS])
        elif self._host.has(CHKCONFIG):
            for name in SERVICES:
                if self._is_listed(name):
                    self._host.run([CHKCONFIG, "--del", name])
                self._host.run([CHKCONFIG, "--add", name])
                self._host.run([CHKCONFIG, name, "on"])

    def _has_systemd(self) -> bool:
        return self._host.has("/run/systemd/system") and self._host.has(SYSTEMCTL)

    def _is_listed(self, name: str) -> bool:
        return self._host.run([CHKCONFIG, "--list", name]).returncode == 0

    def _switch_on(self) -> None:
        if self._host.has(SWITCH_BACKEND):
            done = self._host.run([SWITCH_BACKEND, "vswitch"])
            _say((done.stdout + done.stderr).strip())

    def _advise(self) -> None:
        """What the administrator of an upgraded host has to do."""
        word = self._host.read(NETWORK_CONF).strip()
        if word in ("vswitch", "openvswitch") or not self._host.has(NETWORK_CONF):
            _say("openvswitch has been upgraded.  Reboot this host to have all of it in use.")
        else:
            _say(
                f"This host uses the {word or 'unknown'} network backend.  To use openvswitch, run\n"
                f"    {SWITCH_BACKEND} vswitch\nand reboot."
            )


def _copy_whole(source: Path, target: Path) -> None:
    """Put a copy in the place of a file or a link: there is one or the other, whole, at any time."""
    new = target.with_name(f".{target.name}.openvswitch")
    shutil.copy2(source, new)
    new.replace(target)


def _append_whole(path: Path, text: str) -> None:
    """Add to the end of a file, all of it or nothing: a disk that is full must not cost what is there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    there, new = path.resolve(), path.with_name(f".{path.name}.openvswitch")
    try:
        if there.exists():
            shutil.copy2(there, new)
        with new.open("a", encoding="utf-8") as file:
            file.write(text)
        new.replace(there)
    except OSError:
        new.unlink(missing_ok=True)
        raise


def blocks(template: str) -> Iterator[tuple[str, str]]:
    """(variable, its part of the template) in turn: a comment that begins with `# NAME:`, and all until the next."""
    name, lines = "", list[str]()
    for line in template.splitlines(keepends=True):
        word = line.removeprefix("# ").partition(":")[0]
        if line.startswith("# ") and ":" in line and word.replace("_", "").isalnum() and word.isupper():
            if name:
                yield name, "".join(lines).rstrip("\n") + "\n"
            name, lines = word, []
        lines.append(line)
    if name:
        yield name, "".join(lines)


def _say(text: str) -> None:
    if text:
        print(text, flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
