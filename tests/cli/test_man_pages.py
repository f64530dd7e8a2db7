"""The pages in docs/man say what the programs take: every command and every option, and no others."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from vswitch.base.options import Option
from vswitch.cli import appctl, dpctl, ovsdb_client, ovsdb_tool, pcap, tcpundump, up, vsctl, vtepctl
from vswitch.cli.dbtool.commands import commands as ovsdb_tool_commands
from vswitch.cli.history import main as history
from vswitch.cli.ofctl.main import command as ofctl_commands
from vswitch.cli.ofctl.settings import OPTIONS as OFCTL_OPTIONS
from vswitch.cli.pki import main as pki
from vswitch.cli.testcontroller import main as testcontroller
from vswitch.cli.vlantest import main as vlantest
from vswitch.ovsdbserver import main as ovsdb_server
from vswitch.vswitchd import main as vswitchd
from vswitch.vswitchd.dpctlwords import USAGES

PAGES = Path(__file__).parents[2] / "docs" / "man"
PROGRAMS = Path(sys.executable).parent
OPTIONS = {
    "ovs-appctl": appctl.OPTIONS,
    "ovs-dpctl": dpctl.OPTIONS,
    "ovs-ofctl": OFCTL_OPTIONS,
    "ovs-controller": testcontroller.OPTIONS,
    "ovs-pcap": pcap.OPTIONS,
    "ovs-pki": pki.OPTIONS,
    "ovs-tcpundump": tcpundump.OPTIONS,
    "ovs-testcontroller": testcontroller.OPTIONS,
    "ovs-vlan-test": vlantest.OPTIONS,
    "ovs-vsctl": vsctl.OPTIONS,
    "ovs-vswitchd": vswitchd.OPTIONS,
    "ovsdb-client": ovsdb_client.OPTIONS,
    "ovsdb-server": ovsdb_server.OPTIONS,
    "ovsdb-tool": ovsdb_tool.OPTIONS,
    "vswitch": up.OPTIONS,
    "vtep-ctl": vtepctl.OPTIONS,
}


UNTOLD = {name: {"record", "replay"} for name in ("ovsdb-client", "ovsdb-server")}  # which they refuse


@pytest.mark.parametrize("program", sorted(path.name for path in (PAGES.parents[1] / "scripts").iterdir()))
def test_every_program_has_a_page_a_line_in_the_list_and_a_completion(program: str) -> None:
    assert (PAGES / f"{program}.md").exists()
    assert f"[{program}]({program}.md)" in (PAGES / "README.md").read_text()
    assert (PAGES.parents[1] / "completions" / program).exists()


def listed(page: str, section: str) -> list[str]:
    """The first cells of the table in a section of a page."""
    body = (PAGES / f"{page}.md").read_text().split(f"\n## {section}\n")[1].split("\n## ")[0]
    return [re.split(r"(?<!\\) \| ", row[2:])[0] for row in body.splitlines() if row.startswith("| `")]


def commands_on(page: str, section: str = "Commands") -> set[str]:
    return {re.sub(r"\[--[^]]*\] ", "", cell).strip("`").split()[0] for cell in listed(page, section)}


@pytest.mark.parametrize("program", sorted(OPTIONS))
def test_options(program: str) -> None:
    def shown(option: Option) -> str:
        return f"`-{option.short}`, `--{option.name}" if option.short else f"`--{option.name}"

    on_page = [re.split(r"[=\[]|`$", cell)[0] for cell in listed(program, "Options")]
    assert sorted(on_page) == sorted(shown(option) for option in OPTIONS[program])


def test_options_of_db() -> None:
    on_page = [re.split(r"[=\[]|`$", cell)[0] for cell in listed("vswitch", "Options of db")]
    shown = (
        f"`-{each.short}`, `--{each.name}" if each.short else f"`--{each.name}" for each in history.OPTIONS
    )
    assert sorted(on_page) == sorted(shown)
    assert {each.name for each in history.OPTIONS} >= set(
        re.findall(r"--([a-z][a-z-]*)", history.help_text())
    )


@pytest.mark.parametrize("program", sorted(OPTIONS))
def test_help_names_options_that_exist(program: str) -> None:
    words = ["vswitch", "up", "--help"] if program == "vswitch" else [program, "--help"]
    text = subprocess.run(
        [PROGRAMS / words[0], *words[1:]], capture_output=True, text=True, check=True
    ).stdout
    known = {option.name for option in OPTIONS[program]}
    for name, module in (("ovs-vsctl", vsctl), ("vtep-ctl", vtepctl)):
        if program == name:
            syntaxes = module.commands.by_name.values()
            known |= {option.strip("-=") for syntax in syntaxes for option in syntax.options}
    named = set(re.findall(r"--([a-z][a-z-]*)", text))
    assert named - known == set()
    assert {option.name for option in OPTIONS[program]} - named == UNTOLD.get(program, set())
    shorts = {option.short for option in OPTIONS[program] if option.short}
    assert shorts - set(re.findall(r"(?<![\w-])-(\w)", text)) == set()


def test_commands_of_tools() -> None:
    list(ofctl_commands.listing())
    assert commands_on("ovs-ofctl") == set(ofctl_commands.commands)
    assert commands_on("ovs-vsctl") == set(vsctl.commands.by_name)
    assert commands_on("vtep-ctl") == set(vtepctl.commands.by_name)
    assert commands_on("vswitch", "Commands of db") == set(history.commands.commands)
    assert commands_on("ovs-dpctl") == set(USAGES)
    assert commands_on("ovsdb-client") == set(ovsdb_client.commands.commands)
    assert commands_on("ovsdb-tool") == set(ovsdb_tool_commands.commands)
    assert commands_on("vswitch") == {"up", "demo", "db"}


@pytest.mark.parametrize("program", ["ovs-ofctl", "ovs-vsctl", "ovs-dpctl", "ovsdb-client", "ovsdb-tool"])
def test_help_names_every_command(program: str) -> None:
    text = subprocess.run([PROGRAMS / program, "--help"], capture_output=True, text=True, check=True).stdout
    assert commands_on(program) - set(re.findall(r"[a-z][a-z0-9-]*", text)) <= {"list-commands"}


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    directory = tmp_path_factory.mktemp("up")
    words = [PROGRAMS / "vswitch", "up", "--dir", directory, "--enable-dummy", "--disable-system"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        deadline = time.monotonic() + 20
        while not process.stdout.readline().startswith("Up."):
            assert process.poll() is None
            assert time.monotonic() < deadline
        yield os.environ | {"OVS_RUNDIR": str(directory)}
        process.terminate()
        process.communicate()


@pytest.mark.parametrize("daemon", ["ovs-vswitchd", "ovsdb-server"])
def test_commands_of_daemons(daemon: str, environment: dict[str, str]) -> None:
    answer = subprocess.run(
        [PROGRAMS / "ovs-appctl", "-t", daemon, "list-commands"],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    everywhere = {
        name for name in commands_on(daemon) if not name.startswith("cluster/")
    }  # where one is served
    assert everywhere == {line.split()[0] for line in answer.splitlines()[1:]}


def test_every_program_has_a_page() -> None:
    scripts = {path.name for path in (PAGES.parents[1] / "scripts").iterdir()}
    assert {path.stem for path in PAGES.glob("*.md")} - {"README", "ovs-vswitchd.conf.db"} == scripts


def test_up_says_its_version_and_does_no_more() -> None:
    words = [PROGRAMS / "vswitch", "up", "--version"]
    done = subprocess.run(words, capture_output=True, text=True, check=True, timeout=20)
    assert re.fullmatch(r"vswitch .*\n", done.stdout)
