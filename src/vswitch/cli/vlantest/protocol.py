"""What the two sides of a test say to each other, as values.

The client asks over HTTP, on a path without VLANs; the packets of the test are UDP, in the VLAN.

    GET /ping                         pong
    GET /start/recv                   ADDRESS:PORT:KEY       send packets with KEY there
    GET /start/send/ADDRESS:PORT:SIZE KEY                    packets with KEY will come
    GET /result/KEY                   Success, or what went wrong; 404 as long as there is no result

A packet has its key in decimal, and zeros up to its size, which counts the IP header.  Programs of Open vSwitch say the
same, so each side may be one of theirs.

Sources: ovs-vlan-test(8); RFC 1945 (HTTP/1.0).
"""

from __future__ import annotations

from vswitch.base.dataclass import dataclass
from vswitch.base.digits import parse_decimal
from vswitch.base.errors import TextError

CONTROL_PORT, VLAN_PORT = 80, 15213
SIZES = (50, 500, 1000, 1500)
HEADERS = 20 + 8  # IPv4 and UDP
MAX_SIZE = 65535
SUCCESS = "Success"
OK, BAD_REQUEST, NOT_FOUND, UNAVAILABLE = 200, 400, 404, 503
MAX_HTTP = 65536  # bytes of a request or a reply


@dataclass(frozen=True, slots=True)
class Address:
    """A host, by name or IPv4 address, and a port."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


def parse_address(text: str, port: int | None = None) -> Address:
    """HOST:PORT, or HOST where there is a default `port`; raises TextError."""
    host, colon, digits = text.partition(":")
    number = parse_decimal(digits) if colon else port
    if not host or number is None or number > 65535:
        raise TextError(f'"{text}" is not {"HOST:PORT" if port is None else "HOST[:PORT]"}')
    return Address(host, number)


def parse_invitation(text: str) -> tuple[Address, int]:
    """ADDRESS:PORT:NUMBER, the number being a key or a size; raises TextError."""
    place, _, digits = text.strip().rpartition(":")
    number = parse_decimal(digits)
    if number is None:
        raise TextError(f'"{text}" is not ADDRESS:PORT:NUMBER')
    return parse_address(place), number


def packet(key: int, size: int) -> bytes:
    """What a UDP packet of `size` bytes with its IP header carries."""
    return str(key).encode().ljust(size - HEADERS, b"\0")


def key_of(data: bytes) -> int | None:
    """The key in a packet; None if it is somebody else's."""
    digits = data.partition(b"\0")[0]
    return int(digits) if digits.isdigit() and len(digits) < 20 else None


def request(path: str, host: str) -> bytes:
    """An HTTP request."""
    return f"GET {path} HTTP/1.0\r\nHost: {host}\r\n\r\n".encode()


def path_of(head: bytes) -> str:
    """What an HTTP request asks for; nothing if it is none."""
    words = head.partition(b"\n")[0].split()
    if len(words) != 3 or words[0] != b"GET":
        return ""
    return words[1].decode(errors="replace").strip("/").lower()


def reply(status: int, body: str) -> bytes:
    """An HTTP reply."""
    reasons = {
        OK: "OK",
        BAD_REQUEST: "Bad Request",
        NOT_FOUND: "Not Found",
        UNAVAILABLE: "Service Unavailable",
    }
    data = body.encode()
    head = f"HTTP/1.0 {status} {reasons[status]}\r\nContent-Type: text/plain\r\nContent-Length: {len(data)}\r\n\r\n"
    return head.encode() + data


def read_reply(data: bytes) -> tuple[int, str]:
    """The status and the body of an HTTP reply; raises TextError."""
    head, _, body = data.partition(b"\r\n\r\n")
    words = head.split(None, 2)
    if len(words) < 2 or not words[0].startswith(b"HTTP/") or not words[1].isdigit():
        raise TextError("the answer is not HTTP")
    return int(words[1]), body.decode(errors="replace").strip()
