"""Puts a Python of our own into a directory: interpreter, standard library, what vswitch needs, and vswitch itself.

    python3 packaging/runtime.py DESTINATION FINAL [BUILD]

What lands in DESTINATION runs as FINAL, on any Linux of this machine's architecture: the loader and the C library come
along, and nothing of the host is used but its kernel.  The interpreter is the one that runs this script; msgspec comes
from its environment, or from pip.  With BUILD, a number, `--version` has it behind the version.

Sources: ld.so(8); patchelf(1); Python's documentation, "The initialization of the sys.path module search path".
"""

from __future__ import annotations

import compileall
import importlib.util
import os
import py_compile
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[1] / "src" / "vswitch"
VERSION_FILE = "vswitch/base/version.py"
# Parts of the standard library that no program of ours imports.
LEFT_OUT = (
    "__pycache__", "config-*", "dbm", "distutils", "ensurepip", "idlelib", "lib2to3", "pydoc_data", "site-packages",
    "dist-packages", "sqlite3", "test", "tests", "tkinter", "turtle.py", "turtledemo", "unittest", "venv", "wsgiref",
    "_bsddb*", "_curses*", "_crypt*", "_dbm*", "_gdbm*", "_sqlite3*", "_test*", "_tkinter*", "_xxtestfuzz*", "nis*", "readline*",
    "_ctypes_test*", "xxlimited*", "EXTERNALLY-MANAGED", "antigravity.py", "this.py",
)  # fmt: skip


def main() -> None:
    """Build it."""
    destination, final, *build = Path(sys.argv[1]), *sys.argv[2:]
    library = destination / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}"
    copy_standard_library(library)
    copy_package("msgspec", library)
    shutil.copytree(SOURCE, library / "vswitch", ignore=shutil.ignore_patterns("__pycache__"))
    if build:
        number_build(library / VERSION_FILE, build[0])
    interpreter = copy_interpreter(destination)
    loader = copy_libraries(destination, [interpreter, *library.rglob("*.so")])
    modules = [*library.rglob("*.so"), *(destination / "lib").glob("*.so*")]
    patch([path for path in modules if path.name != loader], "--remove-rpath")
    # RPATH, not RUNPATH: what the libraries need in turn is looked for there, too.
    patch([interpreter], "--force-rpath", "--set-rpath", f"{final}/lib")
    patch([interpreter], "--set-interpreter", f"{final}/lib/{loader}")
    compile_all(library, f"{final}/lib/{library.name}")


def copy_standard_library(library: Path) -> None:
    """Copy the modules, those in C too, but for what nobody needs."""
    ignored = shutil.ignore_patterns(*LEFT_OUT)
    shutil.copytree(sysconfig.get_path("stdlib"), library, ignore=ignored, symlinks=False)
    dynload = Path(sysconfig.get_config_var("DESTSHARED"))
    if not (library / "lib-dynload").exists() and dynload.is_dir():
        shutil.copytree(dynload, library / "lib-dynload", ignore=ignored)


def copy_package(name: str, library: Path) -> None:
    """Copy an installed package; one that is not installed is fetched."""
    spec = importlib.util.find_spec(name)
    if spec is not None and spec.submodule_search_locations:
        shutil.copytree(
            spec.submodule_search_locations[0], library / name, ignore=shutil.ignore_patterns(*LEFT_OUT)
        )
        return
    lock = (Path(__file__).resolve().parents[1] / "requirements.lock").read_text(encoding="utf-8")
    [pinned] = re.findall(rf"^{name}==\S+$", lock, re.MULTILINE)
    with tempfile.TemporaryDirectory() as directory:
        subprocess.run(
            [sys.executable, "-m", "pip", "install", "-q", "--target", directory, pinned], check=True
        )
        shutil.copytree(Path(directory, name), library / name, ignore=shutil.ignore_patterns(*LEFT_OUT))


def number_build(path: Path, build: str) -> None:
    """Let programs say which build they are."""
    text = path.read_text(encoding="utf-8")
    numbered, times = re.subn(r'(BUILD\b.* = )""', rf'\1"+build{build}"', text)
    if times != 1:
        raise SystemExit(f"{path} has no place for the number of the build")
    path.write_text(numbered, encoding="utf-8")


def copy_interpreter(destination: Path) -> Path:
    """Copy the real interpreter, not a shim or a link to it."""
    real = Path(sys._base_executable).resolve()  # type: ignore[attr-defined]  # the way out of a virtual environment
    (destination / "bin").mkdir(parents=True)
    target = destination / "bin" / "python3"
    shutil.copy2(real, target)
    target.chmod(0o755)
    return target


def copy_libraries(destination: Path, users: list[Path]) -> str:
    """Copy each shared library that `users` load, and the loader; the loader's name."""
    loader = ""
    for name, path in sorted({pair for user in users for pair in libraries_of(user)}):
        shutil.copy2(path.resolve(), destination / "lib" / name)
        if name.startswith(("ld-linux", "ld64")):
            loader = name
            (destination / "lib" / name).chmod(0o755)
    if not loader:
        raise SystemExit(
            "the interpreter is not linked with a loader that ldd knows: no runtime can be made of it"
        )
    return loader


def libraries_of(user: Path) -> Iterator[tuple[str, Path]]:
    """(name, path) of each shared library that a program or a module loads."""
    listing = subprocess.run(["ldd", user], capture_output=True, text=True, check=False).stdout
    for line in listing.splitlines():
        if found := re.match(r"\s+(\S+) => (/\S+) ", line):
            yield found[1], Path(found[2])
        elif found := re.match(r"\s+(/\S+) ", line):
            yield Path(found[1]).name, Path(found[1])
        elif "not found" in line:
            raise SystemExit(f"{user}: {line.strip()}")


def patch(paths: list[Path], *options: str) -> None:
    """Change where programs and libraries look for others."""
    for path in paths:
        path.chmod(0o755)
        subprocess.run(["patchelf", *options, path], check=True)


def compile_all(library: Path, final: str) -> None:
    """Compile each module for good: never looked at again, however old or new the source's date."""
    mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
    done = compileall.compile_dir(
        library, ddir=final, quiet=2, invalidation_mode=mode, workers=os.cpu_count() or 1
    )
    if not done:
        raise SystemExit("some modules cannot be compiled")


if __name__ == "__main__":
    main()
