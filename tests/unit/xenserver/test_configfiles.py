"""Files change together or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from vswitch.xenserver.configfiles import ConfigFiles, State, replace_whole
from vswitch.xenserver.records import ReconfigureError


def names(directory: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in directory.iterdir()}


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    (tmp_path / "a").write_text("old a")
    return tmp_path


def test_the_phases(directory: Path) -> None:
    files = ConfigFiles()
    files.stage(f"{directory}/a", "new a")
    files.stage(f"{directory}/b", "new b")
    assert names(directory) == {"a": "old a", ".a.xapi-new": "new a", ".b.xapi-new": "new b"}
    files.apply()
    assert names(directory) == {"a": "new a", ".a.xapi-old": "old a", "b": "new b"}
    files.commit()
    assert names(directory) == {"a": "new a", "b": "new b"}


def test_a_way_back_from_every_phase(directory: Path) -> None:
    for applied in (False, True):
        files = ConfigFiles()
        files.stage(f"{directory}/a", "new a")
        files.stage(f"{directory}/b", "new b")
        if applied:
            files.apply()
        files.revert()
        assert names(directory) == {"a": "old a", ".a.xapi-new": "new a", ".b.xapi-new": "new b"}
        assert files.state is State.IDLE


def test_half_of_an_apply_is_taken_back(directory: Path) -> None:
    files = ConfigFiles()
    files.stage(f"{directory}/a", "new a")
    files.stage(f"{directory}/b", "new b")
    (directory / ".b.xapi-new").unlink()
    with pytest.raises(ReconfigureError, match=r"cannot replace .*/b: No such file"):
        files.apply()
    files.revert()
    assert (directory / "a").read_text() == "old a"


def test_what_a_crash_has_left_does_not_matter(directory: Path) -> None:
    for name in (".a.xapi-new", ".a.xapi-old"):
        (directory / name).write_text("of a crash")
    files = ConfigFiles()
    files.stage(f"{directory}/a", "new a")
    files.apply()
    files.commit()
    assert names(directory) == {"a": "new a"}


def test_phases_out_of_order() -> None:
    for action in ("apply", "commit", "revert"):
        with pytest.raises(AssertionError, match="files are idle"):
            getattr(ConfigFiles(), action)()


def test_a_directory_that_cannot_be(directory: Path) -> None:
    with pytest.raises(ReconfigureError, match="cannot write"):
        ConfigFiles().stage(f"{directory}/a/b", "x")


def test_a_file_is_replaced_whole(directory: Path) -> None:
    replace_whole(f"{directory}/sub/c", "text")
    assert names(directory / "sub") == {"c": "text"}
