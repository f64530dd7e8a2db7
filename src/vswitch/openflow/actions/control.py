"""Actions that steer: other tables, tunnels, notes, conjunctions, clones and ends.

Sources: ovs-actions(7), "Firewalling", "Programming and Branching", "Other Actions".
"""

from __future__ import annotations

import struct

from vswitch.base.errors import TextError
from vswitch.base.pattern import pattern
from vswitch.base.scan import Number, scan
from vswitch.base.text import key_values, parse_u16, parse_u64
from vswitch.flow.fields import TUN_ID
from vswitch.flow.ports import OFPP_IN_PORT, OfPort, from_16, to_16
from vswitch.flow.texts import hexadecimal
from vswitch.openflow.actions.base import (
    Action,
    action,
    decode_actions,
    encode_actions,
    format_actions,
    frame,
    nx,
    spelled,
)
from vswitch.openflow.codec import U16, Code
from vswitch.openflow.errors import BadAction, OpenFlowError
from vswitch.openflow.names import Names
from vswitch.openflow.value import wire
from vswitch.openflow.version import OF12

TABLE_SAME = 0xFF  # resubmit: the table that the action is in


@action("resubmit", "NX1.0+(1), NX1.0+(14), NX1.0+(44)")
class Resubmit(Action):
    """Look the packet up again in `table` as if it had come in by `in_port`, and execute what is found there."""

    in_port: OfPort = OFPP_IN_PORT
    table: int = TABLE_SAME
    ct: bool = False  # match on the original direction's tuple of the connection
    plain: bool = False  # it came in the form that cannot name a table

    def encode(self, version: int) -> bytes:
        """The form that it came in, if that can say it; the one that names a table, even if it is the same."""
        if self.plain and self.table == TABLE_SAME and not self.ct:
            return frame(nx(1), struct.pack("!H4x", to_16(self.in_port)))
        return frame(nx(44 if self.ct else 14), struct.pack("!HB3x", to_16(self.in_port), self.table))

    @classmethod
    def decode_body(cls, version: int, code: Code, data: bytes, start: int) -> Action:
        """All three forms have the same fields; the first ignores the table."""
        if len(data) != 16:
            raise OpenFlowError(BadAction.BAD_LEN)
        port, table = struct.unpack_from("!HB", data, 10)
        if code.number == 1:
            return cls(from_16(port), plain=True)
        if any(data[13:]):
            raise OpenFlowError(BadAction.BAD_ARGUMENT)
        return cls(from_16(port), table, code.number == 44)

    @classmethod
    def parse(cls, arg: str, names: Names) -> Action:
        """`PORT`, `(PORT,TABLE)` or `(PORT,TABLE,ct)`, where port or table may be empty."""
        port_text, table_text, ct_text = [*arg.split(",", 3), "", ""][:3]
        in_port, table = OFPP_IN_PORT, TABLE_SAME
        if port_text:
            in_port = names.port(port_text, "{}: resubmit to unknown port")
        if table_text:
            found = names.table(table_text)
            if found is None:
                raise TextError(f"{table_text}: resubmit to unknown table", arg)
            table = found
        if ct_text not in ("", "ct"):
            raise TextError(f"{ct_text}: unknown parameter", arg)
        if in_port == OFPP_IN_PORT and table == TABLE_SAME:
            raise TextError('at least one "in_port" or "table" must be specified on resubmit', arg)
        return cls(in_port, table, bool(ct_text))

    def format(self, names: Names) -> str:
        """`resubmit:1`, `resubmit(,2)`, `resubmit(1,2,ct)`."""
        if self.table == TABLE_SAME and not self.ct and self.in_port != OFPP_IN_PORT:
            return f"resubmit:{names.format_port(self.in_port)}"
        port = "" if self.in_port == OFPP_IN_PORT else names.format_port(self.in_port)
        table = "" if self.table == TABLE_SAME else names.format_table(self.table)
        return f"resubmit({port},{table}{',ct' if self.ct else ''})"


