"""Differential fuzzing of OpenFlow: what the peer's `ovs-ofctl` says of bytes, and what we say of them.

    python -m tests.interop.fuzzing [SECONDS [SEED]]

Golden messages are mutated; the peer prints thousands of them in one process (`ofp-parse`, which is `ofp-print` with a
verbosity of 2).  A difference is shown once per kind, with the bytes that show it.
"""

from __future__ import annotations

import difflib
import random
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.interop.daemons import program
from tests.interop.exceptions import exempt
from tests.unit.openflow import action_samples, field_samples
from tests.unit.openflow.samples import encoded
from vswitch.base.remarks import remarks_to
from vswitch.openflow.text import print_message

MARK = re.compile(
    r"OFPT_ECHO_REQUEST \(xid=0xa[0-9a-f]{7}\): 0 bytes of payload\n(?:00000000  01 02 00 08 a.*\n)?"
)
INTERESTING = (0, 1, 2, 3, 4, 7, 8, 15, 16, 24, 63, 64, 127, 128, 253, 254, 255)
MAX_SIZE = 4096  # bytes of a message that is mutated


def peer_prints(messages: Sequence[bytes], more: int = 0) -> list[str]:
    """What the peer's `ofp-parse`, with `more` times -m, prints of each; marks between them tell where one ends."""
    marks = (bytes([1, 2, 0, 8]) + (0xA0000000 + i).to_bytes(4, "big") for i in range(len(messages)))
    with tempfile.TemporaryDirectory() as directory:
        stream = Path(directory) / "messages"
        stream.write_bytes(b"".join(part for pair in zip(messages, marks, strict=True) for part in pair))
        options = ["-vconsole:off", *["-m"] * more]
        command = [program("peer", "ovs-ofctl"), *options, "ofp-parse", str(stream)]
        done = subprocess.run(command, capture_output=True, check=True)
    return MARK.split(done.stdout.decode("utf-8", "surrogateescape"))[:-1]


def peer_prints_one(message: bytes, verbosity: int) -> str:
    """What the peer's `ofp-print` prints."""
    command = [program("peer", "ovs-ofctl"), "-vconsole:off", "ofp-print", message.hex(), str(verbosity)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


_TIME = re.compile(r"^\d{4}-\d\d-\d\dT[\d:]+Z\|\d+\|", re.MULTILINE)


def peer_logs(message: bytes) -> list[str]:
    """What the peer's `ofp-print` says on stderr: module, level and text of each line, with the bytes that follow it."""
    command = [program("peer", "ovs-ofctl"), "ofp-print", message.hex()]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=True)
    return [line.rstrip("\n") for line in _TIME.split(done.stderr) if line]


def our_logs(message: bytes) -> list[str]:
    """What we say."""
    said: list[str] = []
    remarks_to(lambda module, level, text: said.append(f"{module}|{level}|{text}"))
    try:
        print_message(message, 2)
    finally:
        remarks_to(None)
    return said


def framed(data: bytes) -> bytes:
    """`data` with its own length in the header."""
    return data[:2] + len(data).to_bytes(2, "big") + data[4:]


def resized(rng: random.Random, data: bytearray, at: int, grown: int) -> None:
    """Add `grown` to most numbers before byte `at` that may be the lengths of what is there."""
    for i in range(max(8, at - 256) & ~1, at - 1, 2):
        number = int.from_bytes(data[i : i + 2], "big")
        ends = [start + number for start in (i - 2, i, i + 2, i + 6, i + 8) if start + 2 <= at]
        if number >= 4 and any(at < end <= len(data) for end in ends) and rng.random() < 0.9:
            data[i : i + 2] = max(0, number + grown).to_bytes(2, "big")


