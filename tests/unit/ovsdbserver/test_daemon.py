"""The daemon as its users meet it: options, remotes, control commands, readiness."""

import json
import os
import socket
import ssl
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

BIN = Path(sys.executable).parent
SCHEMA = Path(__file__).parents[2] / "vectors" / "ovsdb" / "test.ovsschema"


@pytest.fixture
def place(tmp_path):
    """A run directory with a database, and a way to run programs in it."""

    class Place:
        path = tmp_path
        environment = {name: value for name, value in os.environ.items() if name[:6] != "PYTHON"} | {
            f"OVS_{what}DIR": str(tmp_path) for what in ("RUN", "LOG", "DB")
        }

        def run(self, name, *words):
            command = [BIN / name, *map(str, words)]
            return subprocess.run(
                command, env=self.environment, cwd=tmp_path, capture_output=True, text=True, timeout=30
            )

        def other_schema(self):
            path = self.path / "other.ovsschema"
            path.write_text(json.dumps({"name": "Other", "tables": {}}))
            return path

        def control(self, *words):
            return self.run("ovs-appctl", "-t", "ovsdb-server", *words)

    place = Place()
    assert place.run("ovsdb-tool", "create", "conf.db", SCHEMA).returncode == 0
    yield place
    place.control("exit")
    deadline = time.monotonic() + 10
    while (tmp_path / "ovsdb-server.pid").exists() and time.monotonic() < deadline:
        time.sleep(0.02)


def start(place, *options):
    done = place.run(
        "ovsdb-server", "--detach", "--no-chdir", "--pidfile", "--log-file", "-vconsole:off", *options
    )
    assert done.returncode == 0, done.stderr
    return done


def ask(address, method, *params):
    """One request over a Unix path or a TCP port."""
    if isinstance(address, int):
        connection = socket.create_connection(("127.0.0.1", address), timeout=10)
    else:
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(10)
    with connection:
        if not isinstance(address, int):
            connection.connect(str(address))
        connection.sendall(json.dumps({"method": method, "params": params, "id": 1}).encode())
        data = b""
        while True:
            data += connection.recv(1 << 16)
            with suppress(ValueError):
                return json.loads(data)["result"]


def test_when_it_has_detached_it_serves(place):
    start(place, "--remote=punix:db.sock", "--remote=ptcp:0:127.0.0.1")
    assert ask(place.path / "db.sock", "list_dbs") == ["T", "_Server"]
    log = (place.path / "ovsdb-server.log").read_text()
    port = int(log.split("listening on port ")[1].split()[0])
    assert ask(port, "echo", 1) == [1]
    assert "|WARN|" not in log


def test_control_commands(place):
    start(place, "--remote=punix:db.sock")
    assert place.control("ovsdb-server/list-dbs").stdout == "T\n_Server\n"
    assert place.control("ovsdb-server/list-remotes").stdout == "punix:db.sock\n"
    assert place.control("ovsdb-server/add-remote", "punix:other.sock").returncode == 0
    assert ask(place.path / "other.sock", "list_dbs") == ["T", "_Server"]
    assert place.control("ovsdb-server/remove-remote", "punix:other.sock").returncode == 0
    assert not (place.path / "other.sock").exists()
    assert "no such remote" in place.control("ovsdb-server/remove-remote", "x").stderr
    assert '"db:Q,W,E": no database named Q' in place.control("ovsdb-server/add-remote", "db:Q,W,E").stderr
    assert place.control("ovsdb-server/compact").returncode == 0
    assert "no database by that name" in place.control("ovsdb-server/compact", "Z").stderr
    assert "monitors:0" in place.control("memory/show").stdout
    assert "Cannot remove reserved database." in place.control("ovsdb-server/remove-db", "_Server").stderr
    assert "Failed to find the database." in place.control("ovsdb-server/remove-db", "Z").stderr
    assert "open failed" in place.control("ovsdb-server/add-db", "/nonexistent").stderr
    assert place.control("ovsdb-server/remove-db", "T").returncode == 0
    assert ask(place.path / "db.sock", "list_dbs") == ["_Server"]
    assert place.control("ovsdb-server/add-db", place.path / "conf.db").returncode == 0
    assert ask(place.path / "db.sock", "list_dbs") == ["T", "_Server"]


