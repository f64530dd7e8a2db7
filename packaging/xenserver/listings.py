"""Writes what the debuginfo package has besides symbols: the sources, and the eBPF programs as the kernel gets them.

    PYTHONPATH=src python3 packaging/xenserver/listings.py BUILDROOT VERSION KERNEL

The programs are those that are prepared for the kernel, or, if it can run none, those of one with all features.  A file
begins with the digest by which the program is found, and has 0 in place of what a running switch puts in.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from vswitch.bpf.assembly import disassemble
from vswitch.bpf.spec import ProgramSpec
from vswitch.datapath.ebpf.features import Features
from vswitch.datapath.ebpf.usual import programs

TOP = Path(__file__).resolve().parents[2]
SOURCES = ("src", "scripts", "packaging")


def main() -> None:
    """Write them."""
    root, version, kernel = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
    sources = root / f"usr/src/debug/openvswitch-{version}"
    for name in SOURCES:
        shutil.copytree(
            TOP / name, sources / name, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info")
        )
    listings = root / f"usr/lib/debug/openvswitch-{version}/bpf"
    listings.mkdir(parents=True)
    for name, digest, program in programs(Features.of_kernel(kernel) or Features()):
        text = "".join(f"{line}\n" for line in lines(program))
        (listings / f"{name}.txt").write_text(f"{digest}\n{text}", encoding="ascii")


def lines(program: ProgramSpec) -> Iterator[str]:
    """The instructions, numbered as the verifier does, with the maps and the numbers that they use."""
    slot = 0
    for instruction, text in zip(program.instructions, disassemble(program.instructions), strict=True):
        map, number = program.maps.get(slot), program.numbers.get(slot)
        used = f"  ; map {map}" if map else f"  ; {number}" if number else ""
        yield f"{slot:5}: {text}{used}"
        slot += instruction.slots


if __name__ == "__main__":
    main()
