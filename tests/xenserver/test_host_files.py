"""The small pieces that other programs of the host read: the console, the bug tool, logrotate, the shell."""

from __future__ import annotations

import re
import runpy
import shlex
import subprocess
import sys
import types
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from tests.xenserver import pool
from tests.xenserver.fake_xapi import FakeXapi
from tests.xenserver.host_root import HostRoot

ROOT = Path(__file__).parents[2] / "packaging/xenserver/root"
BUGTOOL = ROOT / "etc/xensource/bugtool"
SCRIPTS = ROOT / "usr/share/openvswitch/scripts"

LAUNCHERS = [
    path for path in sorted(ROOT.rglob("*")) if path.is_file() and path.read_text().startswith("#!python\n")
]


@pytest.mark.parametrize("path", LAUNCHERS, ids=lambda path: path.name)
def test_programs_lead_somewhere(path: Path) -> None:
    """Without arguments each says what it wants; none shows a traceback, and none listens to PYTHONPATH."""
    assert path.stat().st_mode & 0o111
    done = subprocess.run(
        [sys.executable, path], env={}, stdin=subprocess.DEVNULL, capture_output=True, text=True
    )
    assert done.returncode in (1, 2)
    assert done.stderr.startswith(path.name)
    assert "Traceback" not in done.stderr
    assert 'name[:6] != "PYTHON"' in path.read_text()


# --- the bug tool ---


@pytest.mark.parametrize(
    "path", sorted(BUGTOOL.rglob("*.xml")), ids=lambda path: str(path.relative_to(BUGTOOL))
)
def test_what_the_bug_tool_collects(path: Path) -> None:
    root = ET.parse(path).getroot()
    if path.parent == BUGTOOL:
        assert root.tag == "capability"
        assert root.attrib == {
            "pii": "no", "max_size": "1000000", "max_time": "60", "mime": "text/plain", "checked": "true",
            "hidden": "true",
        }  # fmt: skip
        return
    assert root.tag == "collect"
    labels = [element.get("label") for element in root if element.tag == "command"]
    assert len(labels) == len(set(labels))
    for element in root:
        assert element.tag in ("files", "directory", "command")
        program = shlex.split(element.text or "")[0]
        if element.tag == "command" and program.startswith("/"):
            assert (ROOT / program[1:]).stat().st_mode & 0o111


def test_a_command_for_each_bridge(tmp_path: Path) -> None:
    (tmp_path / "ovs-vsctl").write_text("#!/bin/sh\necho xapi1; echo xenbr0\n")
    (tmp_path / "ovs-ofctl").write_text('#!/bin/sh\necho "asked: $*"\n')
    for path in tmp_path.iterdir():
        path.chmod(0o755)
    words = [SCRIPTS / "ovs-bugtool-bridges", "ovs-ofctl", "-O", "OpenFlow13", "dump-groups"]
    done = subprocess.run(
        words, env={"PATH": f"{tmp_path}:/usr/bin:/bin"}, capture_output=True, text=True, check=True
    )
    assert done.stdout == (
        "xapi1:\nasked: -O OpenFlow13 dump-groups xapi1\n\nxenbr0:\nasked: -O OpenFlow13 dump-groups xenbr0\n\n"
    )


# --- logrotate and the shell ---


def test_logs_are_opened_anew(tmp_path: Path) -> None:
    text = (ROOT / "etc/logrotate.d/openvswitch").read_text()
    assert text.startswith("/var/log/openvswitch/*.log {")
    script = (
        text.split("postrotate\n")[1].split("endscript")[0].replace("/var/run/openvswitch", str(tmp_path))
    )
    for daemon in ("ovs-vswitchd", "ovsdb-server"):
        (tmp_path / f"{daemon}.pid").write_text("1\n")
    (tmp_path / "ovs-appctl").write_text(f'#!/bin/sh\necho "$*" >>{tmp_path}/calls\nexit 1\n')
    (tmp_path / "ovs-appctl").chmod(0o755)
    environment = {"PATH": f"{tmp_path}:/usr/bin:/bin"}
    assert subprocess.run(["/bin/sh", "-ec", script], env=environment).returncode == 0
    assert (tmp_path / "calls").read_text().splitlines() == [
        "-t ovs-vswitchd vlog/reopen", "-t ovsdb-server vlog/reopen",
    ]  # fmt: skip
    (tmp_path / "calls").unlink()
    for path in tmp_path.glob("*.pid"):
        path.unlink()
    assert subprocess.run(["/bin/sh", "-ec", script], env=environment).returncode == 0
    assert not (tmp_path / "calls").exists()


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("watchdp", "-n 1 ovs-dpctl show"),
        ("watchdpflows dp0", "-n 1 ovs-dpctl dump-flows dp0"),
        ("watchflows xenbr0 'in_port=1'", "-n 1 ovs-ofctl dump-flows xenbr0 | grep -e 'in_port=1'"),
    ],
)
def test_words_for_the_shell(line: str, expected: str) -> None:
    script = f'watch() {{ echo "$*"; }}; . {ROOT}/etc/profile.d/openvswitch.sh; {line}'
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == f"{expected}\n"


# --- the console ---


class Recorder:
    """A class of xsconsole's of which only what is called matters."""

    calls: list[tuple[object, ...]]

    def __init__(self, *words: object) -> None:
        self.calls = [words]
        self.parent = None

    def __getattr__(self, name: str):
        return lambda *words: self.calls.append((name, *words)) or self


