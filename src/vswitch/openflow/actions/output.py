"""Actions that choose where a packet goes: ports, queues, groups, controllers.

Sources: OpenFlow 1.0, 5.2.4; OpenFlow 1.5.1, 7.2.6.1 to 7.2.6.4; ovs-actions(7), "Output Actions".
"""

from __future__ import annotations

import re
import struct
from collections.abc import Mapping

from vswitch.base.errors import TextError
from vswitch.base.pattern import pattern
from vswitch.base.text import key_values, parse_u16, parse_u32
from vswitch.flow.ports import (
    OFPP_CONTROLLER,
    OFPP_IN_PORT,
    OFPP_LOCAL,
    OFPP_MAX,
    OFPP_NONE,
    OFPP_UNSET,
    OfPort,
    from_16,
    to_16,
)
from vswitch.openflow.actions.base import Action, action, frame, nx
from vswitch.openflow.codec import PORT, PORT16, U16, U32, Code, check_port, padded
from vswitch.openflow.errors import BadAction, BadRequest, OpenFlowError
from vswitch.openflow.names import Names
from vswitch.openflow.value import wire
from vswitch.openflow.version import OF10

MAX_LEN = 0xFFFF  # OFPCML_NO_BUFFER: send the whole packet to the controller

# Why a packet goes to the controller: enum ofp_packet_in_reason of OpenFlow 1.5, by its names in text.
REASONS: Mapping[int, str] = {
    0: "no_match",
    1: "action",
    2: "invalid_ttl",
    3: "action_set",
    4: "group",
    5: "packet_out",
    6: "",  # a rule for what misses: Open vSwitch has no name for it
    7: "",  # no rule: nobody asks for it by a name
}
OFPR_NO_MATCH, OFPR_ACTION, OFPR_INVALID_TTL, OFPR_ACTION_SET, OFPR_GROUP, OFPR_PACKET_OUT = range(6)
OFPR_EXPLICIT_MISS, OFPR_IMPLICIT_MISS = 6, 7


@action("output", "OF1.0+(0)")
class Output(Action):
    """Send the packet to `port`; `max_len` is how much of it a controller gets."""

    port: OfPort = wire(PORT)
    max_len: int = wire(U16, default=0)

    @classmethod
    def decode_body(cls, version: int, code: Code, data: bytes, start: int) -> Action:
        """16 bits of port in OpenFlow 1.0, 32 since."""
        if len(data) != (8 if version == OF10 else 16):
            raise OpenFlowError(BadAction.BAD_LEN)
        if version == OF10:
            port, max_len = _OUTPUT10.unpack_from(data, 4)
            return cls(_checked_output(from_16(port)), max_len)
        port, max_len = _OUTPUT11.unpack_from(data, 4)
        return cls(_checked_output(check_port(port)), max_len)

    def encode(self, version: int) -> bytes:
        """16 bits of port in OpenFlow 1.0, 32 since."""
        if version == OF10:
            return b"\0\0\0\x08" + _OUTPUT10.pack(to_16(self.port), self.max_len)
        return b"\0\0\0\x10" + _OUTPUT11.pack(self.port, self.max_len)

    @classmethod
    def to(cls, port: OfPort) -> Output:
        """To `port`; a controller gets all of the packet."""
        return cls(port, MAX_LEN if port == OFPP_CONTROLLER else 0)

    @classmethod
    def parse(cls, arg: str, names: Names) -> Action:
        """A port, `(port=1,max_len=100)`, or a subfield that holds the port."""
        port = names.ports.get(arg)
        if port is not None:
            return cls(port)
        try:
            return cls.to(names.port(arg))
        except TextError:
            if "port" in arg and "max_len" in arg:
                return OutputTrunc.parse(arg, names)
            from vswitch.openflow.actions.register import OutputReg

            return OutputReg.parse(arg, names)

    def format(self, names: Names) -> str:
        """`output:1`, `LOCAL`, `CONTROLLER:65535`."""
        if self.port < OFPP_MAX:
            return f"output:{names.format_port(self.port)}"
        text = names.format_port(self.port)
        return f"{text}:{self.max_len}" if self.port == OFPP_CONTROLLER else text


def _checked_output(port: int) -> OfPort:
    """`port`, to which a packet can be sent."""
    if port >= OFPP_MAX and (port <= OFPP_UNSET or port == OFPP_NONE):
        raise OpenFlowError(BadAction.BAD_OUT_PORT, f"port {port:#x}")
    return OfPort(port)


_OUTPUT10 = struct.Struct("!HH")
_OUTPUT11 = struct.Struct("!IH6x")


