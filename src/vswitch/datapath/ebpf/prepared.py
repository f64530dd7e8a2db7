"""Programs that were made when a package was built, for one kernel: looked up instead of generated.

    /lib/modules/<kernel>/extra/openvswitch/bpf/
        prepared      what they are for: the kernel, its features, and the generator that made them
        <digest>      a program; the digest is of all that it was generated from

A directory that is stale, foreign or damaged can never be wrong, only useless: what is not found under the digest of the
present inputs, the generator's own source among them, is generated as if there were no directory.

Subtables are numbered from 1 in a prepared program, and have secrets of 0; who uses it puts in what his own have.
"""

from __future__ import annotations

import os
from _blake2 import blake2b
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from vswitch.base.counters import Counter
from vswitch.base.dataclass import dataclass, replace
from vswitch.base.log import Logger
from vswitch.bpf.spec import ProgramSpec, ProgramType
from vswitch.datapath.ebpf import actions
from vswitch.datapath.ebpf.compile import GROUPS, Target, main_programs
from vswitch.datapath.ebpf.features import Features
from vswitch.datapath.ebpf.keys import KeyMask
from vswitch.datapath.ebpf.subtable import Subtable

log = Logger("ebpf_prepared")

WHERE = "VSWITCH_EBPF_PREPARED"  # in the environment: another directory, or nothing for none
ABOUT = "prepared"
PREPARED = Counter("ebpf_program_prepared")
GENERATED = Counter("ebpf_program_generated")
_SOURCE = Path(__file__).parents[2]
# The packages that programs depend on.
GENERATOR = ("base", "bpf", "datapath/ebpf", "dpif", "flow", "packet")


@dataclass(frozen=True, slots=True)
class Store:
    """Where programs come from: out of `directory` if they are there, else from the generator."""

    directory: Path | None = None
    about: str = "generated as they are needed"  # where from; or why not from there

    @classmethod
    def of_this_kernel(cls, features: Features) -> Store:
        """What a package has brought for the running kernel."""
        where = os.environ.get(WHERE)
        if where == "":
            return cls()
        return cls.open(Path(where or f"/lib/modules/{os.uname().release}/extra/openvswitch/bpf"), features)

    @classmethod
    def open(cls, directory: Path, features: Features) -> Store:
        """The programs in `directory`, if they are for `features` and of this very generator."""
        try:
            about = About.parse((directory / ABOUT).read_text(encoding="ascii"))
            if about.generator != generator():
                return cls(None, f"generated: another version made those in {directory}")
            if about.features != features.names:
                return cls(None, f"generated: those in {directory} are for a kernel with other features")
        except FileNotFoundError:
            return cls()
        except (OSError, ValueError) as error:
            return cls(None, f"generated: {directory}: {error}")
        return cls(directory, f"prepared for {about.kernel} in {directory}")

    def __str__(self) -> str:
        return self.about

    def main_programs(
        self, subtables: Sequence[Subtable], from_host: bool, target: Target
    ) -> list[ProgramSpec]:
        """The same as compile.main_programs, found or made."""
        masks = [subtable.key for subtable in subtables]
        if found := self._find(main_digest(masks, from_host, target.features)):
            return [_bind(found, subtables, target.n_groups)]
        made = main_programs(subtables, from_host, target)
        GENERATED.hit(len(made))
        return made

    def shape_program(self, shape: actions.Shape) -> ProgramSpec:
        """The same as actions.shape_program(), found or made."""
        if found := self._find(shape_digest(shape)):
            return found
        GENERATED.hit()
        return actions.shape_program(shape)

    def _find(self, digest: str) -> ProgramSpec | None:
        if self.directory is None:
            return None
        path = self.directory / digest
        try:
            found = read_program(path.read_bytes(), digest)
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            log.warn("%s: %s: generating the program", path, error)
            return None
        PREPARED.hit()
        return found


def prepare_main(masks: Sequence[KeyMask], from_host: bool, features: Features) -> tuple[str, ProgramSpec]:
    """(digest, program) to be found for subtables with these masks, of one program's number at most."""
    subtables = [Subtable(number, key, 1, 0) for number, key in enumerate(masks, 1)]
    [made] = main_programs(subtables, from_host, Target(1, features))
    blank = made.numbered(dict.fromkeys(made.numbers.values(), 0))
    return main_digest(masks, from_host, features), replace(made, code=blank)


