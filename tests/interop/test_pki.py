"""ovs-pki, ours and the peer's: each goes on with the files that the other has made, and openssl agrees."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.interop.daemons import Make, program

pytestmark = pytest.mark.interop
MAKES: list[Make] = ["ours", "peer"]


def pki(make: Make, where: Path, *words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    command = [program(make, "ovs-pki"), f"--dir={where / 'pki'}", f"--log={where / 'log'}", *words]
    return subprocess.run(command, cwd=where, input=stdin, capture_output=True, text=True, check=False)


def done(make: Make, where: Path, *words: str) -> str:
    result = pki(make, where, *words)
    assert result.returncode == 0, result.stderr
    return result.stdout


def modes(where: Path) -> dict[str, int]:
    return {str(path.relative_to(where)): path.stat().st_mode for path in where.rglob("*")}


@pytest.fixture(scope="module", params=MAKES)
def hierarchy(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    where = tmp_path_factory.mktemp(f"pki-{request.param}")
    done(request.param, where, "init")
    return where


def test_the_same_files_and_modes(tmp_path):
    for make in MAKES:
        (tmp_path / make).mkdir()
        done(make, tmp_path / make, "init")
        done(make, tmp_path / make, "req+sign", "sw")
    ours, theirs = (modes(tmp_path / make) for make in MAKES)
    assert ours == theirs


@pytest.mark.parametrize("make", MAKES)
@pytest.mark.parametrize("kind", ["switch", "controller"])
def test_each_signs_in_the_hierarchy_of_the_other(hierarchy, make, kind):
    name = f"{make}-{kind}"
    done(make, hierarchy, "req", name)
    done("ours" if make == "peer" else "peer", hierarchy, "--batch", "sign", name, kind)
    for verifier in MAKES:
        assert done(verifier, hierarchy, "verify", name, kind) == f"{name}-cert.pem: OK\n"
        other = "controller" if kind == "switch" else "switch"
        assert pki(verifier, hierarchy, "verify", name, other).returncode == 2
    authority = hierarchy / "pki" / f"{kind}ca" / "cacert.pem"
    words = ["openssl", "verify", "-CAfile", authority, f"{name}-cert.pem"]
    assert subprocess.run(words, cwd=hierarchy, capture_output=True, check=False).returncode == 0
    prints = [done(maker, hierarchy, "fingerprint", f"{name}-cert.pem") for maker in MAKES]
    assert prints[0] == prints[1]


def test_the_common_name(tmp_path):
    done("ours", tmp_path, "-u", "req", "sw")
    words = ["openssl", "req", "-in", "sw-req.pem", "-noout", "-subject"]
    subject = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    assert subject.rstrip().endswith("CN = sw")


def test_self_signed(tmp_path):
    done("ours", tmp_path, "req", "alone")
    done("ours", tmp_path, "self-sign", "alone")
    words = ["openssl", "verify", "-CAfile", "alone-cert.pem", "alone-cert.pem"]
    assert subprocess.run(words, cwd=tmp_path, capture_output=True, check=False).returncode == 0


def test_the_fingerprint_is_asked_for(hierarchy):
    done("ours", hierarchy, "req", "asked")
    refused = pki("ours", hierarchy, "sign", "asked", stdin="no\n")
    assert (refused.returncode, refused.stderr) == (1, "ovs-pki: Match failure, aborting\n")
    assert pki("ours", hierarchy, "sign", "asked", stdin="yes\n").returncode == 0


@pytest.mark.parametrize("words", [["foo"], [], ["sign"], ["req"], ["sign", "x", "bar"], ["verify", "none"], ["init"],
                                   ["-B", "512", "req", "y"], ["-k", "foo", "req", "y"]], ids=" ".join)  # fmt: skip
def test_mistakes(hierarchy, words):
    theirs, ours = pki("peer", hierarchy, *words), pki("ours", hierarchy, *words)
    assert (ours.returncode, ours.stdout) == (theirs.returncode, theirs.stdout)
    assert ours.stderr == theirs.stderr.replace("/usr/bin/", "")
