"""Choosing among links by a hash of the packet: bundle and multipath.

Sources: OVS nicira-ext.h (nx_action_bundle, nx_action_multipath); ovs-actions(7), "Link Aggregation and Multipath".
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable

from vswitch.base.errors import TextError
from vswitch.base.pattern import pattern
from vswitch.base.scan import c_atoi
from vswitch.flow.field import Field
from vswitch.flow.ports import OFPP_CONTROLLER, OFPP_MAX, OFPP_UNSET, OfPort, from_16, to_16
from vswitch.flow.subfield import Subfield, check_short, coded, parse_typed
from vswitch.openflow.actions.base import Action, action, frame, nx, spelled
from vswitch.openflow.codec import Code
from vswitch.openflow.errors import BadAction, OpenFlowError
from vswitch.openflow.names import Names
from vswitch.openflow.wirefield import decode_bits, decode_nxm_header, encode_header

# enum nx_hash_fields: what is hashed.
# enum nx_hash_fields (NX_HASH_FIELDS_*), nx_bd_algorithm (NX_BD_ALG_*) and nx_mp_algorithm (NX_MP_ALG_*), by their numbers
HASH_FIELDS = (
    "eth_src",
    "symmetric_l4",
    "symmetric_l3l4",
    "symmetric_l3l4+udp",
    "nw_src",
    "nw_dst",
    "symmetric_l3",
)
BUNDLE_ALGORITHMS = ("active_backup", "hrw")
MULTIPATH_ALGORITHMS = ("modulo_n", "hash_threshold", "hrw", "iter_hash")
_BUNDLE = struct.Struct("!HHHIHH4s4x")
_MULTIPATH = struct.Struct("!HHxxHHIxxH4s")
_MAX_MEMBERS = 2048
_OFPORT = 0x00000002  # member type: the header of NXM_OF_IN_PORT


def _hash_field(number: int) -> str:
    if number >= len(HASH_FIELDS):
        raise OpenFlowError(BadAction.BAD_ARGUMENT)
    return HASH_FIELDS[number]


def _destination(field: Field, ofs_nbits: int) -> Subfield:
    if ofs_nbits & 63 < 15:
        raise OpenFlowError(BadAction.BAD_ARGUMENT, "fewer than 16 bits")
    return decode_bits(field, ofs_nbits)


@action("bundle", "NX1.0+(12), NX1.0+(13)")
class Bundle(Action):
    """Choose a live port of `members`; send the packet there or, with `dst`, put the port's number into it."""

    fields: str
    basis: int
    algorithm: str
    members: tuple[OfPort, ...]
    dst: Subfield | None = None

    def encode(self, version: int) -> bytes:
        """Two action numbers for one layout."""
        ofs_nbits, header = 0, bytes(4)
        if self.dst is not None:
            dst = coded(self.dst)
            ofs_nbits, header = dst.start << 6 | dst.n_bits - 1, encode_header(dst.field, None)
        numbers = BUNDLE_ALGORITHMS.index(self.algorithm), HASH_FIELDS.index(self.fields), self.basis
        fixed = _BUNDLE.pack(*numbers, _OFPORT, len(self.members), ofs_nbits, header)
        ports = struct.pack(f"!{len(self.members)}H", *map(to_16, self.members))
        return frame(nx(12 if self.dst is None else 13), fixed + ports)

    @classmethod
    def decode_body(cls, version: int, code: Code, data: bytes, start: int) -> Action:
        """Refuse what is not a list of ports."""
        if len(data) < 32:
            raise OpenFlowError(BadAction.BAD_LEN)
        algorithm, fields, basis, kind, n, ofs_nbits, header = _BUNDLE.unpack_from(data, start)
        field = decode_nxm_header(header) if code.number == 13 else None
        if len(data) < 32 + 2 * n:
            raise OpenFlowError(BadAction.BAD_LEN)
        dst = _destination(field, ofs_nbits) if field is not None else None
        if dst is None and (kind != _OFPORT or ofs_nbits or any(header) or any(data[28:32])):
            raise OpenFlowError(BadAction.BAD_ARGUMENT)
        if algorithm >= len(BUNDLE_ALGORITHMS):
            raise OpenFlowError(BadAction.BAD_ARGUMENT)
        name = _hash_field(fields)
        if dst is not None:
            dst = decode_bits(dst.field, ofs_nbits, written=True)
        members = tuple(map(from_16, struct.unpack_from(f"!{n}H", data, 32)))
        if any(OFPP_MAX <= port <= OFPP_UNSET or port == OFPP_CONTROLLER for port in members):
            raise OpenFlowError(BadAction.BAD_OUT_PORT)
        return cls(name, basis, BUNDLE_ALGORITHMS[algorithm], members, dst)

    @classmethod
    def parse(cls, arg: str, names: Names) -> Action:
        """`FIELDS,BASIS,ALGORITHM,ofport,members:PORT…`."""
        return _parse_bundle(arg, names, loads=False)

    def format(self, names: Names) -> str:
        """`bundle(eth_src,0,hrw,ofport,members:4,8)`."""
        members = ",".join(map(names.format_port, self.members))
        head = f"{self.fields},{self.basis},{self.algorithm},ofport"
        if self.dst is None:
            return f"bundle({head},members:{members})"
        return f"bundle_load({head},{self.dst},members:{members})"