def prepare_shape(shape: actions.Shape) -> tuple[str, ProgramSpec]:
    """(digest, program) to be found for a shape of action lists."""
    return shape_digest(shape), actions.shape_program(shape)


def main_digest(masks: Sequence[KeyMask], from_host: bool, features: Features) -> str:
    """What a main program goes by."""
    return _digest("main", *features.names, str(from_host), *(f"{key.mask:x}" for key in masks))


def shape_digest(shape: actions.Shape) -> str:
    """What the program of a shape goes by."""
    return _digest("shape", repr(shape))


def _digest(*inputs: str) -> str:
    return blake2b("\n".join((generator(), *inputs)).encode(), digest_size=20).hexdigest()


@cache
def generator() -> str:
    """What tells this generator from others: a digest of its source.  1.7 ms; OSError if there is no source."""
    digest = blake2b(digest_size=20)
    paths = {path for name in GENERATOR for path in (_SOURCE / name).glob("*.py")}
    for path in sorted(
        paths - {_SOURCE / "base/version.py"}
    ):  # a package writes its build's number into that one
        content = path.read_bytes()
        digest.update(f"{path.relative_to(_SOURCE)} {len(content)}\n".encode() + content)
    return digest.hexdigest()


def _bind(found: ProgramSpec, subtables: Sequence[Subtable], n_groups: int) -> ProgramSpec:
    """A prepared program, with the maps and the numbers of these subtables."""
    values = {GROUPS: n_groups - 1}
    names: dict[str, str] = {}
    for number, subtable in enumerate(subtables, 1):
        prepared = Subtable(number, subtable.key, 1, 0).name
        names[prepared] = subtable.name
        for what, value in subtable.numbers.items():
            values[f"{prepared} {what}"] = value
            names[f"{prepared} {what}"] = f"{subtable.name} {what}"
    return replace(
        found,
        code=found.numbered(values),
        maps={slot: names.get(name, name) for slot, name in found.maps.items()},
        numbers={slot: names.get(name, name) for slot, name in found.numbers.items()},
    )


# Files.  A program's are lines of words, an empty line, and the code; the first line has a digest of all that follows.


@dataclass(frozen=True, slots=True)
class About:
    """What the programs of a directory are for."""

    kernel: str
    generator: str
    features: tuple[str, ...]

    def __str__(self) -> str:
        return f"kernel {self.kernel}\ngenerator {self.generator}\nfeatures {' '.join(self.features)}\n"

    @classmethod
    def parse(cls, text: str) -> About:
        """What `str` wrote; ValueError if it is something else."""
        lines = [line.split(" ") for line in text.splitlines()]
        match lines:
            case [["kernel", kernel], ["generator", made_by], ["features", *features]]:
                return cls(kernel, made_by, tuple(filter(None, features)))
            case _:
                raise ValueError(f"{ABOUT} does not say what it is for")


def program_file(digest: str, spec: ProgramSpec) -> bytes:
    """The file of a program."""
    lines = [f"inputs {digest}", f"program {spec.name}"]
    lines += [f"map {slot} {name}" for slot, name in spec.maps.items()]
    lines += [f"number {slot} {name}" for slot, name in spec.numbers.items()]
    rest = "".join(f"{line}\n" for line in lines).encode("ascii") + b"\n" + spec.code
    return f"{_check(rest)}\n".encode() + rest


def read_program(file: bytes, digest: str) -> ProgramSpec:
    """The program that `program_file` wrote; ValueError if it is damaged, or another one."""
    check, _, rest = file.partition(b"\n")
    if check != _check(rest).encode():
        raise ValueError("the file is damaged")
    head, _, code = rest.partition(b"\n\n")
    maps: dict[int, str] = {}
    numbers: dict[int, str] = {}
    inputs, name, *places = head.decode("ascii").splitlines()
    if inputs != f"inputs {digest}":
        raise ValueError("the file is another program's")
    for line in places:
        kind, slot, what = line.split(" ", 2)
        (maps if kind == "map" else numbers)[int(slot)] = what
    return ProgramSpec(name.removeprefix("program "), ProgramType.SCHED_CLS, code, maps, numbers)


def _check(rest: bytes) -> str:
    return blake2b(rest, digest_size=20).hexdigest()
