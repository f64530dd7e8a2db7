"""The options of ovs-vswitchd."""

from __future__ import annotations

import pytest

from vswitch.vswitchd import run
from vswitch.vswitchd.main import main, usage


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["--nonsense"], 1, "unrecognized option '--nonsense'"),
        (["one", "two"], 1, "at most one non-option argument accepted; use --help for usage"),
        (["--unixctl"], 1, "option '--unixctl' requires an argument"),
    ],
)
def test_what_is_wrong_is_said(
    words: list[str], status: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == status
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith("ovs-vswitchd: ")
    assert said in shown.err


@pytest.mark.parametrize(("option", "begins"), [("--help", "ovs-vswitchd: "), ("-h", "ovs-vswitchd: "), ("--version", "ovs-vswitchd (Open vSwitch) "), ("-V", "ovs-vswitchd (Open vSwitch) ")])  # fmt: skip
def test_questions_are_answered_and_nothing_is_begun(
    option: str, begins: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(run, "run", lambda *args: pytest.fail("it began"))
    assert main([option, "--unixctl=x"]) == 0
    assert capsys.readouterr().out.startswith(begins)


@pytest.mark.parametrize(
    ("words", "remote"), [([], "unix:/run/here/db.sock"), (["tcp:127.0.0.1:6640"], "tcp:127.0.0.1:6640")]
)
def test_the_database_is_where_one_says_or_where_it_usually_is(
    words: list[str], remote: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = []
    monkeypatch.setenv("OVS_RUNDIR", "/run/here")
    monkeypatch.setattr(
        run, "run", lambda program, given, remote, system: begun.append((program, remote, system)) or 7
    )
    assert main(["--disable-system", *words]) == 7
    assert begun == [("ovs-vswitchd", remote, None)]


@pytest.mark.parametrize(("words", "who"), [([], "another"), (["--user=nobody"], "this one, as that user")])
def test_another_process_finds_out_what_the_kernel_can_do(
    words: list[str], who: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = []
    monkeypatch.setattr("vswitch.vswitchd.main.probe", lambda: "this one, as that user")
    monkeypatch.setattr("vswitch.vswitchd.main.found_elsewhere", lambda find: lambda: "another")
    monkeypatch.setattr(run, "run", lambda program, given, remote, system: said.append(system()) or 0)
    assert main(words) == 0
    assert said == [who]


def test_every_option_is_in_the_usage() -> None:
    text = usage()
    for option in (
        "--enable-dummy",
        "--disable-system",
        "--pidfile",
        "--private-key",
        "--log-file",
        "--unixctl",
    ):
        assert option in text