@pytest.fixture
def console(monkeypatch: pytest.MonkeyPatch):
    """xsconsole with a XAPI, and the plugin loaded into it."""
    with HostRoot() as host, FakeXapi(pool.tables()) as fake:
        fake.tables["host"][pool.HOST] |= {"name_label": "first"}
        fake.tables["host"][pool.OTHER_HOST] |= {"name_label": "second"}
        fake.plugins["openvswitch-cfg-update"] = lambda session, function, arguments: "done"
        fake.sessions.add("s")
        standard = types.ModuleType("XSConsoleStandard")
        layout = Recorder()
        registered: list[tuple[object, ...]] = []

        class Session:
            def __init__(self, name: str = "") -> None:
                self.name = name

            def __getattr__(self, part: str) -> Session:
                return self if part == "xenapi" else Session(f"{self.name}.{part}".strip("."))

            def __call__(self, *words: object) -> object:
                answer = fake.answer(self.name, ("s", *words))
                if answer["Status"] == "Failure":
                    raise RuntimeError(answer["ErrorDescription"])
                return answer["Value"]

        standard.__dict__.update(
            Lang=lambda text, width=0: str(text),
            Task=types.SimpleNamespace(Sync=lambda action: action(Session())),
            Layout=types.SimpleNamespace(Inst=lambda: layout),
            Importer=types.SimpleNamespace(RegisterNamedPlugIn=lambda *words: registered.append(words)),
            DialogueUtils=types.SimpleNamespace(AuthenticatedOnly=lambda action: action()),
            HotAccessor=lambda: types.SimpleNamespace(
                local_host_ref=lambda: types.SimpleNamespace(OpaqueRef=lambda: pool.HOST)
            ),
            Dialogue=type("Dialogue", (), {
                "__init__": lambda self: setattr(self, "parent", None),
                "NewPane": lambda self, pane: setattr(self, "pane", pane) or pane,
                "Pane": lambda self: self.pane,
            }),
            InputDialogue=type("InputDialogue", (), {"__init__": lambda self: None}),
            InfoDialogue=lambda *words: ("InfoDialogue", *words),
            DialoguePane=Recorder,
            Menu=lambda dialogue, _, title, choices: types.SimpleNamespace(choices=choices),
            ChoiceDef=lambda name, action: (name, action),
        )  # fmt: skip
        monkeypatch.setitem(sys.modules, "XSConsoleStandard", standard)
        monkeypatch.setattr("os.path.exists", lambda path: True)
        plugin = runpy.run_path(
            str(ROOT / "usr/lib/xsconsole/plugins-base/XSFeatureVSwitch.py"), run_name="plugin"
        )
        monkeypatch.undo()
        yield types.SimpleNamespace(plugin=plugin, fake=fake, layout=layout, registered=registered, host=host)


def test_the_entry_in_the_menu(console) -> None:
    [(_, name, about)] = console.registered
    assert (name, about["menuname"], about["menupriority"]) == ("VSwitch", "MENU_NETWORK", 800)
    pane = Recorder()
    about["statusupdatehandler"](pane)
    fields = [call[1:] for call in pane.calls if call and call[0] == "AddStatusField"]
    assert [field[0] for field in fields] == [
        "Version", "Controller (pool)", "Controller (host)", "ovs-vswitchd", "ovsdb-server",
    ]  # fmt: skip


def test_a_controller_is_set_for_the_pool(console) -> None:
    dialogue = console.plugin["ControllerDialogue"]()
    assert dialogue.HandleCommit({"address": "10.1.1.1"}) == ("The controller is set", None)
    assert console.fake.tables["pool"]["OpaqueRef:pool"]["vswitch_controller"] == "10.1.1.1"
    called = [call[1:] for method, call in console.fake.calls if method == "host.call_plugin"]
    assert called == [(host, "openvswitch-cfg-update", "update", {}) for host in (pool.HOST, pool.OTHER_HOST)]
    for wrong in ("", "10.1", "controller", "10.1.1.256"):
        with pytest.raises(Exception, match="Not an IPv4 address"):
            dialogue.HandleCommit({"address": wrong})


def test_what_the_menu_does(console) -> None:
    console.registered[0][2]["activatehandler"]()
    _, dialogue = console.layout.calls[-1]
    _, delete, update = [action for _, action in dialogue.menu.choices]
    update()
    assert console.layout.calls[-1] == ("PushDialogue", ("InfoDialogue", "This host is updated", None))
    console.fake.failures["host.call_plugin"] = ["XENAPI_PLUGIN_FAILURE"]
    delete()
    text = "Not updated: first, second"
    assert console.layout.calls[-1] == ("PushDialogue", ("InfoDialogue", "The controller is removed", text))
    update()
    assert re.search("Failed: .*XENAPI_PLUGIN_FAILURE", console.layout.calls[-1][1][1])


@pytest.mark.parametrize(
    ("function", "text", "expected"),
    [
        ("version", "ovsdb-server (Open vSwitch) 1.0\novs-vswitchd (Open vSwitch) 3.7.0\n", "3.7.0"),
        ("version", "", "unknown"),
        ("states", "ovsdb-server is running with pid 1\novs-vswitchd is not running\n",
         {"ovsdb-server": "running", "ovs-vswitchd": "stopped"}),
        ("states", "", {}),
        ("manager", "ssl:10.1.1.1:6632", "10.1.1.1"),
        ("manager", "pssl:6640", "pssl:6640"),
        ("manager", "", ""),
    ],
)  # fmt: skip
def test_what_the_console_understands(console, function: str, text: str, expected: object) -> None:
    assert console.plugin[function](text) == expected
