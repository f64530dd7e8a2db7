"""What `ovs-ofctl parse-actions` keeps of an action in which some bits are not as usual: all that the peer keeps."""

from __future__ import annotations

import random
import subprocess

import pytest

from tests.interop.daemons import Make, program
from tests.unit.openflow import action_samples
from vswitch.openflow.actions.base import encode_actions
from vswitch.openflow.actions.text import parse_actions

pytestmark = pytest.mark.interop
NUMBER = 5000  # actions in each version
# Where the peer sends the form that it got, and we the usual one of the same meaning; and values that are cut to the field.
FORMS = ("00002320000d", "000023200020", "000023200021", "000023200025", "000023200029", "4f4e46000c80")
CUT = ("000d0008", "000e0008")


def lists(version: int) -> list[bytes]:
    """The samples' lists of actions."""
    texts = [text for _, text in action_samples.SAMPLES if "goto_table" not in text and "write_" not in text]
    said = [encode_actions(version, parse_actions(text)) for text in texts]
    return [data for data in said if data] + [bytes.fromhex(digits) for _, digits in action_samples.RECEIVED]


def flipped(rng: random.Random, data: bytes) -> bytes:
    """`data` with up to three other bits; types and lengths stay."""
    bits = int.from_bytes(data, "big")
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        bits ^= 1 << rng.randrange(8 * len(data) - 32)
    return bits.to_bytes(len(data), "big")


def answers(make: Make, version: int, actions: list[bytes]) -> list[list[str]]:
    """What one make says of each list: its text, and the bytes that are others when it is sent on."""
    command = [program(make, "ovs-ofctl"), "-vconsole:off", "parse-actions", f"OpenFlow1{version - 1}"]
    lines = "".join(f"{data.hex()}\n" for data in actions)
    done = subprocess.run(command, input=lines, capture_output=True, text=True, check=True)
    return [block.split("\n") for block in done.stdout.split("\n\n")[: len(actions)]]


@pytest.mark.parametrize("version", [1, 4, 6])
def test_nothing_is_lost_that_the_peer_keeps(version: int) -> None:
    rng = random.Random(version)
    known = lists(version)
    actions = [*known, *(flipped(rng, rng.choice(known)) for _ in range(NUMBER))]
    accepted, lost = 0, []
    for data, theirs, ours in zip(
        actions, answers("peer", version, actions), answers("ours", version, actions), strict=True
    ):
        if theirs[0].startswith("bad") or ours[0].startswith("bad"):
            continue  # of errors, tests/interop/test_fuzzing.py has more to say
        digits = data.hex()
        if not any(form in digits for form in FORMS) and not any(form in digits for form in CUT):
            accepted += 1
            if set(ours) - set(theirs):
                lost.append((digits, theirs, ours))
    assert accepted > NUMBER / 4
    assert not lost