def test_a_compaction_that_cannot_be_is_told_and_harms_nobody(place):
    start(place, "--remote=punix:db.sock")
    in_the_way = place.path / "conf.db.tmp"
    in_the_way.mkdir()
    done = place.control("ovsdb-server/compact", "T")
    assert done.returncode == 2
    assert "conf.db: compaction failed (Is a directory); nothing is lost" in done.stderr
    insert = {"op": "insert", "table": "M", "row": {"a": "kept"}}
    results = ask(place.path / "db.sock", "transact", "T", insert, {"op": "commit", "durable": True})
    assert "error" not in str(results)
    in_the_way.rmdir()
    assert place.control("ovsdb-server/compact", "T").returncode == 0
    query = json.dumps(["T", {"op": "select", "table": "M", "where": [], "columns": ["a"]}])
    assert json.loads(place.run("ovsdb-tool", "query", "conf.db", query).stdout)[0]["rows"] == [{"a": "kept"}]


def test_remotes_from_a_column(place):
    start(place, "--remote=punix:db.sock", "--remote=db:T,I,a")
    row = {"op": "insert", "table": "I", "row": {"a": "punix:more.sock"}}
    ask(place.path / "db.sock", "transact", "T", row)
    deadline = time.monotonic() + 10
    answer = None
    while answer is None:  # a socket is there before somebody listens
        assert time.monotonic() < deadline
        with suppress(FileNotFoundError, ConnectionRefusedError):
            answer = ask(place.path / "more.sock", "list_dbs")
    assert answer == ["T", "_Server"]
    ask(place.path / "db.sock", "transact", "T", {"op": "delete", "table": "I", "where": []})
    while (place.path / "more.sock").exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (
            ["/nonexistent.db"],
            "ovsdb-server: I/O error: /nonexistent.db: open failed (No such file or directory)",
        ),
        (
            ["--config-file=x", "--remote=punix:s", "a.db"],
            "ovsdb-server: --config-file says all that is served, and cannot go with --remote, a.db",
        ),
        (["--record"], "ovsdb-server: --record is not supported: streams are neither recorded nor replayed"),
        (
            ["--replay=x"],
            "ovsdb-server: --replay is not supported: streams are neither recorded nor replayed",
        ),
        (["--remote=db:T"], 'ovsdb-server: "db:T": invalid syntax'),
        (["--remote=db:Z,A,b"], 'ovsdb-server: "db:Z,A,b": no database named Z'),
        (["--remote=db:T,Q,b"], 'ovsdb-server: "db:T,Q,b": no table named Q'),
        (["--remote=db:T,A,q"], 'ovsdb-server: "db:T,A,q": table "A" has no column "q"'),
        (["--nope"], "ovsdb-server: unrecognized option '--nope'"),
    ],
    ids=str,
)
def test_mistakes_end_it_with_status_1(place, words, error):
    done = place.run("ovsdb-server", "-vconsole:off", *words)
    assert done.returncode == 1
    assert done.stderr.splitlines()[0] == error


@pytest.mark.parametrize(("command", "status"), [("true", 0), ("exit 3", 1)])
def test_running_a_command_beside_it(place, command, status):
    done = place.run(
        "ovsdb-server", "-vconsole:off", "--remote=punix:db.sock", f"--run=test -S db.sock && {command}"
    )
    assert done.returncode == status


