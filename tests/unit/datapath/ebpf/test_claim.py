import errno
import subprocess
import sys
from pathlib import Path

import pytest

from vswitch.base.errors import KernelError
from vswitch.datapath.ebpf.claim import Claim
from vswitch.datapath.ebpf.datapath import EbpfDatapath


def test_one_at_a_time(tmp_path: Path) -> None:
    claim = Claim(tmp_path / "datapath")
    with pytest.raises(KernelError, match="another switch") as caught:
        Claim(tmp_path / "datapath")
    assert caught.value.errno == errno.EBUSY
    claim.release()
    Claim(tmp_path / "datapath").release()


def test_who_dies_has_no_claim(tmp_path: Path) -> None:
    code = f"""
import os, pathlib
from vswitch.datapath.ebpf.claim import Claim
Claim(pathlib.Path({str(tmp_path)!r}))
os.kill(os.getpid(), 9)
"""
    subprocess.run([sys.executable, "-c", code], check=False)
    Claim(tmp_path).release()


@pytest.mark.needs_root
def test_a_datapath_that_cannot_begin_leaves_no_claim_and_no_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(datapath: EbpfDatapath) -> None:
        raise KernelError(errno.ENOMEM, "no memory for maps")

    monkeypatch.setattr(EbpfDatapath, "_begin", fail)
    for _ in range(2):
        with pytest.raises(KernelError, match="no memory"):
            EbpfDatapath("test", tmp_path)
        assert list((tmp_path / "vswitch").iterdir()) == []