def spliced(rng: random.Random, data: bytearray, other: bytes) -> None:
    """Put some of `other`, or of the same, into `data`, or take some away, and tell it to what contains it."""
    at, size = rng.randrange(8, len(data), 2), 8 * rng.choice((1, 1, 1, 2, 2, 3, 4))
    start = rng.randrange(8, len(other), 2)
    match rng.randrange(3):
        case 0:
            part = data[at : at + size]
        case 1:
            part = bytearray(other[start : start + size])
        case _:
            gone = len(data[at : at + size])
            resized(rng, data, at, -gone)
            del data[at : at + size]
            return
    resized(rng, data, at, len(part))
    data[at:at] = part


def mutated(rng: random.Random, data: bytes, other: bytes) -> bytes:
    """`data` with one to three changes, some of them from `other`; the header stays that of a message."""
    made = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        at = rng.randrange(8, len(made)) if len(made) > 8 else 8
        match rng.randrange(12):
            case 0:
                made[at : at + 1] = bytes([rng.randrange(256)])
            case 1:
                made[at : at + 1] = bytes([rng.choice(INTERESTING)])
            case 2:
                at &= ~1
                made[at : at + 2] = (rng.choice(INTERESTING) << rng.choice((0, 0, 8))).to_bytes(2, "big")
            case 3:
                del made[at:]
            case 4:
                made += bytes(rng.choice((1, 4, 8, 16)))
            case 5:
                size = rng.choice((1, 2, 4, 8, 16))
                made[at:at] = made[at : at + size]
            case 6:
                del made[at : at + rng.choice((1, 2, 4, 8, 16))]
            case 7:
                bit = 1 << rng.randrange(8)
                made[at : at + 1] = bytes([made[at] ^ bit]) if at < len(made) else b""
            case _ if len(made) > 10 and len(other) > 10:
                spliced(rng, made, other)
    if rng.random() < 0.05:
        made[1] = rng.randrange(36)
    if rng.random() < 0.1:
        made[0] = rng.choice((1, 2, 3, 4, 5, 6, 0, 7, 255))
    return framed(bytes(made))


def cases(rng: random.Random, number: int) -> Iterator[bytes]:
    """Mutated golden messages."""
    golden = [packet for _, _, packet in encoded() if 8 <= len(packet) < MAX_SIZE]
    golden += [packet for _, _, packet in (*action_samples.flow_mods(), *action_samples.received())]
    golden += [packet for _, _, packet in field_samples.flow_mods() if len(packet) < 200]
    for _ in range(number):
        yield mutated(rng, rng.choice(golden), rng.choice(golden))


def differences(messages: Sequence[bytes], more: int = 0) -> Iterator[tuple[bytes, str, str]]:
    """Messages of which the peer and we say different things, with what both say."""
    for message, theirs in zip(messages, peer_prints(messages, more), strict=True):
        ours = print_message(message, 2 + more)
        if ours != theirs:
            yield message, theirs, ours


def kind(theirs: str, ours: str) -> str:
    """What is the same for all instances of a difference: the messages' names, and the words where they part."""
    parts = difflib.unified_diff(theirs.split("\n"), ours.split("\n"), lineterm="", n=0)
    lines = [re.sub(r"[0-9a-f]{2,}|\d", "#", line) for line in parts if line[:1] in "+-"][2:]
    return "\n".join(line for line in lines if "|" not in line)[:300]


def main(seconds: float = 60, seed: int | None = None) -> None:
    """Fuzz for `seconds` and show each kind of difference once."""
    seed = time.time_ns() % (1 << 32) if seed is None else seed
    rng, seen, number, known = random.Random(seed), set(), 0, Counter[str]()
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        batch = list(cases(rng, 2000))
        number += len(batch)
        for message, theirs, ours in differences(batch):
            if (name := exempt(message, theirs, ours)) is not None:
                known[name] += 1
            elif (found := kind(theirs, ours)) not in seen:
                seen.add(found)
                sys.stdout.write(f"--- {message.hex()}\n{theirs}+++\n{ours}")
    sys.stdout.write(
        f"{number} messages, {len(seen)} kinds of differences, exempt: {dict(known)}, seed {seed}\n"
    )


if __name__ == "__main__":
    main(*map(float, sys.argv[1:2]), *map(int, sys.argv[2:3]))
