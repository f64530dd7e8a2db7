"""What is prepared is what would have been generated, or is not used."""

from __future__ import annotations

import ast
from itertools import permutations
from pathlib import Path
from random import Random

import pytest

import vswitch
from vswitch.base import log as logging
from vswitch.datapath.ebpf import prepared
from vswitch.datapath.ebpf.actions import plan_actions, shape_program
from vswitch.datapath.ebpf.compile import Target, main_programs
from vswitch.datapath.ebpf.features import Features
from vswitch.datapath.ebpf.keys import EVERYTHING, KeyMask
from vswitch.datapath.ebpf.prepared import (
    ABOUT,
    GENERATED,
    GENERATOR,
    PREPARED,
    WHERE,
    About,
    Store,
    generator,
    main_digest,
    prepare_main,
    prepare_shape,
    program_file,
    shape_digest,
)
from vswitch.datapath.ebpf.subtable import Subtable
from vswitch.datapath.ebpf.usual import action_lists, masks
from vswitch.dpif.action import Output, PushVlan
from vswitch.dpif.ports import OdpPort
from vswitch.flow.field import Flow, Mask
from vswitch.flow.fields import LAYOUT

FEATURES = [Features(), Features(tcx=False, redirect_peer=False, coarse_clock=False)]
FEW = masks()[:2]


