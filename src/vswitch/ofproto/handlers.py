"""Which function performs which message, for a channel of a switch.

A handler gets the request and yields replies; OpenFlowError is the other answer.  Handlers register themselves where
their subject is: flowmod.py, stats.py, portmod.py, packetout.py, configuration.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Generic, TypeVar

from vswitch.base.dataclass import dataclass
from vswitch.ofproto.channel import Channel
from vswitch.ofproto.switch import Switch
from vswitch.openflow.message import Message
from vswitch.openflow.version import OF10

M = TypeVar("M", bound=Message)
_VENDOR = b"\xff\xff"


@dataclass(slots=True, eq=False)  # one is made for every message: frozen, it would take three times as long
class Request(Generic[M]):
    """A message that came to `switch` over `channel` at `now`; `data` are its bytes."""

    switch: Switch
    channel: Channel
    message: M
    now: float
    data: bytes = b""

    @property
    def nx(self) -> bool:
        """Whether a statistics request of OpenFlow 1.0 came in Nicira's form: the reply has the same."""
        return self.channel.version == OF10 and self.data[8:10] == _VENDOR


Handler = Callable[[Request[M]], Iterable[Message]]
HANDLERS: dict[type[Message], Handler[Message]] = {}


def handles(kind: type[M]) -> Callable[[Handler[M]], Handler[M]]:
    """Declare the function that performs messages of type `kind`."""

    def declare(function: Handler[M]) -> Handler[M]:
        HANDLERS[kind] = function  # type: ignore[assignment]  # of that kind alone
        return function

    return declare
