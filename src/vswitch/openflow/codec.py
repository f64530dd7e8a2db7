"""The notation of the declarations: widths of fields, numbers by version, and the layouts that follow from both.

A declaration says `port: OfPort = wire(PORT)` and "NX1.0+(15)"; this module turns that into one precompiled
`struct.Struct` per class and version.

Sources: the notation is that of the comments in OVS lib/ofp-actions.c and include/openvswitch/ofp-msgs.h.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Iterable, Mapping
from operator import attrgetter
from typing import Any

from vswitch.base.namedtuple import NamedTuple
from vswitch.flow.ports import from_16, is_valid, to_16
from vswitch.openflow.errors import NX_VENDOR, ONF_VENDOR, BadAction, OpenFlowError
from vswitch.openflow.value import Wire
from vswitch.openflow.version import OF10, OF15

EXPERIMENTER = 0xFFFF  # action, instruction or statistics type of vendor extensions
VENDORS: Mapping[str, int] = {"OF": 0, "NX": NX_VENDOR, "ONF": ONF_VENDOR}


class Code(NamedTuple):
    """One place in the numbering: `number` of `vendor` (0: OpenFlow's own) in versions `first` to `last`."""

    vendor: int
    number: int
    first: int
    last: int


_CODE = re.compile(r"(OF|NX|ONF)1\.(\d)(?:-1\.(\d)|(\+))?\((\d+)\)")


def parse_codes(notation: str) -> tuple[Code, ...]:
    """Read "OF1.0(3), OF1.1+(18)"."""
    return tuple(
        Code(VENDORS[kind], int(number), int(first) + 1, OF15 if plus else int(last or first) + 1)
        for kind, first, last, plus, number in _CODE.findall(notation)
    )


class Width(NamedTuple):
    """How a field lies on the wire: struct codes in OpenFlow 1.0 and since 1.1, and conversions where needed."""

    of10: str
    of11: str
    decode10: Callable[[Any], Any] | None = None
    decode11: Callable[[Any], Any] | None = None
    encode10: Callable[[Any], Any] | None = None
    encode11: Callable[[Any], Any] | None = None

    def code(self, version: int) -> str:
        """The struct code."""
        return self.of10 if version == OF10 else self.of11

    def decoder(self, version: int) -> Callable[[Any], Any] | None:
        """From what struct yields to the value of the field."""
        return self.decode10 if version == OF10 else self.decode11

    def encoder(self, version: int) -> Callable[[Any], Any] | None:
        """From the value of the field to what struct takes."""
        return self.encode10 if version == OF10 else self.encode11


def _plain(
    code: str, decode: Callable[[Any], Any] | None = None, encode: Callable[[Any], Any] | None = None
) -> Width:
    return Width(code, code, decode, decode, encode, encode)


def mac_from_bytes(data: bytes) -> int:
    """An Ethernet address as a number of 48 bits."""
    return int.from_bytes(data, "big")


def mac_to_bytes(mac: int) -> bytes:
    """The six bytes of an Ethernet address."""
    return mac.to_bytes(6, "big")


def text_from_bytes(data: bytes) -> str:
    """A NUL-padded name; bytes that are not UTF-8 survive as surrogates."""
    return data.split(b"\0", 1)[0].decode("utf-8", "surrogateescape")


def text_to_bytes(text: str) -> bytes:
    """A name for a NUL-padded field, which struct cuts and pads."""
    return text.encode("utf-8", "surrogateescape")


def check_port(port: int) -> int:
    """`port` from a 32-bit field; OFPBAC_BAD_OUT_PORT if no port can have the number."""
    if not is_valid(port):
        why = f"port {port} is outside the supported range 0 through 65279 or 0xffffff00 through 0xffffffff"
        raise OpenFlowError(BadAction.BAD_OUT_PORT, why, "ofp_port")
    return port


U8, U16, U32, U64 = (_plain(code) for code in "BHIQ")
I32 = _plain("i")
PORT = Width("H", "I", from_16, check_port, to_16, None)
PORT16 = _plain("H", from_16, to_16)  # Nicira's actions keep the 16-bit form in every version
MAC = _plain("6s", mac_from_bytes, mac_to_bytes)


def chars(size: int) -> Width:
    """A NUL-padded string of `size` bytes that keeps a NUL at its end."""
    return _plain(f"{size}s", text_from_bytes, lambda text: text_to_bytes(text)[: size - 1])


class Layout:
    """The bytes of some fields: a precompiled Struct and the conversions around it."""

    __slots__ = ("_decoders", "_encoders", "_get", "_pack", "_single", "_unpack_from", "size")

    def __init__(self, fields: Iterable[tuple[str, Wire]], version: int, start: int | None) -> None:
        out = "!"
        fields = tuple(fields)
        for _, (width, pad, _, _) in fields:
            code = width.code(version)
            gap = 0
            if start is not None and not code.endswith("s"):  # natural alignment, as a C compiler's
                gap = -(start + struct.calcsize(out)) % struct.calcsize("!" + code)
            out += f"{gap}x{code}{pad}x"
        form = struct.Struct(out)
        self.size = form.size
        self._pack = form.pack
        self._unpack_from = form.unpack_from
        widths = [width for _, (width, _, _, _) in fields]
        self._decoders = [(i, f) for i, w in enumerate(widths) if (f := w.decoder(version))]
        self._encoders = [(i, f) for i, w in enumerate(widths) if (f := w.encoder(version))]
        self._single = len(fields) == 1
        self._get = attrgetter(*(name for name, _ in fields)) if fields else tuple_of_nothing

    def unpack(self, data: bytes | memoryview, offset: int = 0) -> Iterable[Any]:
        """The values of the fields, which begin at byte `offset`."""
        values = self._unpack_from(data, offset)
        if not self._decoders:
            return values
        converted = list(values)
        for i, decode in self._decoders:
            converted[i] = decode(converted[i])
        return converted

    def pack(self, source: Any) -> bytes:
        """The bytes of the fields of `source`."""
        values = self._get(source)
        if self._single:
            values = (values,)
        if not self._encoders:
            return self._pack(*values)
        converted = list(values)
        for i, encode in self._encoders:
            converted[i] = encode(converted[i])
        return self._pack(*converted)


def tuple_of_nothing(_: object) -> tuple[()]:
    """What an attrgetter of no names would return."""
    return ()


_LAYOUTS: dict[tuple[Any, int, int | None], Layout] = {}


def layout(cls: Any, version: int, start: int | None = None) -> Layout:
    """The layout of the `wire` fields of `cls`.  With `start`, fields are aligned as if the first began there."""
    key = cls, version, start
    made = _LAYOUTS.get(key)
    if made is None:
        made = _LAYOUTS[key] = Layout(cls.WIRE.items(), version, start)
    return made


def padded(data: bytes, multiple: int = 8) -> bytes:
    """`data` with zeros up to a multiple of `multiple` bytes."""
    gap = -len(data) % multiple
    return data + bytes(gap) if gap else data
