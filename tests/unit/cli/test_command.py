"""Options and commands, in getopt's and Open vSwitch's words."""

from __future__ import annotations

import subprocess
import sys

import pytest

from vswitch.base.options import NONE, OPTIONAL, REQUIRED, CommandError, Option, parse_options
from vswitch.cli.command import UNLIMITED, CommandTable, Program, arity, set_timeout

OPTIONS = (
    Option("strict", NONE),
    Option("sort", OPTIONAL),
    Option("timeout", REQUIRED, "t"),
    Option("verbose", OPTIONAL, "v"),
    Option("quiet", NONE, "q"),
)


@pytest.mark.parametrize(
    ("words", "pairs", "rest"),
    [
        (["a", "--strict", "b"], [("strict", None)], ["a", "b"]),
        (["--st", "--tim", "3", "--t=4"], [("strict", None), ("timeout", "3"), ("timeout", "4")], []),
        (
            ["-qt5", "-q", "-t", "6"],
            [("quiet", None), ("timeout", "5"), ("quiet", None), ("timeout", "6")],
            [],
        ),
        (
            ["-v", "x", "-vdbg", "--verbose=a"],
            [("verbose", None), ("verbose", "dbg"), ("verbose", "a")],
            ["x"],
        ),
        (["--sort=a", "--sort", "a"], [("sort", "a"), ("sort", None)], ["a"]),
        (["a", "--", "--strict", "--"], [], ["a", "--strict", "--"]),
        (["-", "--timeout="], [("timeout", "")], ["-"]),
    ],
)
def test_options(words, pairs, rest):
    given, words = parse_options(words, OPTIONS)
    assert (given.pairs, words) == (pairs, rest)


def test_options_first():
    given, rest = parse_options(["-q", "a", "-q", "--", "b"], OPTIONS, permute=False)
    assert (given.pairs, rest) == ([("quiet", None)], ["a", "-q", "--", "b"])


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--nope"], "unrecognized option '--nope'"),
        (["--nope=3"], "unrecognized option '--nope=3'"),
        (["--s"], "option '--s' is ambiguous; possibilities: '--strict' '--sort'"),
        (["--timeout"], "option '--timeout' requires an argument"),
        (["--strict=x"], "option '--strict' doesn't allow an argument"),
        (["-z"], "invalid option -- 'z'"),
        (["-qt"], "option requires an argument -- 't'"),
    ],
)
def test_wrong_options(words, message):
    with pytest.raises(CommandError) as error:
        parse_options(words, OPTIONS)
    assert str(error.value) == message


@pytest.mark.parametrize(
    ("usage", "counts"),
    [
        ("", (0, 0)),
        ("A B", (2, 2)),
        ("A [B]", (1, 2)),
        ("[A [B]]", (0, 2)),
        ("A [B]...", (1, UNLIMITED)),
        ("A...", (1, UNLIMITED)),
    ],
)
def test_arity(usage, counts):
    assert arity(usage) == counts


commands = CommandTable()


@commands("echo", "WORD [MORE]")
def echo(given, *words):
    yield from words


@commands("fail")
def fail(given):
    raise CommandError("it failed", 3)


@pytest.mark.parametrize(
    ("words", "status", "out", "errors"),
    [
        (["echo", "a", "b"], 0, "a\nb\n", ""),
        (["-q", "echo", "a"], 0, "a\n", ""),
        ([], 1, "", "prog: missing command name; use --help for help\n"),
        (["nope"], 1, "", "prog: unknown command 'nope'; use --help for help\n"),
        (["echo"], 1, "", "prog: 'echo' command requires at least 1 arguments\n"),
        (["echo", "a", "b", "c"], 1, "", "prog: 'echo' command takes at most 2 arguments\n"),
        (["fail"], 3, "", "prog: it failed\n"),
        (["-t", "x", "echo", "a"], 1, "", "prog: value x on -t or --timeout is invalid\n"),
    ],
)
def test_programs(words, status, out, errors, capsys):
    assert Program("prog", commands, OPTIONS, help="HELP").main(words) == status
    assert capsys.readouterr() == (out, errors)


@pytest.mark.parametrize("text", ["x", "-1", "0", "", "99999999999"])
def test_time_outs_that_make_no_sense(text):
    with pytest.raises(CommandError):
        set_timeout(text)


def test_vsctl_imports_hardly_anything():
    """What each of these costs, in ms: msgspec 25, asyncio 60, dataclasses 10, typing 7, re 5, enum 3, socket 6, json 5."""
    heavy = {
        "msgspec",
        "asyncio",
        "dataclasses",
        "typing",
        "re",
        "enum",
        "socket",
        "json",
        "logging",
        "argparse",
        "pathlib",
    }
    code = "import sys, vswitch.cli.vsctl; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True)
    assert not heavy & set(done.stdout.split())
