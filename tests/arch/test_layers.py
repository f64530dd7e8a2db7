"""The two rules of docs/architecture.md, checked on the source.

A package imports only from layers below its own; pure packages do no I/O and read no clock.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2] / "src" / "vswitch"
ARCHITECTURE = Path(__file__).parents[2] / "docs" / "architecture.md"
IMPURE = {"aio", "linux", "datapath", "netdev", "vswitchd", "ovsdbserver", "cli", "xenserver"}
IO = {
    "asyncio",
    "ctypes",
    "fcntl",
    "os",
    "random",
    "select",
    "socket",
    "ssl",
    "subprocess",
    "threading",
    "time",
}


def ranks() -> dict[str, int]:
    """Each package's layer, read from the drawing in docs/architecture.md: the top line is layer 0."""
    drawing = ARCHITECTURE.read_text().split("```layers\n")[1].split("```")[0]
    lines = [line.split("  #")[0].replace("│", " ").split() for line in drawing.splitlines()]
    return {name: rank for rank, names in enumerate(lines) for name in names}


def imports() -> Iterator[tuple[Path, str, str]]:
    """(file, package that the file is in, dotted name that it imports) for every import."""
    for path in ROOT.glob("*/**/*.py"):
        package = path.relative_to(ROOT).parts[0]
        for node in ast.walk(ast.parse(path.read_text())):
            match node:
                case ast.Import(names=names):
                    yield from ((path, package, alias.name) for alias in names)
                case ast.ImportFrom(module=str(module)):
                    yield path, package, module


def test_every_package_is_in_the_drawing() -> None:
    packages = {path.name for path in ROOT.iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert packages <= set(ranks())


def test_imports_point_down() -> None:
    rank = ranks()
    assert not [
        f"{path.relative_to(ROOT)}: {name}"
        for path, package, name in imports()
        if name.startswith("vswitch.")
        and (target := name.split(".")[1]) != package
        and rank[target] <= rank[package]
    ]


def test_pure_packages_do_no_io() -> None:
    assert not [
        f"{path.relative_to(ROOT)}: {name}"
        for path, package, name in imports()
        if package not in IMPURE and name.split(".")[0] in IO
    ]


def test_packages_hold_a_docstring_and_nothing_else() -> None:
    assert not [
        str(path.relative_to(ROOT))
        for path in ROOT.glob("**/__init__.py")
        if not (
            (body := ast.parse(path.read_text()).body) and len(body) == 1 and isinstance(body[0], ast.Expr)
        )
    ]


def test_every_module_says_what_it_is() -> None:
    assert not [
        str(path) for path in ROOT.glob("**/*.py") if not ast.get_docstring(ast.parse(path.read_text()))
    ]