def _parse_bundle(arg: str, names: Names, loads: bool) -> Bundle:
    found = (_BUNDLE_LOAD_TEXT if loads else _BUNDLE_TEXT).match(arg)
    if not found:
        raise TextError(f"{arg}: not enough arguments to bundle action", arg)
    fields, basis, algorithm, kind, *target, keyword, tail = found.groups()
    if keyword.lower() not in ("members", "slaves"):
        raise TextError(f"{arg}: missing member delimiter, expected `members', got `{keyword}'", arg)
    members = [_member(word, names) for word in re.split(r"[, \[\]]+", tail)[:_MAX_MEMBERS] if word]
    _check_known(arg, fields, "fields", HASH_FIELDS)
    _check_known(arg, algorithm, "algorithm", BUNDLE_ALGORITHMS)
    _check_known(arg, kind, "member_type", ("ofport",))
    dst = parse_typed(target[0]) if loads else None
    if dst is not None:
        check_short(dst, arg, target[0])
    return Bundle(fields.lower(), c_atoi(basis, 16), algorithm.lower(), tuple(members), dst)


_WORD = r"[, ]*+([^, ]++)"  # one of several, with what separates it from the one before
_KEYWORD = r"[, ][: ]*+([^: ]++)[: ]?(.*)\Z"
_BUNDLE_TEXT = pattern(_WORD * 4 + _KEYWORD, re.DOTALL)
_BUNDLE_LOAD_TEXT = pattern(_WORD * 5 + _KEYWORD, re.DOTALL)
_MULTIPATH_TEXT = pattern(_WORD * 6, re.DOTALL)


def _member(text: str, names: Names) -> OfPort:
    port = names.ports.get(text)
    return names.port(text, "{}: bad port number") if port is None else port


def _check_known(arg: str, word: str, what: str, known: Iterable[str]) -> None:
    if word.lower() not in known:
        raise TextError(f"{arg}: unknown {what} `{word}'", arg)


@spelled("bundle_load")
def _bundle_load(arg: str, names: Names) -> Action:
    return _parse_bundle(arg, names, loads=True)


@action("multipath", "NX1.0+(10)")
class Multipath(Action):
    """Put the number of one of `n_links` links, chosen by a hash, into `dst`."""

    fields: str
    basis: int
    algorithm: str
    n_links: int
    arg: int
    dst: Subfield

    def encode(self, version: int) -> bytes:
        """The number of links is one more than on the wire."""
        dst = coded(self.dst)
        ofs_nbits, header = dst.start << 6 | dst.n_bits - 1, encode_header(dst.field, None)
        algorithm = MULTIPATH_ALGORITHMS.index(self.algorithm)
        numbers = HASH_FIELDS.index(self.fields), self.basis, algorithm, self.n_links - 1, self.arg
        return frame(nx(10), _MULTIPATH.pack(*numbers, ofs_nbits, header))

    @classmethod
    def decode_body(cls, version: int, code: Code, data: bytes, start: int) -> Action:
        """Refuse more links than `dst` can count."""
        if len(data) != 32:
            raise OpenFlowError(BadAction.BAD_LEN)
        fields, basis, algorithm, max_link, arg, ofs_nbits, header = _MULTIPATH.unpack_from(data, start)
        field = decode_nxm_header(header)
        if algorithm >= len(MULTIPATH_ALGORITHMS) or max_link >= 2 << (ofs_nbits & 63):
            raise OpenFlowError(BadAction.BAD_ARGUMENT)
        name = _hash_field(fields)
        dst = decode_bits(field, ofs_nbits, written=True)
        return cls(name, basis, MULTIPATH_ALGORITHMS[algorithm], max_link + 1, arg, dst)

    @classmethod
    def parse(cls, arg: str, names: Names) -> Action:
        """`FIELDS,BASIS,ALGORITHM,N_LINKS,ARG,DST`."""
        found = _MULTIPATH_TEXT.match(arg)
        if not found:
            raise TextError(f"{arg}: not enough arguments to multipath action", arg)
        fields, basis, algorithm, n_text, arg_text, dst_text = found.groups()
        _check_known(arg, fields, "fields", HASH_FIELDS)
        _check_known(arg, algorithm, "algorithm", MULTIPATH_ALGORITHMS)
        n_links = (c_atoi(n_text) ^ 1 << 31) - (1 << 31)  # with its sign
        if not 1 <= n_links <= 65536:
            raise TextError(f"{arg}: n_links {n_links} is not in valid range 1 to 65536", arg)
        dst = parse_typed(dst_text)
        check_short(dst, arg, dst_text)
        if dst.n_bits < 16 and n_links > 1 << dst.n_bits:
            raise TextError(
                f"{arg}: {dst.n_bits}-bit destination field has {1 << dst.n_bits} possible values, "
                f"less than specified n_links {n_links}",
                arg,
            )
        return cls(fields.lower(), c_atoi(basis, 16), algorithm.lower(), n_links, c_atoi(arg_text), dst)

    def format(self, names: Names) -> str:
        """`multipath(eth_src,50,modulo_n,1,0,NXM_NX_REG0[])`."""
        return f"multipath({self.fields},{self.basis},{self.algorithm},{self.n_links},{self.arg},{self.dst})"
