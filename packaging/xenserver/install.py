"""Lays the files of the XenServer packages out under a directory, for the spec file.

    python3 packaging/xenserver/install.py RUNTIME BUILDROOT KERNEL

RUNTIME is what packaging/runtime.py has made; KERNEL is what `uname -r` says on the host.  It is told of if what they carry cannot run there.

Sources: gnu/Linux ABI, NT_GNU_ABI_TAG (elf.h).
"""

from __future__ import annotations

import re
import shutil
import struct
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
TOP = HERE.parents[1]
RUNTIME = "usr/lib/openvswitch/runtime"  # where it is on the host
DAEMONS = ("ovsdb-server", "ovs-vswitchd")
LEFT_OUT = ("ovs-controller", "ovs-testcontroller", "ovs-pki", "vswitch")  # of no use on a hypervisor
SCRIPTS = ("ovs-ctl",)  # programs that only start-up scripts call
# What takes the place of scripts of the host: installed beside them, and linked to by the package's scriptlets.
REPLACING = ("etc/xensource/scripts", "opt/xensource/libexec")
# Later hosts have it from XAPI's package, and no two packages may have one file; elsewhere a scriptlet links to it.
OFFERED = "etc/xapi.d/plugins/openvswitch-config-update"
ABI_NOTE = struct.pack(
    "<3I4sI", 4, 16, 1, b"GNU", 0
)  # sizes, NT_GNU_ABI_TAG, owner, Linux; a version follows
SCHEMAS = ("vswitch", "vtep")


def main() -> None:
    """Lay them out."""
    runtime, root, kernel = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
    shutil.copytree(runtime, root / RUNTIME, symlinks=True)
    scripts = root / "usr/share/openvswitch/scripts"
    for path in sorted((HERE / "root").rglob("*")):
        if path.is_file():
            place = path.relative_to(HERE / "root")
            is_linked = str(place.parent) in REPLACING or str(place) == OFFERED
            install_file(path, scripts / path.name if is_linked else root / place)
    for path in sorted((TOP / "scripts").iterdir()):
        if path.name in LEFT_OUT:
            continue
        directory = (
            scripts if path.name in SCRIPTS else root / ("usr/sbin" if path.name in DAEMONS else "usr/bin")
        )
        install_program(path, directory / path.name)
    for name in SCHEMAS:
        shutil.copy(TOP / "src/vswitch/ovsdb/schemas" / f"{name}.ovsschema", root / "usr/share/openvswitch")
    completions = root / "usr/share/bash-completion/completions"
    completions.mkdir(parents=True)
    for path in sorted((TOP / "completions").iterdir()):
        if path.name not in LEFT_OUT:
            shutil.copy(path, completions / path.name)
    for name in ("var/lib/openvswitch", "var/log/openvswitch", "var/xen/openvswitch"):
        (root / name).mkdir(parents=True)
    install_for_kernel(root / "lib/modules" / kernel / "extra/openvswitch")
    if complaint := too_old(kernel, needed_kernel(runtime / "lib/libc.so.6")):
        sys.stderr.write(f"{complaint}\n")


def install_file(source: Path, target: Path) -> None:
    """Install a file as it is, or as a program of ours."""
    if source.read_text(encoding="utf-8").startswith("#!python"):
        install_program(source, target)
    else:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source, target)


def install_program(source: Path, target: Path) -> None:
    """Install a program as a script of our own interpreter, which looks at nothing of the caller's environment."""
    text = source.read_text(encoding="utf-8")
    body = text.partition("del sys.path[0]\n")[2].replace("  # noqa: E402", "").strip()
    imports = "import sys\n\n" if "sys." in body else ""
    target.parent.mkdir(parents=True, exist_ok=True)
    target.unlink(missing_ok=True)
    target.write_text(f"#!/{RUNTIME}/bin/python3 -IS\n{imports}{body}\n", encoding="utf-8")
    target.chmod(0o755)


def install_for_kernel(directory: Path) -> None:
    """What ties the switch to one kernel: which modules of it to load."""
    directory.mkdir(parents=True)
    shutil.copy(HERE / "modules.conf", directory / "modules.conf")


def needed_kernel(library: Path) -> tuple[int, ...]:
    """The oldest kernel that a C library runs on, as its own note has it; nothing if it has none."""
    data = library.read_bytes() if library.exists() else b""
    at = data.find(ABI_NOTE)
    return struct.unpack_from("<3I", data, at + len(ABI_NOTE)) if at >= 0 else ()


def too_old(kernel: str, needed: tuple[int, ...]) -> str:
    """What to say if the programs cannot run on a kernel; nothing if they can."""
    found = re.match(r"(\d+)\.(\d+)\.?(\d*)", kernel)
    if found is None or tuple(int(number or 0) for number in found.groups()) >= needed:
        return ""
    return (
        f"warning: the C library that the packages carry needs Linux {'.'.join(map(str, needed))}: their programs will not "
        f"run on {kernel} (INSTALL.XenServer.md, Build)"
    )


if __name__ == "__main__":
    main()