@action("set_tunnel", "NX1.0+(2), NX1.0+(9)")
class SetTunnel(Action):
    """Set the tunnel key; `wide` is the form of 64 bits, which larger keys need in any case."""

    tun_id: int
    wide: bool = False

    def encode(self, version: int) -> bytes:
        """set_field since OpenFlow 1.2; before, 32 bits if they suffice."""
        if version >= OF12:
            from vswitch.openflow.actions.register import encode_set_field

            return encode_set_field(version, TUN_ID, self.tun_id)
        if self.wide or self.tun_id > 0xFFFFFFFF:
            return frame(nx(9), struct.pack("!6xQ", self.tun_id))
        return frame(nx(2), struct.pack("!2xI", self.tun_id))

    @classmethod
    def decode_body(cls, version: int, code: Code, data: bytes, start: int) -> Action:
        """Either form."""
        if len(data) != (24 if code.number == 9 else 16):
            raise OpenFlowError(BadAction.BAD_LEN)
        if code.number == 9:
            return cls(int.from_bytes(data[16:], "big"), wide=True)
        return cls(int.from_bytes(data[12:], "big"))

    @classmethod
    def parse(cls, arg: str, names: Names) -> Action:
        """A number."""
        return cls(parse_u64(arg))

    def format(self, names: Names) -> str:
        """`set_tunnel:0x5`, `set_tunnel64:0x5`."""
        return f"set_tunnel{'64' if self.wide or self.tun_id > 0xFFFFFFFF else ''}:{hexadecimal(self.tun_id)}"


@spelled("set_tunnel64")
def _set_tunnel64(arg: str, names: Names) -> Action:
    return SetTunnel(parse_u64(arg), wide=True)


@action("note", "NX1.0+(8)")
class Note(Action):
    """Do nothing; carry `data` for whoever reads the flow."""

    data: bytes

    def encode(self, version: int) -> bytes:
        """Padded with zeros that become part of the note."""
        return frame(nx(8), self.data)

    @classmethod
    def decode_body(cls, version: int, code: Code, data: bytes, start: int) -> Action:
        """All of the action is the note."""
        return cls(data[start:])

    @classmethod
    def parse(cls, arg: str, names: Names) -> Action:
        """Hexadecimal digits, with or without a dot before each pair."""
        if not _NOTE.fullmatch(arg):
            raise TextError("bad hex digit in `note' argument", arg)
        return cls(bytes.fromhex(arg.replace(".", "")))

    def format(self, names: Names) -> str:
        """`note:01.02`."""
        return f"note:{self.data.hex('.')}"


_NOTE = pattern(r"(?:\.*[0-9a-fA-F]{2})*\.*")


@action("exit", "NX1.0+(17)")
class Exit(Action):
    """Stop executing actions, those of the flows that resubmitted here included."""


@action("fin_timeout", "NX1.0+(19)")
class FinTimeout(Action):
    """When a TCP packet with FIN or RST passes, lower the flow's timeouts to these, in seconds; 0 leaves one alone."""

    idle_timeout: int = wire(U16, default=0)
    hard_timeout: int = wire(U16, pad=2, default=0)

    @classmethod
    def parse(cls, arg: str, names: Names) -> Action:
        """`idle_timeout=3,hard_timeout=4`."""
        made = cls()
        for key, text in key_values(arg):
            if key not in cls.__match_args__:
                raise TextError(f"invalid key '{key}' in 'fin_timeout' argument", arg)
            made = made.replace(**{key: parse_u16(text, key)})
        return made

    def format(self, names: Names) -> str:
        """`fin_timeout(idle_timeout=3)`."""
        words = [f"{name}={getattr(self, name)}" for name in self.__match_args__ if getattr(self, name)]
        return f"fin_timeout({','.join(words)})"


