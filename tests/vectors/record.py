"""Write the golden vectors of OpenFlow anew, from our samples and what the peer says of them.

    python -m tests.vectors.record

Run it when a sample is added or changed, with Open vSwitch's `ovs-ofctl` installed; then read the difference.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from pathlib import Path

from tests.interop.fuzzing import cases, peer_prints, peer_prints_one
from tests.unit.openflow import action_samples, field_samples
from tests.unit.openflow.samples import (
    ACTION_VECTORS,
    FIELD_VECTORS,
    MALFORMED_VECTORS,
    VECTORS,
    encoded,
    without_dumps,
)
from vswitch.openflow.text import print_message

HEAD = """# {} and what Open vSwitch 3.1 prints of them: `ovs-ofctl ofp-print HEX {}`.
# After >, the bytes; then the text, indented by four{}.  Written by `python -m tests.vectors.record`.

"""
MALFORMED = 1500  # mutated messages, of which those are kept that both sides call malformed in the same words


def record(path: Path, what: str, packets: Iterable[bytes], verbosity: int = 1) -> None:
    """Write a file of vectors."""
    texts = ((packet, peer_prints_one(packet, verbosity)) for packet in packets)
    path.write_text(HEAD.format(what, verbosity, "") + "\n".join(["", *(block(*pair) for pair in texts)]))


def block(packet: bytes, text: str) -> str:
    """A packet and its text as they are in the file."""
    return f"> {packet.hex()}\n" + "".join(f"    {line}\n" for line in text.splitlines())


def record_malformed() -> None:
    """Mutations of the other messages; hexadecimal dumps are left out, as the bytes are there already."""
    packets = list(cases(random.Random(1), MALFORMED))
    blocks = [
        block(packet, without_dumps(theirs))
        for packet, theirs in zip(packets, peer_prints(packets), strict=True)
        if "error" in theirs and len(packet) < 400 and print_message(packet, 2) == theirs
    ]
    head = HEAD.format("Malformed OpenFlow messages", 2, ", without hexadecimal dumps")
    MALFORMED_VECTORS.write_text(head + "\n".join(["", *blocks]))


def main() -> None:
    """Record everything."""
    record(VECTORS, "OpenFlow messages", (packet for _, _, packet in encoded()))
    actions = (*action_samples.flow_mods(), *action_samples.received())
    record(ACTION_VECTORS, "Actions in flow-mods", (packet for _, _, packet in actions))
    record(FIELD_VECTORS, "Matches on each field", (packet for _, _, packet in field_samples.flow_mods()))
    record_malformed()


if __name__ == "__main__":
    main()
