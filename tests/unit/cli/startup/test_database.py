"""Where the database is served from when its disk cannot be written."""

from pathlib import Path

import pytest

from vswitch.cli.startup.database import serve_where_writable
from vswitch.cli.startup.host import Places


@pytest.fixture
def fallback(tmp_path: Path) -> Path:
    return tmp_path / "run" / "conf.db"


def test_a_disk_with_room_is_left_alone(tmp_path: Path, fallback: Path) -> None:
    places = Places(str(tmp_path / "etc" / "conf.db"))
    serve_where_writable(places, fallback)
    assert places.database == tmp_path / "etc" / "conf.db"
    assert [path.name for path in tmp_path.rglob("*")] == ["etc"]


def test_without_room_a_copy_is_served(
    tmp_path: Path, fallback: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "etc").write_text("no directory can be made here")
    places = Places(str(tmp_path / "etc" / "conf.db"))
    serve_where_writable(places, fallback)
    assert places.database == fallback
    assert (
        "stays as it is, and what changes now is lost at the next boot ... (warning)."
        in capsys.readouterr().out
    )


def test_a_copy_that_is_there_is_the_newer_one(tmp_path: Path, fallback: Path) -> None:
    (tmp_path / "etc").write_text("no directory can be made here")
    fallback.parent.mkdir()
    fallback.write_text("what has changed since")
    places = Places(str(tmp_path / "etc" / "conf.db"))
    serve_where_writable(places, fallback)
    assert fallback.read_text() == "what has changed since"


def test_a_copy_moves_back_when_there_is_room(tmp_path: Path, fallback: Path) -> None:
    database = tmp_path / "conf.db"
    database.write_text("as it was at boot")
    fallback.parent.mkdir()
    fallback.write_text("what has changed since")
    places = Places(str(database))
    serve_where_writable(places, fallback)
    assert places.database.read_text() == "what has changed since"
    assert not fallback.exists()


def test_a_copy_that_is_interrupted_is_made_again(
    tmp_path: Path, fallback: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = tmp_path / "etc" / "conf.db"
    database.parent.mkdir()
    database.write_text("all of it")
    monkeypatch.setattr("vswitch.cli.startup.database._why_unwritable", lambda path: "full")

    def interrupted(source: Path, target: Path) -> None:
        target.write_text("all")
        raise KeyboardInterrupt

    places = Places(str(database))
    with monkeypatch.context() as patched:
        patched.setattr("shutil.copy", interrupted)
        with pytest.raises(KeyboardInterrupt):
            serve_where_writable(places, fallback)
    serve_where_writable(Places(str(database)), fallback)
    assert fallback.read_text() == "all of it"


def test_a_database_that_is_in_the_place_of_the_copy_stays(tmp_path: Path) -> None:
    database = tmp_path / "conf.db"
    database.write_text("in memory anyway")
    serve_where_writable(Places(str(database)), database)
    assert database.read_text() == "in memory anyway"
