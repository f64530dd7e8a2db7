"""Write the golden vectors of OpenFlow anew, from our samples and what the peer says of them.

    python -m tests.vectors.record

Run it when a sample is added or changed, with Open vSwitch's `ovs-ofctl` installed; then read the difference.
"""

from __future__ import annotations

import subprocess

from tests.interop.daemons import program
from tests.unit.openflow.samples import VECTORS, encoded

HEAD = """# OpenFlow messages and what Open vSwitch 3.1 prints of them: `ovs-ofctl ofp-print HEX 1`.
# After >, the bytes; then the text, indented by four.  Written by `python -m tests.vectors.record`.

"""


def printed(packet: bytes) -> str:
    """What the peer prints of `packet`."""
    command = [program("peer", "ovs-ofctl"), "-vconsole:off", "ofp-print", packet.hex(), "1"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def block(packet: bytes) -> str:
    """A packet and its text as they are in the file."""
    lines = "".join(f"    {line}\n" for line in printed(packet).splitlines())
    return f"> {packet.hex()}\n{lines}"


def main() -> None:
    """Record everything."""
    VECTORS.write_text(HEAD + "\n".join(["", *(block(packet) for _, _, packet in encoded())]))


if __name__ == "__main__":
    main()
