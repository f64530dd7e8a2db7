"""Choosing among links by a hash of the packet: bundle and multipath.

Sources: OVS nicira-ext.h (nx_action_bundle, nx_action_multipath); ovs-actions(7), "Link Aggregation and Multipath".
"""

from __future__ import annotations

import re
import struct

from vswitch.base.errors import TextError
from vswitch.base.text import parse_u16, parse_u32
from vswitch.flow.ports import OfPort, from_16, to_16
from vswitch.flow.subfield import Subfield, coded, parse_subfield
from vswitch.openflow.actions.base import Action, action, frame, nx, spelled
from vswitch.openflow.codec import Code
from vswitch.openflow.errors import BadAction, OpenFlowError
from vswitch.openflow.names import Names
from vswitch.openflow.wirefield import decode_bits, decode_nxm_header, encode_header

# enum nx_hash_fields: what is hashed.
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
_OFPORT = 0x00000002  # member type: the header of NXM_OF_IN_PORT


def _hash_field(number: int) -> str:
    if number >= len(HASH_FIELDS):
        raise OpenFlowError(BadAction.BAD_ARGUMENT)
    return HASH_FIELDS[number]


def _destination(header: bytes, ofs_nbits: int) -> Subfield:
    field = decode_nxm_header(header)
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
        dst = _destination(header, ofs_nbits) if code.number == 13 else None
        if len(data) < 32 + 2 * n:
            raise OpenFlowError(BadAction.BAD_LEN)
        if dst is None and (kind != _OFPORT or ofs_nbits or any(header) or any(data[28:32])):
            raise OpenFlowError(BadAction.BAD_ARGUMENT)
        if algorithm >= len(BUNDLE_ALGORITHMS):
            raise OpenFlowError(BadAction.BAD_ARGUMENT)
        name = _hash_field(fields)
        if dst is not None:
            dst = decode_bits(dst.field, ofs_nbits, written=True)
        members = tuple(map(from_16, struct.unpack_from(f"!{n}H", data, 32)))
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
    head, keyword, tail = arg.partition("members:")
    if not keyword:
        head, keyword, tail = arg.partition("slaves:")
    words = [word for word in re.split(r"[,\s]+", head) if word]
    if len(words) != 4 + loads or not keyword:
        raise TextError(f"{arg}: not enough arguments to bundle action", arg)
    fields, basis, algorithm, kind = words[:4]
    if fields not in HASH_FIELDS:
        raise TextError(f"{arg}: unknown fields `{fields}'", arg)
    if algorithm not in BUNDLE_ALGORITHMS:
        raise TextError(f"{arg}: unknown algorithm `{algorithm}'", arg)
    if kind != "ofport":
        raise TextError(f"{arg}: unknown member_type `{kind}'", arg)
    members = []
    for word in re.split(r"[,\s\[\]]+", tail):
        if word:
            port = names.ports.get(word)
            members.append(names.port(word, "bad port number") if port is None else port)
    dst = parse_subfield(words[4]) if loads else None
    if dst is not None and dst.n_bits < 16:
        raise TextError(f"{arg}: Destination field {words[4]} must be at least 16 bits", arg)
    return Bundle(fields, parse_u16(basis, "basis"), algorithm, tuple(members), dst)


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
        words = [word for word in re.split(r"[,\s]+", arg) if word]
        if len(words) < 6:
            raise TextError(f"{arg}: not enough arguments to multipath action", arg)
        fields, basis, algorithm, n_text, arg_text, dst_text = words[:6]
        if fields not in HASH_FIELDS:
            raise TextError(f"{arg}: unknown fields `{fields}'", arg)
        if algorithm not in MULTIPATH_ALGORITHMS:
            raise TextError(f"{arg}: unknown algorithm `{algorithm}'", arg)
        n_links, dst = parse_u32(n_text), parse_subfield(dst_text)
        if not 1 <= n_links <= 65536:
            raise TextError(f"{arg}: n_links {n_links} is not in valid range 1 to 65536", arg)
        if dst.n_bits < 16 and n_links > 1 << dst.n_bits:
            raise TextError(
                f"{arg}: {dst.n_bits}-bit destination field has {1 << dst.n_bits} possible values, "
                f"less than specified n_links {n_links}",
                arg,
            )
        return cls(fields, parse_u16(basis, "basis"), algorithm, n_links, parse_u32(arg_text), dst)

    def format(self, names: Names) -> str:
        """`multipath(eth_src,50,modulo_n,1,0,NXM_NX_REG0[])`."""
        return f"multipath({self.fields},{self.basis},{self.algorithm},{self.n_links},{self.arg},{self.dst})"
