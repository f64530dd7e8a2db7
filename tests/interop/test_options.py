"""Options of the tools that are about themselves, or wrong: what ours and the peer's say to them."""

import re
import subprocess

import pytest

from tests.interop.daemons import Make, program

pytestmark = pytest.mark.interop


def said(make: Make, name: str, *words: str) -> tuple[str, str, int]:
    command = [program(make, name), *words]
    done = subprocess.run(command, input="", capture_output=True, text=True, timeout=60, check=False)
    return done.stdout, done.stderr.replace(command[0], name), done.returncode


OURS = {  # options that the peer's programs do not have
    "ovs-appctl": set(),
    "ovs-dpctl": {"--zero", "--color=[ARG]"},
    "ovs-ofctl": {"--bootstrap-ca-cert=ARG", "--peer-ca-cert=ARG"},
    "ovsdb-tool": {
        *("--private-key=ARG", "-p ARG", "--certificate=ARG", "-c ARG", "--ca-cert=ARG", "-C ARG"),
        *("--ssl-protocols=ARG", "--ssl-ciphers=ARG", "--log-file=[ARG]"),
        *("--syslog-method=ARG", "--syslog-target=ARG"),
    },
}


@pytest.mark.parametrize("word", ["--option", "-o", "--opt"])
@pytest.mark.parametrize("name", OURS)
def test_options_are_listed(name: str, word: str) -> None:
    stdout, stderr, status = said("ours", name, word, "--bogus")
    lines = [line for line in stdout.splitlines() if line not in OURS[name]]
    theirs = said("peer", name, word, "--bogus")
    assert (lines, stderr, status) == (theirs[0].splitlines(), *theirs[1:])


@pytest.mark.parametrize(
    "name", ["ovs-vsctl", "vtep-ctl", "ovs-ofctl", "ovsdb-client", "ovsdb-tool", "ovs-appctl"]
)
def test_help_comes_before_mistakes(name: str) -> None:
    for words in (["--help", "--bogus"], ["-hZ"], ["--version", "-t"]):
        assert said("ours", name, *words)[1:] == said("peer", name, *words)[1:] == ("", 0)


def test_a_composed_packet_as_a_capture() -> None:
    words = ["--raw", "--pcap", "compose-packet", "tcp,nw_ttl=64,nw_src=1.2.3.4", "616263"]
    ours, theirs = (
        subprocess.run([program(make, "ovs-ofctl"), *words], capture_output=True, check=False)
        for make in ("ours", "peer")
    )
    assert ours.stdout[:24] + ours.stdout[32:] == theirs.stdout[:24] + theirs.stdout[32:]  # but the time


@pytest.mark.parametrize("word", ["--bogus", "-Z", "--version=3", "--help=", "--=", "-hZ"])
@pytest.mark.parametrize("name", ["ovs-pcap", "ovs-tcpundump"])
def test_wrong_options_of_scripts(name: str, word: str) -> None:
    assert said("ours", name, word, "x") == said("peer", name, word, "x")
    assert said("ours", name, "--help", word) == said("peer", name, "--help", word)


@pytest.mark.parametrize(
    "word", ["--bogus", "-Z", "--version=3", "-bZ", "-k", "--key", "-B", "-D", "--dir", "-d", "-l"]
)
def test_wrong_options_of_the_shell_script(word: str) -> None:
    assert said("ours", "ovs-pki", "-b", word) == said("peer", "ovs-pki", "-b", word)


NOBODY = "unix:/nonexistent/socket"


TRUSTING = ["-Cnone", "--ca-cert=none", "--bootstrap-ca-cert=none"]
TLS_COMMANDS = [
    ["ovs-vsctl", f"--db={NOBODY}", "-t1", "show"],
    ["ovs-vsctl", f"--db={NOBODY}", "-vconsole:off", "-t1", "show"],
    ["vtep-ctl", f"--db={NOBODY}", "-t1", "show"],
    ["ovs-ofctl", "show", NOBODY],
    ["ovs-ofctl", "parse-flow", "actions=drop"],
    ["ovsdb-client", "list-dbs", NOBODY],
]


@pytest.mark.parametrize(
    ("words", "option"),
    [
        pytest.param(words, option, id=f"{option} {' '.join(words)}")
        for words in TLS_COMMANDS
        for option in TRUSTING
        if words[0] not in ("ovs-ofctl", "vtep-ctl")
        or "bootstrap" not in option  # the peer's have no such option
    ],
)
def test_trusting_everybody_is_warned_of(words: list[str], option: str) -> None:
    name, *rest = words
    rest.insert(rest.index("-vconsole:off") + 1 if "-vconsole:off" in rest else 0, option)
    ours, theirs = (
        (stdout, re.sub(r"^[0-9T:-]{19}Z", "TIME", stderr), status)
        for stdout, stderr, status in (said(make, name, *rest) for make in ("ours", "peer"))
    )
    assert ours == theirs
    assert ("this is a security risk" in ours[1]) == ("-vconsole:off" not in rest)
