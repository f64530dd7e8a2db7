"""The demo holds what it claims, on real packets and in memory, and leaves nothing behind."""

import subprocess
import sys
from pathlib import Path

import pytest

from vswitch.cli import demo

BIN = Path(sys.executable).parent


@pytest.mark.needs_root
def test_on_real_packets() -> None:
    done = subprocess.run([BIN / "vswitch", "demo"], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "every expectation held" in done.stdout
    assert "Gbit/s through br0" in done.stdout
    namespaces = subprocess.run(["ip", "netns"], capture_output=True, text=True, check=True).stdout
    assert "vsw" not in {name.split("-")[0].rstrip("0123456789") for name in namespaces.split()}


def test_in_memory_where_the_kernel_will_not_do(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(demo, "why_not_kernel", lambda: "it takes root to make network namespaces")
    assert demo.main() == 0
    output = capsys.readouterr().out
    assert "because it takes root" in output
    assert "every expectation held" in output


def test_an_expectation_that_does_not_hold_is_a_failure(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(demo, "why_not_kernel", lambda: "of this test")
    monkeypatch.setattr(demo, "DROP", "priority=100,icmp,nw_src=10.9.9.9,actions=drop")
    assert demo.main() == 1
    assert "FAIL  h1 no longer reaches h2" in capsys.readouterr().out