def subtables(keys: tuple[KeyMask, ...], rng: Random) -> list[Subtable]:
    """As a running switch might have them."""
    ids = rng.sample(range(1, 1000), len(keys))
    return [
        Subtable(id, key, 1 << rng.randrange(4, 20), rng.getrandbits(64))
        for id, key in zip(ids, keys, strict=True)
    ]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Prepared programs for the first masks and one shape."""
    for from_host in (False, True):
        for keys in ((), *permutations(FEW, 1), *permutations(FEW, 2)):
            write(tmp_path, *prepare_main(keys, from_host, Features()))
    write(tmp_path, *prepare_shape(shape()))
    (tmp_path / ABOUT).write_text(str(About("6.6.1", generator(), Features().names)))
    return Store.open(tmp_path, Features())


def write(directory: Path, digest: str, program) -> None:
    (directory / digest).write_bytes(program_file(digest, program))


def shape():
    return plan_actions([PushVlan(5), Output(OdpPort(1)), Output(OdpPort(2))], Flow(0), Mask(0)).shape


@pytest.mark.parametrize("features", FEATURES)
@pytest.mark.parametrize("from_host", [False, True])
@pytest.mark.parametrize("n_groups", [1, 2, 16])
def test_a_prepared_program_is_the_generated_one_byte_for_byte(tmp_path, features, from_host, n_groups):
    rng = Random(n_groups)
    for keys in ((), (EVERYTHING,), *permutations(masks(), 2), masks()[:3], masks()[3:]):
        digest, program = prepare_main(keys, from_host, features)
        write(tmp_path, digest, program)
        there, target = subtables(keys, rng), Target(n_groups, features)
        before = PREPARED.total
        found = Store(tmp_path).main_programs(there, from_host, target)
        assert PREPARED.total == before + 1
        assert found == main_programs(there, from_host, target)
        assert found[0].relocate(dict.fromkeys(found[0].maps.values(), 7))


def test_so_are_those_of_action_lists(tmp_path):
    for actions in action_lists():
        shape = plan_actions(actions, Flow(0), Mask(0)).shape
        write(tmp_path, *prepare_shape(shape))
        assert Store(tmp_path).shape_program(shape) == shape_program(shape)


def test_secrets_are_not_in_what_is_prepared():
    _, program = prepare_main(FEW, False, Features())
    assert program.numbers
    assert program.numbered(dict.fromkeys(program.numbers.values(), 0)) == program.code


def test_what_is_not_prepared_is_generated(store):
    there, target = subtables((EVERYTHING,), Random(1)), Target(2, Features())
    before = PREPARED.total, GENERATED.total
    assert store.main_programs(there, False, target) == main_programs(there, False, target)
    assert (PREPARED.total, GENERATED.total) == (before[0], before[1] + 1)


@pytest.mark.parametrize("other", FEATURES[1:])
def test_a_program_for_other_features_is_not_found(store, other):
    there = subtables(FEW, Random(1))
    found = store.main_programs(there, False, Target(2, other))
    assert found == main_programs(there, False, Target(2, other))


DAMAGES = {
    "truncated": lambda file: file[:-8],
    "empty": lambda file: b"",
    "one bit": lambda file: file[:-20] + bytes([file[-20] ^ 1]) + file[-19:],
    "a place in the head": lambda file: file.replace(b"map 3 ", b"map 4 "),
    "no program": lambda file: b"#!/bin/sh\nexit 0\n",
    "longer": lambda file: file + bytes(8),
}


@pytest.mark.parametrize("how", DAMAGES)
def test_a_damaged_program_is_generated_and_said(store, how, caplog_lines):
    keys = FEW[:1]
    path = store.directory / main_digest(keys, True, Features())
    path.write_bytes(DAMAGES[how](path.read_bytes()))
    there, target = subtables(keys, Random(2)), Target(4, Features())
    assert store.main_programs(there, True, target) == main_programs(there, True, target)
    assert caplog_lines() == [f"{path}: the file is damaged: generating the program"]


def test_a_program_under_the_name_of_another_is_generated_and_said(store, caplog_lines):
    one, other = (
        store.directory / main_digest(FEW[:1], from_host, Features()) for from_host in (False, True)
    )
    other.write_bytes(one.read_bytes())
    there, target = subtables(FEW[:1], Random(2)), Target(4, Features())
    assert store.main_programs(there, True, target) == main_programs(there, True, target)
    assert caplog_lines() == [f"{other}: the file is another program's: generating the program"]


def test_what_cannot_be_read_is_generated_and_said(store, caplog_lines):
    path = store.directory / shape_digest(shape())
    path.unlink()
    path.mkdir()
    assert store.shape_program(shape()) == shape_program(shape())
    assert caplog_lines() == [f"{path}: [Errno 21] Is a directory: '{path}': generating the program"]


@pytest.fixture
def caplog_lines(monkeypatch):
    """The warnings so far, as a function."""
    lines: list[str] = []
    monkeypatch.setattr(logging.Logger, "warn", lambda self, text, *args: lines.append(text % args))
    return lambda: lines


def test_a_directory_says_what_it_is_for(store):
    assert str(store) == f"prepared for 6.6.1 in {store.directory}"
    other = Store.open(store.directory, FEATURES[1])
    assert other.directory is None
    assert str(other) == f"generated: those in {store.directory} are for a kernel with other features"


def test_a_directory_of_another_generator_is_of_no_use(store):
    (store.directory / ABOUT).write_text(str(About("6.6.1", "0" * 40, Features().names)))
    assert str(Store.open(store.directory, Features())) == (
        f"generated: another version made those in {store.directory}"
    )


@pytest.mark.parametrize(
    "text", ["", "kernel 6.6.1\n", "features\n" * 3, "a\0b\n", "kernel a b\ngenerator c\nfeatures\n"]
)
def test_a_directory_that_does_not_say_is_of_no_use(store, text):
    (store.directory / ABOUT).write_text(text)
    opened = Store.open(store.directory, Features())
    assert opened == Store(None, f"generated: {store.directory}: prepared does not say what it is for")


def test_no_directory_is_nothing_to_talk_about(tmp_path):
    assert Store.open(tmp_path / "none", Features()) == Store()
    assert str(Store()) == "generated as they are needed"


def test_the_environment_says_where(store, monkeypatch):
    monkeypatch.setenv(WHERE, str(store.directory))
    assert Store.of_this_kernel(Features()) == store
    monkeypatch.setenv(WHERE, "")
    assert Store.of_this_kernel(Features()) == Store()


def test_what_is_prepared_for_no_features_reads_back():
    about = About("5.8.0", "1" * 40, ())
    assert About.parse(str(about)) == about


def test_the_generator_is_all_that_programs_depend_on():
    """All modules that those which make programs import, but the door to the kernel, which loads them."""
    source = Path(vswitch.__file__).parent
    seen: set[str] = set()
    waiting = ["datapath/ebpf/compile.py", "datapath/ebpf/actions.py"]
    while waiting:
        name = waiting.pop()
        if name in seen or name.startswith("linux/"):
            continue
        seen.add(name)
        for node in ast.walk(ast.parse((source / name).read_text())):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("vswitch."):
                base = "/".join(node.module.split(".")[1:])
                names = [f"{base}.py", *(f"{base}/{alias.name}.py" for alias in node.names)]
                waiting += [name for name in names if (source / name).is_file()]
    assert {str(Path(name).parent) for name in seen} <= set(GENERATOR)


def test_a_change_of_the_generator_is_another_one(monkeypatch, tmp_path):
    files = [tmp_path / "bpf/a.py", tmp_path / "bpf/b.py"]
    files[0].parent.mkdir()
    for path in files:
        path.write_text("one")
    monkeypatch.setattr(prepared, "_SOURCE", tmp_path)
    prints = [generator.__wrapped__()]
    for path, text in ((files[0], "two"), (files[1], "two"), (files[1], "")):
        path.write_text(text)
        prints.append(generator.__wrapped__())
    files[1].rename(tmp_path / "bpf/c.py")
    prints.append(generator.__wrapped__())
    assert len(set(prints)) == len(prints)


def test_masks_of_a_learning_switch_differ():
    assert len({key.mask for key in masks()}) == 6
    assert all(
        key.mask & LAYOUT.mask("in_port", "eth_dst") == LAYOUT.mask("in_port", "eth_dst") for key in masks()
    )


def test_the_number_of_a_build_is_not_part_of_the_generator(monkeypatch, tmp_path):
    monkeypatch.setattr(prepared, "_SOURCE", tmp_path)
    (tmp_path / "base").mkdir()
    (tmp_path / "base/version.py").write_text('BUILD = ""')
    (tmp_path / "base/bits.py").write_text("")
    before = generator.__wrapped__()
    (tmp_path / "base/version.py").write_text('BUILD = "+build123"')
    assert generator.__wrapped__() == before
