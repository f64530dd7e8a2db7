"""What a switch leaves for later is there when it is needed, with all that it declares."""

import importlib.util
import os
import subprocess
import sys

import pytest

from vswitch.vswitchd.later import LATER

START = """
import sys
from types import ModuleType
from vswitch.base.log import LOG
from vswitch.linux.later import use_what_waits, wait_for_use, wait_for_use_of
from vswitch.vswitchd.later import LATER

def waits(name):
    return name in sys.modules and type(sys.modules[name]) is not ModuleType

def declared():
    from vswitch.ofproto.handlers import HANDLERS
    from vswitch.openflow.actions.base import _BY_CODE, BY_NAME
    from vswitch.openflow.message import _BY_FORM
    kinds = {cls for cls, _ in _BY_FORM.values()} | {cls for cls, _ in _BY_CODE.values()} | {*HANDLERS}
    return sorted({kind.__qualname__ for kind in kinds} | {*BY_NAME})
"""


def said(program: str) -> str:
    """What an interpreter prints that has imported nothing yet."""
    environment = {name: value for name, value in os.environ.items() if name[:6] != "PYTHON"}
    done = subprocess.run(
        [sys.executable, "-c", START + program], env=environment, capture_output=True, text=True, check=False
    )
    assert not done.returncode, done.stderr
    return done.stdout


@pytest.mark.parametrize("name", LATER)
def test_each_is_a_module_and_not_a_package(name: str) -> None:
    spec = importlib.util.find_spec(name)
    assert spec is not None
    assert spec.submodule_search_locations is None


def test_a_switch_that_has_nothing_to_do_uses_none_of_them() -> None:
    program = """
wait_for_use()
wait_for_use_of(LATER)
import vswitch.vswitchd.run
print(*[name for name in LATER if name in sys.modules and not waits(name)])
"""
    assert said(program).split() == []


def test_each_is_used_in_the_end() -> None:
    program = """
wait_for_use()
wait_for_use_of(LATER)
import vswitch.vswitchd.run
for name in use_what_waits():
    pass
print(*[name for name in LATER if waits(name)])
print(*[name for name in LATER if name not in sys.modules])
"""
    waiting, missing = said(program).split("\n")[:2]
    assert waiting == ""
    assert {*missing.split()} <= {
        "vswitch.datapath.ebpf.actions",
        "vswitch.flow.compose",
    }  # of one datapath, and for tests


def test_a_connection_has_all_messages_actions_and_handlers() -> None:
    late = """
wait_for_use()
wait_for_use_of(LATER)
import vswitch.vswitchd.run
from vswitch.vswitchd import channels
channels.connections.Connection, channels.sessions.Session
"""
    at_once = "import vswitch.vswitchd.channels\n"
    printing = "import vswitch.openflow.actions.text\nprint(*declared())"
    assert said(late + printing) == said(at_once + printing)


def test_what_logs_is_known_before() -> None:
    program = """
wait_for_use()
wait_for_use_of(LATER)
import vswitch.vswitchd.run
known = set(LOG.levels)
for name in use_what_waits():
    pass
print(*LOG.levels.keys() - known)
"""
    assert said(program).split() == []
