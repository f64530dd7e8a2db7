"""The commands about devices in memory: how a test plays the world around a switch.

Sources: the peer's netdev-dummy/* commands with --enable-dummy.
"""

from __future__ import annotations

from collections.abc import Sequence

from vswitch.aio.clock import settle
from vswitch.aio.daemon import Service
from vswitch.aio.unixctl import MANY
from vswitch.base.digits import parse_decimal
from vswitch.base.errors import TextError
from vswitch.dpif.key import parse_key
from vswitch.dpif.packet import Packet
from vswitch.flow.compose import compose
from vswitch.netdev.dummy import DummyDevices
from vswitch.vswitchd.vswitch import Vswitch


def add_dummy_commands(service: Service, vswitch: Vswitch, dummies: DummyDevices) -> None:
    """Offer them."""

    async def receive(words: Sequence[str]) -> None:
        """Let packets come in at a device."""
        device = dummies.get(words[0])
        if device is None:
            raise TextError("no such dummy netdev")
        device.inject(_packets(words[1:], vswitch))
        await settle()

    def set_admin_state(words: Sequence[str]) -> str:
        """Set one device, or all, up or down."""
        name, state = (words[0] if len(words) > 1 else None), words[-1]
        if state not in ("up", "down"):
            raise TextError("Invalid Admin State")
        devices = dummies.all() if name is None else [device] if (device := dummies.get(name)) else []
        if not devices:
            raise TextError("Unknown Dummy Interface")
        for each in devices:
            each.set_up(state == "up")
            vswitch.device_changed(each.name)
        return "OK\n"

    def conn_state(words: Sequence[str]) -> str:
        """Devices are connected to nothing but the commands."""
        if not words:
            return ""
        if dummies.get(words[0]) is None:
            raise TextError("Unknown Dummy Interface")
        return f"{words[0]}: unknown\n"

    add = service.commands.add
    add("netdev-dummy/receive", "name [--qid queue_id] packet|flow [--len packet_len]", 2, MANY, receive)
    add("netdev-dummy/set-admin-state", "[netdev] up|down", 1, 2, set_admin_state)
    add("netdev-dummy/conn-state", "[netdev]", 0, 1, conn_state)


def _packets(words: Sequence[str], vswitch: Vswitch) -> list[Packet]:
    """The packets that `words` describe, in hex or as flows; `--len N` sets the length of the one before."""
    packets: list[Packet] = []
    queue = list(reversed(words))
    while queue:
        word = queue.pop()
        if word == "--qid":
            _value(queue)
            continue
        length = None
        if len(queue) > 1 and queue[-1] == "--len":
            queue.pop()
            length = _value(queue)
        packets.append(Packet(_packet(word, length, vswitch)))
    return packets


def _value(queue: list[str]) -> int:
    text = queue.pop() if queue else ""
    number = parse_decimal(text)
    if number is None:
        raise TextError("wrong value for option")
    return number


def _packet(text: str, length: int | None, vswitch: Vswitch) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        pass
    numbers = {
        interface.config.name: int(interface.odp_port)
        for _, interface in vswitch.interfaces()
        if interface.odp_port is not None
    }
    flow, _ = parse_key(text, numbers)
    if length is None:
        return compose(flow)
    return compose(flow, bytes(max(0, length - len(compose(flow, b"")))))