def test_a_client_that_does_not_read_harms_nobody_and_misses_nothing(place):
    start(place, "--remote=punix:db.sock")
    update = {"op": "update", "table": "M", "where": []}
    ask(place.path / "db.sock", "transact", "T", {"op": "insert", "table": "M", "row": {"a": "0"}})
    slow = socket.socket(socket.AF_UNIX)
    with slow:
        slow.settimeout(10)
        slow.connect(str(place.path / "db.sock"))
        slow.sendall(b'{"method":"monitor_cond","params":["T","m",{"M":{"columns":["a"]}}],"id":1}')
        for number in range(300):
            row = {"a": f"{number}" + "x" * 3000}
            assert ask(place.path / "db.sock", "transact", "T", update | {"row": row}) == [{"count": 1}]
        ask(place.path / "db.sock", "transact", "T", update | {"row": {"a": "the last"}})
        heard = b""
        while b"the last" not in heard:
            heard += slow.recv(1 << 16)
    assert len(heard) < 300 * 3000  # what it missed was merged
    assert heard.count(b"update2") < 300


def test_the_status_of_managers_is_told(place):
    start(place, "--remote=punix:db.sock")
    (place.path / "ovs.ovsschema").write_bytes(
        Path(SCHEMA.parents[3] / "src/vswitch/ovsdb/schemas/vswitch.ovsschema").read_bytes()
    )
    assert place.run("ovsdb-tool", "create", "ovs.db", "ovs.ovsschema").returncode == 0
    assert place.control("ovsdb-server/add-db", place.path / "ovs.db").returncode == 0
    assert (
        place.control("ovsdb-server/add-remote", "db:Open_vSwitch,Open_vSwitch,manager_options").returncode
        == 0
    )
    manager = {"op": "insert", "table": "Manager", "row": {"target": "punix:mgr.sock"}, "uuid-name": "m"}
    root = {"op": "insert", "table": "Open_vSwitch", "row": {"manager_options": ["named-uuid", "m"]}}
    ask(place.path / "db.sock", "transact", "Open_vSwitch", manager, root)
    deadline = time.monotonic() + 15
    held = socket.socket(socket.AF_UNIX)
    with held:
        while True:
            assert time.monotonic() < deadline
            with suppress(OSError):
                held.connect(str(place.path / "mgr.sock"))
                break
            time.sleep(0.02)
        select = {"op": "select", "table": "Manager", "where": [], "columns": ["is_connected", "status"]}
        while True:
            assert time.monotonic() < deadline
            row = ask(place.path / "db.sock", "transact", "Open_vSwitch", select)[0]["rows"][0]
            if row["is_connected"]:
                break
            time.sleep(0.1)
    assert dict(row["status"][1])["state"] == "ACTIVE"


def test_a_configuration_file_says_what_is_served(place):
    config = place.path / "config.json"
    assert place.run("ovsdb-tool", "create", "more.db", place.other_schema()).returncode == 0
    config.write_text(json.dumps({"remotes": {"punix:db.sock": {}}, "databases": {"conf.db": None}}))
    start(place, "--config-file=config.json")
    assert ask(place.path / "db.sock", "list_dbs") == ["T", "_Server"]
    refused = place.control("ovsdb-server/add-db", place.path / "more.db").stderr
    assert "not with --config-file: change config.json and use ovsdb-server/reload" in refused
    remotes = {"punix:db.sock": None, "punix:ro.sock": {"read-only": True}}
    config.write_text(json.dumps({"remotes": remotes, "databases": {"conf.db": {}, "more.db": {}}}))
    assert place.control("ovsdb-server/reload").returncode == 0
    assert ask(place.path / "db.sock", "list_dbs") == ["Other", "T", "_Server"]
    insert = {"op": "insert", "table": "I", "row": {}}
    assert ask(place.path / "ro.sock", "transact", "T", insert)[0]["error"] == "not allowed"
    config.write_text("{")
    assert "config.json" in place.control("ovsdb-server/reload").stderr
    config.write_text(json.dumps({"remotes": {"punix:db.sock": {}}, "databases": {"more.db": {}}}))
    assert place.control("ovsdb-server/reload").returncode == 0
    assert ask(place.path / "db.sock", "list_dbs") == ["Other", "_Server"]
    assert not (place.path / "ro.sock").exists()


