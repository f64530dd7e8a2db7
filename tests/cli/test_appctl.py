"""ovs-appctl and ovs-dpctl where there is nothing to talk to."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAMS = Path(sys.executable).parent


def run(directory: Path, *words: str) -> tuple[int, str]:
    done = subprocess.run(
        [PROGRAMS / words[0], *words[1:]],
        env=os.environ | {"OVS_RUNDIR": str(directory)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == ""
    return done.returncode, done.stderr


@pytest.mark.parametrize(
    ("words", "last"),
    [
        (
            ("-t", "nope", "version"),
            'ovs-appctl: cannot read pidfile "{}/nope.pid" (No such file or directory)',
        ),
        (("-t", "/nope", "version"), 'ovs-appctl: cannot connect to "/nope" (No such file or directory)'),
        ((), "ovs-appctl: at least one non-option argument is required (use --help for help)"),
        (("--foo",), "ovs-appctl: unrecognized option '--foo'"),
    ],
)
def test_appctl_says_why_not(words: tuple[str, ...], last: str, tmp_path: Path) -> None:
    status, errors = run(tmp_path, "ovs-appctl", *words)
    assert (status, errors.splitlines()[-1]) == (1, last.format(tmp_path))


@pytest.mark.parametrize(
    ("words", "last"),
    [
        ((), "ovs-dpctl: missing command name; use --help for help"),
        (("foo",), "ovs-dpctl: unknown command 'foo'; use --help for help"),
        (("show", "foo"), "ovs-dpctl: opening datapath foo failed (No such file or directory)"),
        (("dump-flows",), "ovs-dpctl: datapath not found (Invalid argument)"),
        (("get-flow",), "ovs-dpctl: 'get-flow' command requires at least 1 arguments"),
        (("dump-dps", "x"), "ovs-dpctl: 'dump-dps' command takes at most 0 arguments"),
    ],
)
def test_dpctl_has_no_datapaths(words: tuple[str, ...], last: str, tmp_path: Path) -> None:
    status, errors = run(tmp_path, "ovs-dpctl", *words)
    assert (status, errors.splitlines()[-1]) == (1, last)