@action("output_trunc", "NX1.0+(39)")
class OutputTrunc(Action):
    """Send the first `max_len` bytes of the packet to `port`."""

    port: OfPort = wire(PORT16)
    max_len: int = wire(U32)

    @classmethod
    def decode_body(cls, version: int, code: Code, data: bytes, start: int) -> Action:
        """Refuse lengths that no Ethernet frame can have, and ports that cannot truncate."""
        made = super().decode_body(version, code, data, start)
        assert isinstance(made, OutputTrunc)
        if made.max_len < ETH_HEADER_LEN:
            raise OpenFlowError(BadAction.BAD_ARGUMENT)
        return made

    @classmethod
    def parse(cls, arg: str, names: Names) -> Action:
        """`port=1,max_len=100`."""
        port, max_len = OfPort(0), 0
        for key, text in key_values(arg):
            if key == "port":
                port = names.port(text, "output to unknown truncate port:")
                if to_16(port) > OFPP_MAX and port not in (OFPP_LOCAL, OFPP_IN_PORT):
                    raise TextError(f"output to unsupported truncate port: {text}", text)
            elif key == "max_len":
                max_len = parse_u32(text)
                if max_len < ETH_HEADER_LEN:
                    raise TextError(f"max_len {max_len} is less than the minimum value {ETH_HEADER_LEN}", arg)
            else:
                raise TextError(f"invalid key '{key}' in output_trunc argument", arg)
        return cls(port, max_len)

    def format(self, names: Names) -> str:
        """`output(port=1,max_len=100)`."""
        return f"output(port={names.format_port(self.port)},max_len={self.max_len})"


ETH_HEADER_LEN = 14


@action("enqueue", "OF1.0(11)")
class Enqueue(Action):
    """Send the packet to `port` through `queue`.  Since OpenFlow 1.1: set_queue, output, pop_queue."""

    port: OfPort = wire(PORT, pad=6)
    queue: int = wire(U32)

    @classmethod
    def decode_body(cls, version: int, code: Code, data: bytes, start: int) -> Action:
        """Only real ports, IN_PORT and LOCAL have queues."""
        made = super().decode_body(version, code, data, start)
        assert isinstance(made, Enqueue)
        if made.port >= OFPP_MAX and made.port not in (OFPP_IN_PORT, OFPP_LOCAL):
            raise OpenFlowError(BadAction.BAD_OUT_PORT)
        return made

    def encode(self, version: int) -> bytes:
        """Three actions in versions that have no enqueue."""
        if version == OF10:
            return super().encode(version)
        parts = (SetQueue(self.queue), Output(self.port, MAX_LEN), PopQueue())
        return b"".join(part.encode(version) for part in parts)

    @classmethod
    def parse(cls, arg: str, names: Names) -> Action:
        """`PORT:QUEUE` or `PORT,QUEUE`."""
        found = _ENQUEUE.match(arg)
        if not found:
            raise TextError('"enqueue" syntax is "enqueue:PORT:QUEUE" or "enqueue(PORT,QUEUE)"', arg)
        port = names.ports.get(found[1])
        if port is None:
            port = names.port(found[1], "{}: enqueue to unknown port")
        return cls(port, parse_u32(found[2]))

    def format(self, names: Names) -> str:
        """`enqueue:1:2`."""
        return f"enqueue:{names.format_port(self.port)}:{self.queue}"


_ENQUEUE = pattern(r"[:,q]*([^:,q]+)[:,q](.+)", re.DOTALL)


@action("set_queue", "NX1.0(4), OF1.1+(21)")
class SetQueue(Action):
    """Put later outputs of this packet in `queue`."""

    queue: int = wire(U32)

    @classmethod
    def parse(cls, arg: str, names: Names) -> Action:
        """A number."""
        return cls(parse_u32(arg))

    def format(self, names: Names) -> str:
        """`set_queue:3`."""
        return f"set_queue:{self.queue}"


@action("pop_queue", "NX1.0+(5)")
class PopQueue(Action):
    """Go back to the queue that the packet had at first."""


@action("group", "NX1.0(40), OF1.1+(22)")
class Group(Action):
    """Put the packet through `group`."""

    group: int = wire(U32)

    @classmethod
    def parse(cls, arg: str, names: Names) -> Action:
        """A number."""
        return cls(parse_u32(arg))

    def format(self, names: Names) -> str:
        """`group:4`."""
        return f"group:{self.group}"


