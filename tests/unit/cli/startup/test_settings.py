"""The words of ovs-ctl as settings."""

import pytest

from vswitch.cli.startup.settings import Settings


def test_forms() -> None:
    settings = Settings.parse(
        ["--system-id=a=b", "start", "--delete-bridges", "--no-mlockall", "--ovs-user="]
    )
    assert settings["system-id"] == "a=b"
    assert settings.is_on("delete-bridges")
    assert not settings.is_on("mlockall")
    assert settings["ovs-user"] == ""
    assert settings.commands == ["start"]
    assert not settings.unknown


def test_external_ids_add_up() -> None:
    assert Settings.parse(["--external-id=a=1", "--external-id=b=2"]).external_ids == ["a=1", "b=2"]


@pytest.mark.parametrize("word", ["--bogus", "--bogus=1", "--no-bogus", "-x", "--no-mlockall=yes"])
def test_unknown_options_are_kept_for_a_report(word: str) -> None:
    settings = Settings.parse([word, "stop"])
    assert settings.unknown == [word]
    assert settings.commands == ["stop"]
