"""Connection names and streams."""

import asyncio
from pathlib import Path

import pytest

from vswitch.aio.streams import (
    Stream,
    connect,
    is_active,
    is_passive,
    listen,
    reason,
    split_host_port,
    split_port_host,
)
from vswitch.base.errors import TextError


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("127.0.0.1:6640", "127.0.0.1", 6640),
        ("[::1]:6640", "::1", 6640),
        ("[::1]", "::1", 99),
        ("h", "h", 99),
    ],
)
def test_active_addresses(text: str, host: str, port: int) -> None:
    assert split_host_port(text, 99) == (host, port)


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [("0:127.0.0.1", "127.0.0.1", 0), ("6640:[::1]", "::1", 6640), ("", "", 99), ("6640", "", 6640)],
)
def test_passive_addresses(text: str, host: str, port: int) -> None:
    assert split_port_host(text, 99) == (host, port)


@pytest.mark.parametrize("text", ["h:x", "h:65536", "[::1:5"])
def test_bad_addresses(text: str) -> None:
    with pytest.raises(TextError):
        split_host_port(text)


def test_which_names_connect_and_which_listen() -> None:
    assert [is_active(name) for name in ("unix:/x", "tcp:h:1", "ptcp:1", "foo:1")] == [
        True,
        True,
        False,
        False,
    ]
    assert [is_passive(name) for name in ("punix:/x", "pssl:1", "tcp:h:1", "/x")] == [
        True,
        True,
        False,
        False,
    ]


async def _echo(stream: Stream) -> None:
    while data := await stream.reader.read(100):
        stream.writer.write(data)
        await stream.writer.drain()


async def _exchange(name: str) -> bytes:
    stream = await connect(name)
    stream.writer.write(b"hello")
    answer = await stream.reader.readexactly(5)
    stream.close()
    await stream.writer.wait_closed()
    return answer


def test_a_long_path_and_a_socket_left_behind_do_not_matter(tmp_path: Path) -> None:
    path = tmp_path / ("x" * 100) / "socket"
    path.parent.mkdir()

    async def work() -> None:
        for _ in range(2):
            listener = await listen(f"punix:{path}", _echo)
            assert path.is_socket()
            listener._path = ""  # as if killed: the file stays
            listener.close()
        listener = await listen(f"punix:{tmp_path}/s", _echo)
        assert await _exchange(f"unix:{tmp_path}/s") == b"hello"
        listener.close()
        assert not (tmp_path / "s").exists()

    asyncio.run(work())


@pytest.mark.parametrize(
    ("passive", "active"), [("ptcp:0:127.0.0.1", "tcp:127.0.0.1"), ("ptcp:0:[::1]", "tcp:[::1]")]
)
def test_tcp(passive: str, active: str) -> None:
    async def work() -> bytes:
        listener = await listen(passive, _echo)
        try:
            return await _exchange(f"{active}:{listener.port}")
        finally:
            listener.close()

    assert asyncio.run(work()) == b"hello"


def test_why_a_connection_fails(tmp_path: Path) -> None:
    async def work() -> str:
        try:
            await connect(f"unix:{tmp_path}/nobody")
        except OSError as error:
            return reason(error)
        return ""

    assert asyncio.run(work()) == "No such file or directory"
    assert reason(ConnectionRefusedError(111, "Connect call failed")) == "Connection refused"
    assert reason(TimeoutError()) == "Connection timed out"
