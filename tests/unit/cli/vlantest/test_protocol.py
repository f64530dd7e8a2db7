"""ovs-vlan-test: what its two sides say to each other."""

from __future__ import annotations

import pytest

from vswitch.base.errors import TextError
from vswitch.cli.vlantest.protocol import (
    NOT_FOUND,
    OK,
    Address,
    key_of,
    packet,
    parse_address,
    parse_invitation,
    path_of,
    read_reply,
    reply,
    request,
)


def test_addresses() -> None:
    assert parse_address("192.0.2.1", 80) == Address("192.0.2.1", 80)
    assert parse_address("192.0.2.1:8080", 80) == Address("192.0.2.1", 8080)
    assert parse_address("server:0", 80) == Address("server", 0)
    assert str(Address("server", 8080)) == "server:8080"


@pytest.mark.parametrize("text", ["", ":80", "a:", "a:x", "a:65536", "a:-1", "a:1:2"])
def test_bad_addresses(text: str) -> None:
    with pytest.raises(TextError, match=r"is not HOST\[:PORT\]"):
        parse_address(text, 80)


def test_invitations() -> None:
    assert parse_invitation("192.0.2.1:15213:7") == (Address("192.0.2.1", 15213), 7)
    for text in ("", "7", "192.0.2.1:7", "192.0.2.1:15213:", "192.0.2.1:15213:x"):
        with pytest.raises(TextError):
            parse_invitation(text)


@pytest.mark.parametrize("size", [50, 500, 1500])
def test_packets_have_their_key_and_size(size: int) -> None:
    data = packet(12, size)
    assert len(data) == size - 28
    assert key_of(data) == 12
    assert data.rstrip(b"\0") == b"12"


@pytest.mark.parametrize("data", [b"", b"\0" * 22, b"x12\0", b"-1\0", b"1" * 40])
def test_packets_of_others_have_no_key(data: bytes) -> None:
    assert key_of(data) is None


def test_requests() -> None:
    assert path_of(request("/start/send/192.0.2.1:1:50", "server:80")) == "start/send/192.0.2.1:1:50"
    assert path_of(b"GET /ping HTTP/1.1\nHost: x\n\n") == "ping"
    for head in (b"", b"GET\r\n\r\n", b"POST /ping HTTP/1.0\r\n\r\n"):
        assert path_of(head) == ""


def test_replies() -> None:
    assert read_reply(reply(OK, "pong")) == (OK, "pong")
    assert read_reply(reply(NOT_FOUND, "")) == (NOT_FOUND, "")
    for data in (b"", b"SSH-2.0-x\r\n", b"HTTP/1.0 okay\r\n\r\n"):
        with pytest.raises(TextError):
            read_reply(data)
