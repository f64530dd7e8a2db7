"""The commands about devices in memory: how a test plays the world around a switch.

Sources: the peer's netdev-dummy/* commands with --enable-dummy.
"""

from __future__ import annotations

from collections.abc import Sequence

from vswitch.aio.clock import settle
from vswitch.aio.daemon import Service
from vswitch.aio.unixctl import MANY
from vswitch.base.errors import TextError
from vswitch.base.scan import c_atoi
from vswitch.dpif import key, packet
from vswitch.flow import compose, extract, field
from vswitch.netdev.dummy import DummyDevices
from vswitch.vswitchd.vswitch import Vswitch

MINIMUM, LONGEST = 60, 65535  # bytes of a packet that is made to length


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


def _packets(words: Sequence[str], vswitch: Vswitch) -> list[packet.Packet]:
    """The packets that `words` describe, in hex or as flows; `--len N` sets the length of a flow's before it."""
    words = _without_queue(words)
    packets: list[packet.Packet] = []
    while words:
        text, *words = words
        data = _hexadecimal(text)
        if data is None:
            flow = _flow(text, vswitch)
            data = compose.compose(flow)
            if len(words) > 1 and words[0] == "--len":
                length = c_atoi(words[1])
                del words[:2]
                if not MINIMUM <= length <= LONGEST:
                    is_large = LONGEST < length < 1 << 31  # beyond, it is negative
                    raise TextError(f"too {'large' if is_large else 'small'} packet len")
                data = compose.compose(flow, bytes(max(0, length - len(compose.compose(flow, b"")))))
        packets.append(packet.Packet(data))
    return packets


def _without_queue(words: Sequence[str]) -> list[str]:
    """The words after `--qid N`, which says the only queue that a device has."""
    if len(words) < 2 or words[0] != "--qid":
        return list(words)
    if c_atoi(words[1]):
        raise TextError("bad rx queue id.")
    return list(words[2:])


def _hexadecimal(text: str) -> bytes | None:
    """The packet that `text` is, with or without blanks between bytes; None: it is something else."""
    try:
        data = bytes.fromhex(text)
    except ValueError:
        return None
    return data if len(data) >= extract.ETH_HEADER_SIZE else None


def _flow(text: str, vswitch: Vswitch) -> field.Flow:
    numbers = {
        interface.config.name: int(interface.odp_port)
        for _, interface in vswitch.interfaces()
        if interface.odp_port is not None
    }
    return key.parse_key(text, numbers)[0]