def test_a_configured_database_that_cannot_be_keeps_none_of_the_others_from_being(place):
    config = place.path / "config.json"
    config.write_text(json.dumps({"remotes": {"punix:db.sock": {}}, "databases": {"conf.db": None}}))
    start(place, "--config-file=config.json")
    assert place.run("ovsdb-tool", "create", "more.db", place.other_schema()).returncode == 0
    databases = {"none.db": None, "conf.db": {"service-model": "clustered"}, "more.db": None}
    config.write_text(json.dumps({"remotes": {"punix:other.sock": {}}, "databases": databases}))
    failures = place.control("ovsdb-server/reload").stderr
    assert "none.db: open failed (No such file or directory)" in failures
    assert "conf.db: is not clustered, as config.json says" in failures
    assert ask(place.path / "other.sock", "list_dbs") == ["Other", "_Server"]
    config.write_text("{")
    assert "config.json: line 0, column 1, byte 1" in place.control("ovsdb-server/reload").stderr
    assert ask(place.path / "other.sock", "list_dbs") == ["Other", "_Server"]
    config.write_text(json.dumps({"remotes": {"punix:db.sock": {}}, "databases": {"conf.db": None}}))
    assert place.control("ovsdb-server/reload").stderr == ""
    assert ask(place.path / "db.sock", "list_dbs") == ["T", "_Server"]
    refused = place.control("ovsdb-server/connect-active-ovsdb-server").stderr
    assert "not with --config-file" in refused


def test_a_configured_backup_and_relay_follow(place):
    start(place, "--remote=punix:db.sock")
    insert = {"op": "insert", "table": "I", "row": {"a": "x"}}
    ask(place.path / "db.sock", "transact", "T", insert)
    second = place.path / "second"
    second.mkdir()
    assert place.run("ovsdb-tool", "create", second / "b.db", SCHEMA).returncode == 0
    backup = {
        "service-model": "active-backup",
        "backup": True,
        "source": {f"unix:{place.path}/db.sock": None},
    }
    for name, database in (("b.db", backup), ("T", {"service-model": "relay", "source": backup["source"]})):
        (second / "config").write_text(
            json.dumps({"remotes": {"punix:s": {}}, "databases": {name: database}})
        )
        environment = place.environment | {f"OVS_{what}DIR": str(second) for what in ("RUN", "LOG", "DB")}
        with subprocess.Popen(
            [BIN / "ovsdb-server", "--config-file=config", "-vconsole:off"], env=environment, cwd=second
        ) as process:
            select = {"op": "select", "table": "I", "where": [], "columns": ["a"]}
            deadline = time.monotonic() + 15
            rows = []
            while rows != [{"a": "x"}]:
                assert time.monotonic() < deadline
                with suppress(OSError, KeyError, TypeError):
                    rows = ask(second / "s", "transact", "T", select)[0]["rows"]
            process.terminate()


def test_what_a_configuration_file_cannot_say_ends_it(place):
    (place.path / "config").write_text(json.dumps({"databases": {"x": {"service-model": "?"}}}))
    done = place.run("ovsdb-server", "-vconsole:off", "--config-file=config")
    assert done.returncode == 1
    assert "'?' is not a valid service model." in done.stderr


def test_records_without_differences(place):
    start(place, "--remote=punix:db.sock", "--disable-file-column-diff")
    insert = {"op": "insert", "table": "I", "row": {"a": "x"}}
    ask(place.path / "db.sock", "transact", "T", insert)
    assert b"_is_diff" not in (place.path / "conf.db").read_bytes()


def test_systemd_is_told(place):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as endpoint:
        endpoint.settimeout(10)
        endpoint.bind(str(place.path / "notify"))
        place.environment = place.environment | {"NOTIFY_SOCKET": str(place.path / "notify")}
        start(place, "--remote=punix:db.sock")
        pid = int((place.path / "ovsdb-server.pid").read_text())
        assert endpoint.recv(100) == b"MAINPID=%d\nREADY=1" % pid


