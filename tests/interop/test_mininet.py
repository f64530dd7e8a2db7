"""Mininet, unchanged, builds its networks with our switch: its own commands, its own checks."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.interop, pytest.mark.needs_root]

BIN = Path(sys.executable).parent
# Mininet names its devices alike in every run and cleans up by name: it gets namespaces of its own for all of it.
UNSHARE = ["unshare", "--fork", "--pid", "--mount", "--net", "--mount-proc"]
SCRIPT = """
mount -t sysfs sysfs /sys && ip link set lo up
vswitch up --dir "$OVS_RUNDIR" > "$OVS_RUNDIR/up.log" 2>&1 &
for i in $(seq 100); do ovs-appctl version >/dev/null 2>&1 && break; sleep 0.1; done
timeout 60 mn {options} --test pingall 2>&1
status=$?
kill %1; wait
cat "$OVS_RUNDIR/up.log"
exit $status
"""


@pytest.mark.parametrize(
    "options",
    ["--switch ovsbr", "--switch ovs --controller ovsc --topo tree,2"],
    ids=["standalone", "controller"],
)
def test_everybody_reaches_everybody(tmp_path: Path, options: str) -> None:
    assert shutil.which("mn"), "mininet is not installed"
    environment = os.environ | {
        "PATH": f"{BIN}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        **{f"OVS_{what}DIR": str(tmp_path) for what in ("RUN", "LOG", "DB")},
    }
    words = [*UNSHARE, "bash", "-c", SCRIPT.format(options=options)]
    done = subprocess.run(words, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert "Results: 0% dropped" in done.stdout, done.stdout + done.stderr
    assert "Traceback" not in done.stdout
