"""Entries of NXM and OXM in text: `NXM_OF_ETH_TYPE(0800), NXM_NX_REG0_W(00000005/00000007)`.

It is closer to the wire than the words of flows are, and tests of matches are written in it.

Sources: ovs-fields(7) for the names; `ovs-ofctl parse-nxm` for the grammar and its messages.
"""

from __future__ import annotations

from vswitch.base.errors import TextError
from vswitch.flow.codes import EXPERIMENTER, Code, by_name, by_number
from vswitch.openflow.errors import BadMatch, OpenFlowError

NOTHING = "<any>"
COOKIE, COOKIE_MASKED = b"\x00\x01\x3c\x08", b"\x00\x01\x3d\x10"
_COOKIES = {"NXM_NX_COOKIE": COOKIE, "NXM_NX_COOKIE_W": COOKIE_MASKED}
_SEPARATORS = ", "
_HEX = frozenset("0123456789abcdefABCDEF")
_BLANK = " .\t\r\n"


def parse_entries(text: str) -> bytes:
    """The entries that `text` tells, as they are on the wire."""
    if text == NOTHING:
        return b""
    out = bytearray()
    rest = text.lstrip(_SEPARATORS)
    while rest:
        name, bracket, rest = rest.partition("(")
        if not bracket:
            raise TextError(f"{text}: missing ( at end of nx_match", name)
        header = _header(name)
        if header is None:
            raise TextError(f"{text}: unknown field `{name}'", name)
        value, rest = take_hex(rest)
        masked, size = header[2] & 1, _payload_size(header)
        size //= 2 if masked else 1
        _check_size(header, value, size)
        mask = b""
        if masked:
            rest = rest.lstrip(" ")
            if not rest.startswith("/"):
                raise TextError(f"{text}: missing / in masked field {name}", name)
            mask, rest = take_hex(rest[1:])
            if len(mask) != len(value):
                raise TextError(f"{rest[:2]}: hex digits expected", rest)
        rest = rest.lstrip(" ")
        if not rest.startswith(")"):
            raise TextError(f"{text}: missing ) following field {name}", name)
        rest = rest[1:].lstrip(_SEPARATORS)
        shorter = size * (1 + masked) - len(value) - len(mask)
        out += header[:3] + bytes([header[3] - shorter]) + header[4:] + value + mask
    return bytes(out)


def _header(name: str) -> bytes | None:
    """The header for a field's name, with `_W` for one with a mask, or for the digits of the header itself."""
    if name in _COOKIES:
        return _COOKIES[name]
    code = by_name().get(name)
    if code is not None:
        return _header_of(code, False)
    code = by_name().get(name.removesuffix("_W"))
    if code is not None and code.field.maskable:
        return _header_of(code, True)
    if len(name) == 8 and _HEX.issuperset(name) and int(name, 16):
        return bytes.fromhex(name)
    return None


def _header_of(code: Code, masked: bool) -> bytes:
    size = code.field.size * (2 if masked else 1)
    vendor = code.experimenter.to_bytes(4, "big") if code.experimenter else b""
    return code.oxm_class.to_bytes(2, "big") + bytes([code.number << 1 | masked, size + len(vendor)]) + vendor


def _payload_size(header: bytes) -> int:
    """The bytes of value and mask together."""
    return header[3] - (len(header) - 4)


def _check_size(header: bytes, value: bytes, size: int) -> None:
    """Values have the field's size; those of tunnel options may be shorter."""
    if len(value) == size:
        return
    code = _code(header)
    if code is not None and code.field.name.startswith("tun_metadata"):
        if len(value) > size:
            raise TextError(f"expected to read maximum {size} bytes but got {len(value)}")
        return
    raise TextError(f"expected to read {size} bytes but got {len(value)}")


def _code(header: bytes) -> Code | None:
    """The type that a header names."""
    oxm_class = int.from_bytes(header[:2], "big")
    experimenter = int.from_bytes(header[4:8], "big") if oxm_class == EXPERIMENTER else 0
    return by_number().get((oxm_class, experimenter, header[2] >> 1))


def take_hex(text: str) -> tuple[bytes, str]:
    """The bytes whose digits `text` begins with, blanks and dots between them, and the rest of it."""
    out = bytearray()
    at = 0
    while True:
        while text[at : at + 1] in _BLANK and at < len(text):
            at += 1
        pair = text[at : at + 2]
        if len(pair) < 2 or not _HEX.issuperset(pair):
            return bytes(out), text[at:]
        out.append(int(pair, 16))
        at += 2


def format_entries(data: bytes) -> str:
    """Entries as text; what cannot be told apart comes last, as a number of bytes."""
    if not data:
        return NOTHING
    words, at = [], 0
    while at < len(data):
        try:
            word, at = _format_entry(data, at)
        except OpenFlowError:
            words.append(f"<{len(data) - at} invalid bytes>")
            break
        words.append(word)
    return ", ".join(words)


def _format_entry(data: bytes, at: int) -> tuple[str, int]:
    """The entry at byte `at`, and where it ends."""
    header = data[at : at + 4]
    if header[:2] == b"\xff\xff":
        header = data[at : at + 8]
    if len(header) < 4:
        raise OpenFlowError(BadMatch.BAD_LEN)
    size, start = _payload_size(header), at + len(header)
    end = start + size
    if size < 0 or end > len(data):
        raise OpenFlowError(BadMatch.BAD_LEN)
    payload, masked = data[start:end], header[2] & 1
    half = len(payload) // 2 if masked else len(payload)
    mask = f"/{payload[half:].hex()}" if masked else ""
    return f"{_name(header, bool(masked))}({payload[:half].hex()}{mask})", end


def _name(header: bytes, masked: bool) -> str:
    for name, known in _COOKIES.items():
        if header == known:  # their numbers are those of fields of another size
            return name
    code = _code(header)
    if code is not None:
        return code.name + ("_W" if masked else "")
    return f"{int.from_bytes(header[:2], 'big')}:{header[2] >> 1}"