@action("conjunction", "NX1.0+(34)")
class Conjunction(Action):
    """This flow is dimension `clause` (from 0) of `n_clauses` of the conjunctive match `id`."""

    id: int
    clause: int
    n_clauses: int

    def encode(self, version: int) -> bytes:
        """Clause and number in one byte each."""
        return frame(nx(34), struct.pack("!BBI", self.clause, self.n_clauses, self.id))

    @classmethod
    def decode_body(cls, version: int, code: Code, data: bytes, start: int) -> Action:
        """Refuse fewer than 2 clauses and more than 64."""
        if len(data) != 16:
            raise OpenFlowError(BadAction.BAD_LEN)
        clause, n_clauses, id_ = struct.unpack_from("!BBI", data, 10)
        if not 2 <= n_clauses <= 64 or clause >= n_clauses:
            raise OpenFlowError(BadAction.BAD_CONJUNCTION)
        return cls(id_, clause, n_clauses)

    @classmethod
    def parse(cls, arg: str, names: Names) -> Action:
        """`ID, K/N` with K from 1."""
        found = scan(arg, _CONJUNCTION)
        if found is None or found[1] != len(arg):
            raise TextError('"conjunction" syntax is "conjunction(id,i/n)"', arg)
        id_, clause, n_clauses = found[0]
        wrong = ""
        if n_clauses < 2:
            wrong = "conjunction must have at least 2 clauses"
        elif n_clauses > 64:
            wrong = "conjunction must have at most 64 clauses"
        elif clause < 1:
            wrong = "clause index must be positive"
        elif clause > n_clauses:
            wrong = "clause index must be less than or equal to number of clauses"
        if wrong:
            raise TextError(wrong, arg)
        return cls(id_, clause - 1, n_clauses)

    def format(self, names: Names) -> str:
        """`conjunction(5,1/2)`."""
        return f"conjunction({self.id},{self.clause + 1}/{self.n_clauses})"


_CONJUNCTION = (Number(0, 32), " , ", Number(10, 8), " / ", Number(10, 8), " ")


@action("clone", "NX1.0+(42)")
class Clone(Action):
    """Execute `actions` on a copy of the packet and its pipeline state."""

    actions: tuple[Action, ...] = ()

    def encode(self, version: int) -> bytes:
        """The actions, aligned to 8 bytes after the header."""
        return frame(nx(42), bytes(6) + encode_actions(version, self.actions))

    @classmethod
    def decode_body(cls, version: int, code: Code, data: bytes, start: int) -> Action:
        """The actions follow a header of 16 bytes."""
        return cls(decode_actions(version, data[16:]))

    @classmethod
    def parse(cls, arg: str, names: Names) -> Action:
        """A list of actions."""
        from vswitch.openflow.actions.text import parse_actions

        return cls(parse_actions(arg, names, outer="clone"))

    def format(self, names: Names) -> str:
        """`clone(…)`."""
        return f"clone({format_actions(self.actions, names)})"


@action("ct_clear", "NX1.0+(43)")
class CtClear(Action):
    """Forget what conntrack said about the packet."""


@action("dec_nsh_ttl", "NX1.3+(48)")
class DecNshTtl(Action):
    """Decrement the TTL of the NSH header."""

    def encode(self, version: int) -> bytes:
        """Nothing but a number; also where a version has no such action, and will say so."""
        return frame(nx(48), b"")


class Debugging(Action):
    """Base of actions with which Open vSwitch's developers test Open vSwitch.

    Texts name them and messages carry them, but only a switch that is under test itself performs them.  To others, to
    ours, and to who prints messages, they are unknown, though of a length that everybody knows.
    """

    @classmethod
    def decode_body(cls, version: int, code: Code, data: bytes, start: int) -> Action:
        """Refuse it: nobody here is under test."""
        if len(data) != 16:
            raise OpenFlowError(BadAction.BAD_LEN)
        raise OpenFlowError(BadAction.BAD_VENDOR_TYPE, f"{cls.name} is for tests of Open vSwitch")


@action("debug_recirc", "NX1.0+(255)")
class DebugRecirc(Debugging):
    """Pass the packet through the datapath once more, and go on with what follows."""


@action("debug_slow", "NX1.0+(254)")
class DebugSlow(Debugging):
    """Keep the packet, and those like it, out of the datapath's fast path."""
