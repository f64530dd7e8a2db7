"""Log lines and what is logged; the texts are the peer's."""

import pytest

from vswitch.base.errors import TextError
from vswitch.base.log import Identity, Level, Log, Logger

AT = 1700000000.1239


@pytest.fixture
def log() -> Log:
    log = Log()
    log.start(lambda: AT, Identity("prog", "host", 12))
    return log


def lines_of(log: Log, destination: str = "file") -> list[str]:
    lines: list[str] = []
    log.install(destination, lambda level, line: lines.append(line))
    return lines


def test_lines_look_as_scripts_expect(log: Log) -> None:
    lines = lines_of(log)
    Logger("bridge", log).info("added %s on port %d", "p1", 1)
    assert lines == ["2023-11-14T22:13:20.123Z|00001|bridge|INFO|added p1 on port 1"]


@pytest.mark.parametrize(
    ("pattern", "line"),
    [
        ("%A %B %c %E %P", "prog 132 bridge host 12"),
        ("[%5p][%-5p][%05N]", "[ WARN][WARN ][00001]"),
        ("%t%T %% %n|%m", "main % \n|x"),
        ("%D", "2023-11-14 22:13:20"),
        ("%q", "%q"),
    ],
)
def test_patterns(log: Log, pattern: str, line: str) -> None:
    lines = lines_of(log)
    log.set(f"PATTERN:file:{pattern}")
    Logger("bridge", log).warn("x")
    assert lines == [line]


def test_a_destination_takes_its_level_and_graver_ones(log: Log) -> None:
    lines = lines_of(log)
    bridge = Logger("bridge", log)
    log.set("bridge:file:warn")
    bridge.info("no")
    bridge.err("yes")
    log.set("off")
    bridge.emer("no")
    log.set("dbg")
    bridge.dbg("yes")
    assert [line.rpartition("|")[2] for line in lines] == ["yes", "yes"]


def test_levels_set_for_all_hold_for_modules_that_come_later(log: Log) -> None:
    log.set("file:err")
    Logger("later", log)
    assert log.levels["later"]["file"] is Level.ERR


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("foo", 'no destination, level, or module "foo"'),
        ("file:console", "cannot specify multiple destinations"),
        ("info:warn", "cannot specify multiple levels"),
        ("bridge:bridge", "cannot specify multiple modules"),
        ("PATTERN", "missing destination"),
        ("PATTERN:foo", 'unknown destination "foo"'),
        ("FACILITY:foo", "invalid facility"),
        ("FACILITY:", "invalid facility"),
    ],
)
def test_what_is_no_spec(log: Log, spec: str, message: str) -> None:
    Logger("bridge", log)
    with pytest.raises(TextError) as caught:
        log.set(spec)
    assert str(caught.value) == message


def test_the_listing(log: Log) -> None:
    Logger("bridge", log)
    log.set("console:off")
    assert log.list_levels().splitlines() == [
        "                 console    syslog    file",
        "                 -------    ------    ------",
        "bridge             OFF       INFO       INFO",
    ]


def test_the_system_s_log_has_a_line_for_each_line(log: Log) -> None:
    lines = lines_of(log, "syslog")
    Logger("bridge", log).info("one\n\ntwo")
    assert lines == ["ovs|00001|bridge|INFO|one", "two"]


def test_a_target_has_a_pattern_of_its_own_and_syslog_s_level(log: Log) -> None:
    lines = lines_of(log, "target")
    bridge = Logger("bridge", log)
    bridge.info("a\nb")
    log.set("FACILITY:ftp")
    bridge.err("c")
    log.set("syslog:off")
    bridge.emer("no")
    assert lines == [
        "<133>1 2023-11-14T22:13:20.123Z host prog 12 bridge - \ufeffa\nb",
        "<91>1 2023-11-14T22:13:20.123Z host prog 12 bridge - \ufeffc",
    ]


def test_we_are_a_daemon_unless_told_otherwise(log: Log) -> None:
    assert [log.priority(level) for level in Level if level] == [25, 27, 28, 29, 31]
    log.set("FACILITY:kern")
    assert log.priority(Level.INFO) == 29
    log.set("FACILITY:local0")
    assert log.priority(Level.INFO) == 133


def test_a_rate_limit_swallows_and_says_so() -> None:
    now = [0.0]
    log = Log()
    log.start(lambda: now[0], Identity())
    lines = lines_of(log)
    limited = Logger("rconn", log).limited(rate=60, burst=2)
    for at in (0.0, 0.1, 0.2, 0.3, 5.0):
        now[0] = at
        limited.warn("at %g", at)
    assert [line.rpartition("|")[2] for line in lines] == [
        "at 0",
        "at 0.1",
        "Dropped 2 log messages in last 5 seconds (most recently, 5 seconds ago) due to excessive rate",
        "at 5",
    ]


def test_rate_limits_can_be_lifted(log: Log) -> None:
    lines = lines_of(log)
    limited = Logger("rconn", log).limited(rate=1, burst=1)
    log.set_rate_limits(["rconn"], honored=False)
    for _ in range(3):
        limited.info("x")
    assert len(lines) == 3
    with pytest.raises(TextError, match="unknown module"):
        log.set_rate_limits(["nope"], honored=True)
