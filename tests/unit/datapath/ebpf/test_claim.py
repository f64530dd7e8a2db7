import errno
import subprocess
import sys
from pathlib import Path

import pytest

from vswitch.base.errors import KernelError
from vswitch.datapath.ebpf.claim import Claim


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
