"""What is imported late has names from the beginning, and is imported late."""

import os
import subprocess
import sys

import pytest

PROGRAM = """
import sys
from types import ModuleType
from vswitch.linux.later import LATER, wait_for_use, wait_for_use_of
wait_for_use()
from vswitch.vswitchd import later
wait_for_use_of(later.LATER)
import {module}
from vswitch.base.log import LOG
print(*[name for name in {names} if name not in LOG.levels], sep=" ")
print(*[name for name in sys.modules if name in {late}], sep=" ")
print(*[name for name in LATER - {used} if type(sys.modules.get(name)) is ModuleType], sep=" ")
"""


@pytest.mark.parametrize(
    ("module", "names", "late", "used"),
    [
        (
            "vswitch.vswitchd.run",
            ["dpif_ebpf", "ebpf_prepared"],
            [
                *("hashlib", "msgspec", "random", "tempfile", "uuid"),
                *("vswitch.datapath.ebpf.datapath", "vswitch.datapath.userspace.datapath"),
                "vswitch.ofproto.tracecommand",
            ],
            set(),
        ),
        (
            "vswitch.ovsdbserver.run",
            ["ovsdb_cluster"],
            [
                *("ctypes", "hashlib", "msgspec", "random", "tempfile", "uuid"),
                "vswitch.ovsdbserver.clusterbacking",
            ],
            {"pathlib"},
        ),
    ],
)
def test_modules_that_log_are_known_before_they_are_imported(
    module: str, names: list[str], late: list[str], used: set[str]
) -> None:
    program = PROGRAM.format(module=module, names=names, late=late, used=used)
    environment = {name: value for name, value in os.environ.items() if name[:6] != "PYTHON"}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == []
