"""Names of megaflows: 128 bits that are written as a UUID.

A ufid is a keyed hash of what the megaflow matches, so that the same megaflow has the same name for as long as the
key lives, and nobody who sends packets can make two that collide.
"""

from __future__ import annotations

import re
from _blake2 import blake2b  # `hashlib` imports all of OpenSSL with it, for 3 ms

from vswitch.base.errors import TextError
from vswitch.dpif.megaflow import Ufid
from vswitch.flow.field import Flow, Mask

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_VERSION_BITS = 0xF000 << 64 | 0b11 << 62
_VERSION_4 = 0x4000 << 64 | 0b10 << 62  # a random UUID (RFC 9562, 5.4), because the key is


def ufid_of(flow: Flow, mask: Mask, key: bytes) -> Ufid:
    """The name of the megaflow that matches `flow` on `mask`; `key` is up to 64 random bytes.  2 µs."""
    value = flow & mask
    text = value.to_bytes((value.bit_length() + 7) // 8, "little")
    bits = mask.to_bytes((mask.bit_length() + 7) // 8, "little")
    digest = blake2b(text, digest_size=16, key=key)
    digest.update(bits)
    digest.update(len(bits).to_bytes(4, "little"))
    return Ufid(int.from_bytes(digest.digest(), "big") & ~_VERSION_BITS | _VERSION_4)


def format_ufid(ufid: Ufid) -> str:
    """As text, e.g. 62544d6b-2874-486e-8d42-d4577c6ea4ba."""
    digits = f"{ufid:032x}"
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def parse_ufid(text: str) -> Ufid:
    """The ufid in `text`, with or without `ufid:` before it."""
    word = text.strip().removeprefix("ufid:")
    if not _UUID.fullmatch(word):
        raise TextError(f"{text}: not a ufid", text)
    return Ufid(int(word.replace("-", ""), 16))
