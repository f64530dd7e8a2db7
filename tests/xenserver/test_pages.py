"""The pages of the XenServer programs say what the programs take, and become pages of man(1)."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from vswitch.xenserver import arguments, hotplug, update
from vswitch.xenserver.daemon import OPTIONS as SYNC_OPTIONS
from vswitch.xenserver.daemon import USAGE as SYNC_USAGE
from vswitch.xenserver.host import Host

TOP = Path(__file__).parents[2]
PAGES = TOP / "docs/man/xenserver"
PROGRAMS = {
    "interface-reconfigure": "opt/xensource/libexec/interface-reconfigure",
    "ovs-xapi-sync": "usr/share/openvswitch/scripts/ovs-xapi-sync",
    "vif": "etc/xensource/scripts/vif",
    "vif-real": "usr/share/openvswitch/scripts/vif-real",
    "setup-vif-rules": "usr/share/openvswitch/scripts/setup-vif-rules",
    "ovs-save": "usr/share/openvswitch/scripts/ovs-save",
    "ovs-vlan-bug-workaround": "usr/sbin/ovs-vlan-bug-workaround",
}
"""Programs of a host, where the packages have them."""


def cells(page: str, section: str) -> list[str]:
    """What the first column of a section's table has in code."""
    body = (PAGES / f"{page}.md").read_text().split(f"\n## {section}\n")[1].split("\n## ")[0]
    rows = [row.split(" | ")[0] for row in body.splitlines() if row.startswith("| `")]
    return [word for row in rows for word in re.findall(r"`([^`]+)`", row)]


def test_options_of_interface_reconfigure() -> None:
    on_page = {re.split("=", word)[0] for word in cells("interface-reconfigure", "Options")} - {"-h"}
    assert on_page == {f"--{option.name}" for option in arguments.OPTIONS}
    assert set(re.findall(r"--[a-z][a-z-]*", arguments.USAGE)) == on_page
    assert cells("interface-reconfigure", "Actions") == list(arguments.ACTIONS)


def test_options_of_the_sync_daemon() -> None:
    own = {option.name for option in SYNC_OPTIONS if option.name == "root-prefix"}
    assert {re.split("=", word)[0] for word in cells("ovs-xapi-sync", "Options")} == {
        f"--{name}" for name in own
    }
    assert cells("ovs-xapi-sync", "Commands") == ["flush-cache"]
    assert "flush-cache" in SYNC_USAGE


def test_usages_of_the_hotplug_programs() -> None:
    synopsis = (PAGES / "vif.md").read_text().split("```")[1]
    for usage in hotplug.USAGES.values():
        assert all(form in synopsis for form in usage.split("   or   "))


def test_functions_and_failures_of_the_plugins() -> None:
    switch: Any = None
    assert cells("openvswitch-cfg-update", "Functions") == list(
        update.functions(Host(), switch, update.by_controller)
    )
    source = "".join(path.read_text() for path in (TOP / "src/vswitch/xenserver").glob("*.py"))
    raised = set(re.findall(r'"([A-Z]+(?:_[A-Z]+){2,})"', source))
    assert set(cells("openvswitch-cfg-update", "Failures")) == {
        code for code in raised if "FAILURE" in code or "POOL" in code or "PLUGIN" in code
    }


@pytest.mark.parametrize("name", PROGRAMS)
def test_every_program_has_help(name: str) -> None:
    words = [sys.executable, str(TOP / "packaging/xenserver/root" / PROGRAMS[name]), "--help"]
    environment = {name: value for name, value in os.environ.items() if name[:6] != "PYTHON"}
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "usage: " in done.stdout
    assert name in done.stdout


@pytest.mark.parametrize(
    "path", sorted(path.stem for path in PAGES.parent.rglob("*.md") if path.stem != "README")
)
def test_pages_for_man(tmp_path: Path, path: str) -> None:
    subprocess.run([sys.executable, TOP / "packaging/manpages.py", tmp_path, path], check=True)
    [page] = tmp_path.rglob(f"{path}.*")
    if shutil.which("groff"):
        words = ["groff", "-k", "-man", "-Tutf8", "-ww", "-rLL=100n", page]
        done = subprocess.run(words, capture_output=True, text=True, check=True)
        assert not [line for line in done.stderr.splitlines() if "can't break line" not in line]
        text = re.sub(r"\x1b\[[0-9;]*m|.\x08", "", done.stdout)
        assert all(title in text for title in ("NAME", "SYNOPSIS", path))
        assert "](" not in text
        assert "`" not in text