def test_active_backup_commands(place):
    start(
        place, "--remote=punix:db.sock", "--sync-from=unix:nowhere", "--sync-exclude-tables=T:I", "--active"
    )
    control = lambda *words: place.control(*words).stdout  # noqa: E731
    assert control("ovsdb-server/sync-status") == "state: active\n"
    assert control("ovsdb-server/get-active-ovsdb-server") == "unix:nowhere\n"
    assert control("ovsdb-server/get-sync-exclude-tables") == "T:I\n"
    assert control("ovsdb-server/set-active-ovsdb-server", "unix:elsewhere") == ""
    assert control("ovsdb-server/connect-active-ovsdb-server") == ""
    assert control("ovsdb-server/sync-status") == "state: backup\nconnecting: unix:elsewhere\n"
    answer = control("ovsdb-server/set-active-ovsdb-server-probe-interval", "x")
    assert answer == "Invalid probe interval, integer value expected\n"
    assert "x: not DB:TABLE" in place.control("ovsdb-server/set-sync-exclude-tables", "x").stderr
    assert control("ovsdb-server/disconnect-active-ovsdb-server") == ""
    assert control("ovsdb-server/sync-status") == "state: active\n"


def test_logs_of_tables(place):
    start(place, "--remote=punix:db.sock")
    assert place.control("ovsdb-server/tlog-set", "T:I", "on").returncode == 0
    assert (
        "                I                           ON\n" in place.control("ovsdb-server/tlog-list").stdout
    )
    for words, error in (
        (("x:y", "on"), "no such database"),
        (("T:y", "on"), "no such table"),
        (("x", "on"), "invalid DB:TABLE argument"),
        (("T:I", "x"), "invalid command argument"),
    ):
        assert error in place.control("ovsdb-server/tlog-set", *words).stderr
    ask(place.path / "db.sock", "transact", "T", {"op": "insert", "table": "I", "row": {"a": "x"}})
    assert "table:I,op:inserted,_uuid:" in (place.path / "ovsdb-server.log").read_text()


def keys(place, name):
    """A private key and a certificate that it signed itself."""
    key, certificate = place.path / f"{name}.key", place.path / f"{name}.crt"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={name}", "-keyout", key,
         "-out", certificate],
        check=True, capture_output=True,
    )  # fmt: skip
    return key, certificate


def common_name(port):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with socket.create_connection(("127.0.0.1", port), timeout=10) as raw, context.wrap_socket(raw) as secure:
        certificate = secure.getpeercert(binary_form=True)
    return next((name for name in ("first", "second", "third") if name.encode() in certificate), "")


def test_keys_come_from_the_database_and_may_change(place):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    start(
        place, "--remote=punix:db.sock", f"--remote=pssl:{port}:127.0.0.1", "--ca-cert=none",
        "--private-key=db:T,I,a", "--certificate=db:T,M,a",
    )  # fmt: skip
    deadline = time.monotonic() + 20
    for number, name in enumerate(("first", "second")):
        key, certificate = keys(place, name)
        operations = [
            {"op": op, "table": table, "row": {"a": str(path)}, **({"where": []} if number else {})}
            for table, path in (("I", key), ("M", certificate))
            for op in (["update"] if number else ["insert"])
        ]
        ask(place.path / "db.sock", "transact", "T", *operations)
        shown = ""
        while shown != name:
            assert time.monotonic() < deadline
            with suppress(OSError):
                shown = common_name(port)
            time.sleep(0.05)
    for old, new in zip(keys(place, "second"), keys(place, "third"), strict=True):
        new.replace(old)  # the names stay, what they name does not
    while shown != "third":
        assert time.monotonic() < deadline
        with suppress(OSError):
            shown = common_name(port)
        time.sleep(0.05)
