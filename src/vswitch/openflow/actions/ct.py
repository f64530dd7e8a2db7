"""Connection tracking: ct, and nat inside it.

Sources: OVS nicira-ext.h (nx_action_conntrack, nx_action_nat); ovs-actions(7), "Firewalling Actions".
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping

from vswitch.base.errors import TextError
from vswitch.base.pattern import pattern
from vswitch.base.scan import Number, scan
from vswitch.base.text import format_ipv4, format_ipv6, key_values, leading_ipv4, parse_ipv6, parse_u16
from vswitch.flow.subfield import Subfield, coded, parse_typed
from vswitch.openflow.actions.base import (
    CONNECTION,
    Action,
    action,
    decode_nested,
    encode_actions,
    format_actions,
    frame,
    nx,
)
from vswitch.openflow.codec import Code
from vswitch.openflow.errors import BadAction, OpenFlowError
from vswitch.openflow.names import Names
from vswitch.openflow.wirefield import decode_bits, decode_nxm_header, encode_header

_CT = struct.Struct("!H4sHB3xH")
# enum nx_conntrack_flags (NX_CT_F_*)
_COMMIT, _FORCE = 1, 2
NO_RECIRC = 0xFF  # as table: the packet does not come back
_ALGS: Mapping[int, str] = {21: "ftp", 69: "tftp"}


@action("ct", "NX1.0+(35)")
class Ct(Action):
    """Send the packet through the connection tracker, in `zone`; with `table`, a copy goes on there, tracked.

    `actions` (exec) are done to the connection when it is committed; a nat among them stands first.
    """

    commit: bool = False
    force: bool = False
    table: int = NO_RECIRC
    zone: int | Subfield = 0
    alg: int = 0  # port of the protocol whose helper is wanted
    actions: tuple[Action, ...] = ()
    other_flags: int = 0  # those that have no meaning here; they are kept

    def encode(self, version: int) -> bytes:
        """The fixed part, then the actions."""
        flags = _COMMIT * self.commit | _FORCE * self.force | self.other_flags
        if isinstance(self.zone, Subfield):
            zone = coded(self.zone)
            source = encode_header(zone.field, None), zone.start << 6 | zone.n_bits - 1
        else:
            source = bytes(4), self.zone
        body = _CT.pack(flags, *source, self.table, self.alg) + encode_actions(version, self.actions)
        return frame(nx(35), body)

    @classmethod
    def decode_body(cls, version: int, code: Code, data: bytes, start: int) -> Action:
        """Refuse actions that exec cannot have."""
        if len(data) < 24:
            raise OpenFlowError(BadAction.BAD_LEN)
        flags, source, zone_bits, table, alg = _CT.unpack_from(data, start)
        if flags & _FORCE and not flags & _COMMIT:
            raise OpenFlowError(BadAction.BAD_ARGUMENT)
        zone: int | Subfield = zone_bits
        if any(source):
            zone = decode_bits(decode_nxm_header(source), zone_bits)
            if zone.n_bits != 16:
                raise OpenFlowError(BadAction.BAD_SET_LEN)
        actions = decode_nested(version, data[24:])
        others = flags & ~(_COMMIT | _FORCE)
        made = cls(bool(flags & _COMMIT), bool(flags & _FORCE), table, zone, alg, actions, others)
        for item in actions:
            if wrong := misplaced(item, "ct"):
                raise OpenFlowError(BadAction.BAD_ARGUMENT, wrong)
            if not made.commit and item != Nat():
                raise OpenFlowError(BadAction.BAD_ARGUMENT, "only a commit changes the connection")
        return made

    @classmethod
    def parse(cls, arg: str, names: Names) -> Action:
        """`commit,force,table=1,zone=5,nat(…),exec(…),alg=ftp`."""
        made = cls()
        for key, text in key_values(arg):
            match key:
                case "commit":
                    made = made.replace(commit=True)
                case "force":
                    made = made.replace(force=True)
                case "table":
                    made = made.replace(table=_parse_table(text, names))
                case "zone":
                    made = made.replace(zone=_parse_zone(text))
                case "alg":
                    made = made.replace(alg=_parse_alg(text))
                case "nat":
                    made = made.replace(actions=(*made.actions, Nat.parse(text, names)))
                case "exec":
                    from vswitch.openflow.actions.text import parse_actions

                    made = made.replace(actions=made.actions + parse_actions(text, names, outer="ct"))
                case _:
                    raise TextError(f'invalid argument to "ct" action: `{key}\'', arg)
        if made.force and not made.commit:
            raise TextError('"force" flag requires "commit" flag.', arg)
        return made

    def format(self, names: Names) -> str:
        """Without parts that are at their defaults."""
        return f"ct({','.join(self._words(names))})"

    def _words(self, names: Names) -> Iterator[str]:
        if self.commit:
            yield "commit"
        if self.force:
            yield "force"
        if self.table != NO_RECIRC:
            yield f"table={names.format_table(self.table)}"
        if self.zone:
            yield f"zone={self.zone}"
        actions = self.actions
        if actions and isinstance(actions[0], Nat):
            yield actions[0].format(names)
            actions = actions[1:]
        if actions:
            yield f"exec({format_actions(actions, names)})"
        if self.alg:
            yield f"alg={_ALGS.get(self.alg, self.alg)}"


_KINDS = {
    "load": "set_field",
    "pop_vlan": "strip_vlan",
    "mod_vlan_vid": "set_vlan_vid",
    "mod_vlan_pcp": "set_vlan_pcp",
}


def kind(item: Action) -> str:
    """The name of what an action does, which may have other names in text."""
    return _KINDS.get(item.name, item.name)


def misplaced(item: Action, outer: str) -> str:
    """What is wrong with an action in another one, or in none; empty: nothing."""
    if isinstance(item, Nat):
        return "" if outer == "ct" else 'Cannot have NAT action outside of "ct" action'
    target = item.target
    if outer != "ct":
        return "cannot set CT fields outside of ct action" if target in CONNECTION else ""
    if target is None:
        return f"ct action doesn't support nested action {kind(item)}"
    if target not in CONNECTION:
        return f"ct action doesn't support nested modification of {target.name}"
    return ""


def _parse_table(text: str, names: Names) -> int:
    table = names.table(text)
    if table is None:
        raise TextError(f"unknown table {text}", text)
    if table == NO_RECIRC:
        raise TextError("invalid table 0xff", text)
    return table


def _parse_zone(text: str) -> int | Subfield:
    try:
        return parse_u16(text, "zone")
    except TextError:
        return parse_typed(text)


def _parse_alg(text: str) -> int:
    alg = next((port for port, name in _ALGS.items() if name == text), None)
    if alg is None:
        raise TextError(f'invalid conntrack helper "{text}"', text)
    return alg


_SRC, _DST, _PERSISTENT, _HASH, _RANDOM = (1 << n for n in range(5))
_IPV4_MIN, _IPV4_MAX, _IPV6_MIN, _IPV6_MAX, _PROTO_MIN, _PROTO_MAX = (1 << n for n in range(6))
_NAT = struct.Struct("!2xHH")
# Parts of a range on the wire, in their order: bit, size in bytes.
_PARTS = ((_IPV4_MIN, 4), (_IPV4_MAX, 4), (_IPV6_MIN, 16), (_IPV6_MAX, 16), (_PROTO_MIN, 2), (_PROTO_MAX, 2))


@action("nat", "NX1.0+(36)")
class Nat(Action):
    """Translate addresses: of a new connection to the range given, of an old one as it was.

    In text a range has a `max` only if it is not one address or port.
    """

    flags: int = 0  # NX_NAT_F_*: source, destination, persistent, hash, random
    ip_version: int = 0  # of the addresses: 4, 6, or 0 for none
    ip_min: int = 0
    ip_max: int | None = None
    port_min: int | None = None
    port_max: int | None = None

    def _parts(self) -> dict[int, int]:
        parts: dict[int, int] = {}
        if self.ip_version:
            low, high = (_IPV4_MIN, _IPV4_MAX) if self.ip_version == 4 else (_IPV6_MIN, _IPV6_MAX)
            parts |= {low: self.ip_min, high: self.ip_max or 0}
        parts |= {_PROTO_MIN: self.port_min or 0, _PROTO_MAX: self.port_max or 0}
        return {bit: number for bit, number in parts.items() if number}

    def encode(self, version: int) -> bytes:
        """Only the parts that are not zero, which Open vSwitch takes for none."""
        parts = self._parts()
        body = b"".join(parts[bit].to_bytes(size, "big") for bit, size in _PARTS if bit in parts)
        return frame(nx(36), _NAT.pack(self.flags, sum(parts)) + body)

    @classmethod
    def decode_body(cls, version: int, code: Code, data: bytes, start: int) -> Action:
        """Both versions of IP cannot be meant."""
        if len(data) < 16:
            raise OpenFlowError(BadAction.BAD_LEN)
        flags, present = _NAT.unpack_from(data, start)
        _check_nat(flags, present)
        at, parts = 16, {}
        for bit, size in _PARTS:
            if present & bit:
                if at + size > len(data):
                    raise OpenFlowError(BadAction.BAD_ARGUMENT, "the range is cut off")
                parts[bit] = int.from_bytes(data[at : at + size], "big")
                at += size
        ip_version = 4 if _IPV4_MIN in parts else 6 if _IPV6_MIN in parts else 0
        ip_min = parts.get(_IPV4_MIN, parts.get(_IPV6_MIN))
        ip_max = parts.get(_IPV4_MAX, parts.get(_IPV6_MAX))
        ports = parts.get(_PROTO_MIN), parts.get(_PROTO_MAX)
        if ports[0] is not None and not ip_version:
            raise OpenFlowError(BadAction.BAD_ARGUMENT, "ports without addresses")
        return cls(flags, ip_version, ip_min or 0, _end(ip_min, ip_max), ports[0], _end(*ports))

    @classmethod
    def parse(cls, arg: str, names: Names) -> Action:
        """`src=1.1.1.1-1.1.1.9:80-90,persistent,hash,random`."""
        made = cls()
        for key, text in key_values(arg):
            if key in ("src", "dst"):
                made = _with_range(made.replace(flags=made.flags | (_SRC if key == "src" else _DST)), text)
            elif key in _NAT_FLAGS:
                made = made.replace(flags=made.flags | _NAT_FLAGS[key])
            else:
                raise TextError(f'invalid key "{key}" in "nat" argument', arg)
        if made.flags & _SRC and made.flags & _DST:
            raise TextError('May only specify one of "src" or "dst".', arg)
        if not made.flags & (_SRC | _DST) and (made.ip_version or made.flags):
            raise TextError('Flags allowed only with "src" or "dst".' if made.flags else "No range", arg)
        if made.flags & _HASH and made.flags & _RANDOM:
            raise TextError('Both "hash" and "random" are not allowed.', arg)
        return made

    def format(self, names: Names) -> str:
        """`nat`, `nat(src=1.1.1.1:80)`."""
        if not self.flags & (_SRC | _DST):
            return "nat"
        words = ["src" if self.flags & _SRC else "dst"]
        if self.ip_version or self.port_min is not None:
            words[0] += "=" + self._range()
            words += [name for name, bit in _NAT_FLAGS.items() if self.flags & bit]
        return f"nat({','.join(words)})"

    def _range(self) -> str:
        text = ""
        if self.ip_version:
            write = format_ipv4 if self.ip_version == 4 else format_ipv6
            ips = [write(self.ip_min)] + ([] if self.ip_max in (None, self.ip_min) else [write(self.ip_max)])
            if self.ip_version == 6 and self.port_min is not None:
                ips = [f"[{ip}]" for ip in ips]
            text = "-".join(ips)
        if self.port_min is not None:
            text += f":{self.port_min}"
            text += "" if self.port_max in (None, self.port_min) else f"-{self.port_max}"
        return text


def _end(low: int | None, high: int | None) -> int | None:
    """The last of a range from the wire; None if it is not said, or there is no range."""
    if low == 0 or (low is not None and high is not None and high < low):
        raise OpenFlowError(BadAction.BAD_ARGUMENT, "the range is empty")
    return high


_NAT_FLAGS = {"persistent": _PERSISTENT, "hash": _HASH, "random": _RANDOM}


def _check_nat(flags: int, present: int) -> None:
    v4, v6, proto = (present >> shift & 3 for shift in (0, 2, 4))
    backwards = any(bits == 2 for bits in (v4, v6, proto))
    unknown = flags & ~(_SRC | _DST | _PERSISTENT | _HASH | _RANDOM)
    if (
        unknown
        or (v4 and v6)
        or backwards
        or (flags & _SRC and flags & _DST)
        or (flags & _HASH and flags & _RANDOM)
    ):
        raise OpenFlowError(BadAction.BAD_ARGUMENT)


_PORT = (Number(10, 16),)
_IPV6_TEXT = pattern(r"\[?([0-9a-fA-F:.]{1,46})(\]?)")


def _with_range(nat: Nat, text: str) -> Nat:
    """`nat` with the range `IP[-IP][:PORT[-PORT]]`; IPv6 addresses before ports stand in brackets."""
    nat = nat.replace(ip_version=0, ip_min=0, ip_max=None)
    kind, ip_min, end = _leading_address(text)
    if kind:
        ip_max = None
        if text.startswith("-", end):
            also, ip_max, end = _leading_address(text, end + 1, kind)
            if also != kind or ip_max < ip_min:
                raise TextError(f'invalid nat range "{text}"', text)
        nat = nat.replace(ip_version=kind, ip_min=ip_min, ip_max=None if ip_max == ip_min else ip_max)
        if text.startswith(":", end):
            nat, end = _with_ports(nat, text, end + 1)
    if end != len(text):
        raise TextError(f'garbage ({text[end:]}) after nat range "{text}" (pos: {end})', text)
    return nat


def _with_ports(nat: Nat, text: str, at: int) -> tuple[Nat, int]:
    """`nat` with the ports that begin at `at`, and where they end."""
    found = scan(text, _PORT, at)
    last = None
    if found and text.startswith("-", found[1]):
        last = scan(text, _PORT, found[1] + 1)
        if last is None or last[0] < found[0]:
            found = None
    if found is None:
        raise TextError(f'invalid nat range "{text}"', text)
    (low,), end = found
    if last is None:
        return nat.replace(port_min=low, port_max=None), end
    (high,), end = last
    return nat.replace(port_min=low, port_max=None if high == low else high), end


def _leading_address(text: str, at: int = 0, kind: int = 0) -> tuple[int, int, int]:
    """The version (0: none) and number of the address that begins at `at`, and where it ends."""
    found = leading_ipv4(text, at) if kind != 6 else None
    if found:
        return 4, *found
    six = _IPV6_TEXT.match(text, at) if kind != 4 else None
    if not six or (text[at] == "[") != bool(six[2]):
        return 0, 0, at
    try:
        return 6, parse_ipv6(six[1]), six.end()
    except TextError:
        return 0, 0, six.end()
