"""Which function performs which message."""

from __future__ import annotations

import pytest

from tests.switch.machine import Machine
from vswitch.ofproto.handlers import HANDLERS, Request, handles
from vswitch.openflow.message import Message, encode
from vswitch.openflow.messages.flowstats import FlowStatsRequest
from vswitch.openflow.messages.switch import BarrierRequest
from vswitch.openflow.version import OF10, OF13


def test_a_function_handles_what_it_declares(monkeypatch: pytest.MonkeyPatch) -> None:
    class Nothing(Message):
        """A message of which nobody knows."""

    monkeypatch.setattr("vswitch.ofproto.handlers.HANDLERS", HANDLERS.copy())

    @handles(Nothing)
    def handle(request: Request[Nothing]) -> tuple[Message, ...]:
        return ()

    from vswitch.ofproto import handlers

    assert handlers.HANDLERS[Nothing] is handle
    assert Nothing not in HANDLERS


@pytest.mark.parametrize(
    ("version", "nxm", "is_nx"), [(OF10, True, True), (OF10, None, False), (OF13, None, False)]
)
def test_nicira_s_statistics_are_known_by_their_bytes(version: int, nxm: bool | None, is_nx: bool) -> None:
    message = FlowStatsRequest()
    data = encode(message, version, nxm=nxm)
    channel = Machine().connect(version).channel  # type: ignore[arg-type]
    request = Request(Machine().br0, channel, message, 0.0, data)
    assert request.nx is is_nx
    assert not Request(Machine().br0, channel, BarrierRequest(), 0.0).nx