@action("controller", "NX1.0+(20), NX1.0+(37)")
class Controller(Action):
    """Send the packet to the controllers with connection id `controller_id`, saying why.

    With the defaults this is `Output(OFPP_CONTROLLER, max_len)`, and that is how it is parsed.  The second form,
    NXAST_CONTROLLER2, is a list of properties and carries `userdata`, `pause` and `meter_id`.
    """

    max_len: int = MAX_LEN
    controller_id: int = 0
    reason: int = OFPR_ACTION
    userdata: bytes = b""
    pause: bool = False
    meter_id: int | None = None

    def encode(self, version: int) -> bytes:
        """The short form where it suffices."""
        if not (self.userdata or self.pause or self.meter_id is not None):
            return frame(nx(20), _CONTROLLER.pack(self.max_len, self.controller_id, self.reason))
        props = b""
        if self.max_len != MAX_LEN:
            props += _PROP16.pack(0, 6, self.max_len)
        if self.controller_id:
            props += _PROP16.pack(1, 6, self.controller_id)
        if self.reason != OFPR_ACTION:
            props += struct.pack("!HHB3x", 2, 5, self.reason)
        if self.userdata:
            props += padded(struct.pack("!HH", 3, 4 + len(self.userdata)) + self.userdata)
        if self.pause:
            props += struct.pack("!HH4x", 4, 4)
        if self.meter_id is not None:
            props += struct.pack("!HHI", 5, 8, self.meter_id)
        return frame(nx(37), bytes(6) + props)

    @classmethod
    def decode_body(cls, version: int, code: Code, data: bytes, start: int) -> Action:
        """Either form."""
        if code.number == 37:
            return cls._decode_properties(data)
        if len(data) != 16:
            raise OpenFlowError(BadAction.BAD_LEN)
        max_len, controller_id, reason = _CONTROLLER.unpack_from(data, start)
        return cls(max_len, controller_id, reason)

    @classmethod
    def _decode_properties(cls, data: bytes) -> Action:
        from vswitch.openflow.properties import split_properties

        if len(data) < 16:
            raise OpenFlowError(BadAction.BAD_LEN)
        if any(data[10:16]):
            raise OpenFlowError(BadRequest.MUST_BE_ZERO)
        made = cls()
        for prop in split_properties(data[16:]):
            match prop.type:
                case 0:
                    made = made.replace(max_len=prop.u16())
                case 1:
                    made = made.replace(controller_id=prop.u16())
                case 2:
                    made = made.replace(reason=prop.u8())
                case 3:
                    made = made.replace(userdata=prop.payload)
                case 4:
                    made = made.replace(pause=True)  # being there is the message
                case 5:
                    made = made.replace(meter_id=prop.u32() or None)
                case _:
                    raise prop.unknown()
        return made

    @classmethod
    def parse(cls, arg: str, names: Names) -> Action:
        """Nothing, a max_len, or `reason=…,max_len=…,id=…,userdata=…,pause,meter_id=…`."""
        made = cls()
        if arg and arg.isascii() and arg.isdecimal():
            made = cls(parse_u16(arg, "max_len"))
        else:
            digits = ""
            for key, text in key_values(arg):
                if key == "userdata":
                    digits = text
                else:
                    made = made._with_word(key, text)
            made = made.replace(userdata=parse_hex(digits, "bad hex digit in `controller' action `userdata'"))
        if made == cls(made.max_len):
            return Output(OFPP_CONTROLLER, made.max_len)
        return made

    def _with_word(self, key: str, text: str) -> Controller:
        match key:
            case "reason":
                reason = next((number for number, name in REASONS.items() if name == text.lower()), None)
                if reason is None:
                    raise TextError(f'unknown reason "{text}"', text)
                return self.replace(reason=reason)
            case "max_len":
                return self.replace(max_len=parse_u16(text, "max_len"))
            case "id":
                return self.replace(controller_id=parse_u16(text, "id"))
            case "pause":
                return self.replace(pause=True)
            case "meter_id":
                return self.replace(meter_id=parse_u32(text) or None)
            case _:
                raise TextError(f'unknown key "{key}" parsing controller action', text)

    def format(self, names: Names) -> str:
        """`CONTROLLER:128`, or the keys that are not at their defaults."""
        if self == Controller(self.max_len):
            return f"CONTROLLER:{self.max_len}"
        words = []
        if self.reason != OFPR_ACTION:
            words.append(f"reason={REASONS.get(self.reason, self.reason)}")
        if self.max_len != MAX_LEN:
            words.append(f"max_len={self.max_len}")
        if self.controller_id:
            words.append(f"id={self.controller_id}")
        if self.userdata:
            words.append(f"userdata={format_hex(self.userdata)}")
        if self.pause:
            words.append("pause")
        if self.meter_id is not None:
            words.append(f"meter_id={self.meter_id}")
        return f"controller({','.join(words)})"


_CONTROLLER = struct.Struct("!HHBx")
_PROP16 = struct.Struct("!HHH2x")


def parse_hex(text: str, error: str) -> bytes:
    """Bytes in hexadecimal, with or without dots and blanks between them."""
    if not _HEX.fullmatch(text):
        raise TextError(error, text)
    return bytes.fromhex(text.replace(".", ""))


_HEX = pattern(r"[ .\t\r\n]*(?:[0-9a-fA-F]{2}[ .\t\r\n]*)*")


def format_hex(data: bytes) -> str:
    """Bytes in hexadecimal, with dots between them."""
    return data.hex(".")
