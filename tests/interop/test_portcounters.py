"""Counters of RFC 2819, and with names of their own: the peer prints what we write as we do."""

from __future__ import annotations

import pytest

from tests.interop.fuzzing import peer_prints
from tests.unit.openflow.messages.test_portcounters import STATS
from vswitch.openflow.message import encode
from vswitch.openflow.messages.port import PortStatsReply
from vswitch.openflow.text import print_message
from vswitch.openflow.version import OF14, OF15

pytestmark = pytest.mark.interop


def test_the_peer_reads_the_same() -> None:
    messages = [encode(PortStatsReply((stats,)), version, 1) for stats in STATS for version in (OF14, OF15)]
    whole = messages[0]
    messages += [
        bytes([whole[0]]) + whole[1:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :] for at in range(136, 152)
    ]
    assert [print_message(message, 2) for message in messages] == peer_prints(messages)
