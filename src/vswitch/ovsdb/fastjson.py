"""JSON by msgspec, for who reads and writes much of it: see jsontext.py, which is what all others import.

Sources: RFC 8259; the limits are those of Open vSwitch's lib/json.c.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import msgspec

from vswitch.ovsdb.jsontext import MAX_DEPTH, Json, JsonError, Real, number

_NULL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")  # the backslash itself is not escaped


def _encode_other(value: object) -> msgspec.Raw:
    if isinstance(value, Real):
        return msgspec.Raw(str(value).encode())
    raise TypeError(f"{type(value).__name__} has no JSON form")


_DECODER = msgspec.json.Decoder(float_hook=number)
_ENCODER = msgspec.json.Encoder(enc_hook=_encode_other, order="sorted")


def decode(data: bytes) -> Json:
    """The one value in `data`; raises JsonError."""
    # Open vSwitch reads no string with a null character in it, so one that got in would lock its clients out.
    if b"\\u0000" in data and _NULL.search(data):
        raise JsonError("null bytes not supported in quoted strings")
    try:
        return _DECODER.decode(data)
    except msgspec.DecodeError as error:
        raise JsonError(str(error)) from None
    except UnicodeDecodeError:
        raise JsonError("invalid UTF-8 sequence") from None
    except RecursionError:
        raise JsonError(f"input exceeds maximum nesting depth {MAX_DEPTH}") from None


encode: Callable[[Json], bytes] = _ENCODER.encode  # a value as JSON text
