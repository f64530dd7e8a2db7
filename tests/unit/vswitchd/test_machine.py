"""What is imported late has names from the beginning."""

import os
import subprocess
import sys

import pytest

PROGRAM = """
import sys
import {module}
from vswitch.base.log import LOG
print(*[name for name in {names} if name not in LOG.levels], sep=" ")
print(*[name for name in sys.modules if name in {late}], sep=" ")
"""


@pytest.mark.parametrize(
    ("module", "names", "late"),
    [
        (
            "vswitch.vswitchd.run",
            ["dpif_ebpf", "ebpf_prepared"],
            ["msgspec", "vswitch.datapath.ebpf.datapath", "vswitch.datapath.userspace.datapath"],
        ),
        (
            "vswitch.ovsdbserver.run",
            ["ovsdb_cluster"],
            ["hashlib", "msgspec", "tempfile", "vswitch.ovsdbserver.clusterbacking"],
        ),
    ],
)
def test_modules_that_log_are_known_before_they_are_imported(
    module: str, names: list[str], late: list[str]
) -> None:
    program = PROGRAM.format(module=module, names=names, late=late)
    environment = {name: value for name, value in os.environ.items() if name[:6] != "PYTHON"}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == []
