"""Sampling for IPFIX.

Sources: OVS nicira-ext.h (nx_action_sample and on); ovs-actions(7), sample.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from vswitch.base.errors import TextError
from vswitch.base.text import key_values, parse_u16, parse_u32
from vswitch.flow.ports import OFPP_NONE, OfPort, from_16, to_16
from vswitch.flow.subfield import Subfield, coded, find_field, parse_typed
from vswitch.openflow.actions.base import Action, action, frame, nx
from vswitch.openflow.codec import Code
from vswitch.openflow.errors import BadAction, BadRequest, OpenFlowError
from vswitch.openflow.names import Names
from vswitch.openflow.wirefield import decode_bits, decode_nxm_header, encode_header

_SAMPLE = struct.Struct("!HIII")
_SAMPLE2 = struct.Struct("!HIIIHB5x")
_SAMPLE4 = struct.Struct("!HI4sI4sIHB5x")
DEFAULT, INGRESS, EGRESS = range(3)
_DIRECTIONS = {INGRESS: "ingress", EGRESS: "egress"}


@action("sample", "NX1.0+(29), NX1.0+(38), NX1.0+(41), NX1.0+(51)")
class Sample(Action):
    """Sample `probability` of 65535 packets for the IPFIX collectors of `collector_set_id`."""

    probability: int
    collector_set_id: int = 0
    obs_domain_id: int | Subfield = 0
    obs_point_id: int | Subfield = 0
    sampling_port: OfPort = OFPP_NONE
    direction: int = DEFAULT

    def encode(self, version: int) -> bytes:
        """The oldest form that can say it."""
        ids = self.obs_domain_id, self.obs_point_id
        port = to_16(self.sampling_port)
        if isinstance(ids[0], Subfield) or isinstance(ids[1], Subfield):
            sources = (part for id_ in ids for part in _encode_id(id_))
            body = _SAMPLE4.pack(self.probability, self.collector_set_id, *sources, port, self.direction)
            return frame(nx(51), body)
        head = self.probability, self.collector_set_id, *ids
        if self.sampling_port == OFPP_NONE and self.direction == DEFAULT:
            return frame(nx(29), _SAMPLE.pack(*head))
        return frame(nx(41 if self.direction else 38), _SAMPLE2.pack(*head, port, self.direction))

    @classmethod
    def decode_body(cls, version: int, code: Code, data: bytes, start: int) -> Action:
        """Any of the four forms."""
        if len(data) != {29: 24, 38: 32, 41: 32, 51: 40}[code.number]:
            raise OpenFlowError(BadAction.BAD_LEN)
        if code.number == 29:
            made = cls(*_SAMPLE.unpack_from(data, start))
        elif code.number == 51:
            probability, set_id, src1, bits1, src2, bits2, port, direction = _SAMPLE4.unpack_from(data, start)
            domain_id, point_id = _decode_id(src1, bits1), _decode_id(src2, bits2)
            made = cls(probability, set_id, domain_id, point_id, from_16(port), direction)
        else:
            probability, set_id, domain, point, port, direction = _SAMPLE2.unpack_from(data, start)
            made = cls(
                probability, set_id, domain, point, from_16(port), direction if code.number == 41 else DEFAULT
            )
        if code.number in (41, 51) and any(data[-5:]):
            raise OpenFlowError(BadRequest.MUST_BE_ZERO)
        if made.direction > EGRESS:
            raise OpenFlowError(BadAction.BAD_ARGUMENT)
        if not made.probability:
            raise OpenFlowError(BadAction.BAD_ARGUMENT)
        return made

    @classmethod
    def parse(cls, arg: str, names: Names) -> Action:
        """`probability=…,collector_set_id=…,obs_domain_id=…,obs_point_id=…,sampling_port=…,ingress|egress`."""
        made = cls(0)
        for key, text in key_values(arg):
            match key:
                case "probability":
                    made = made.replace(probability=parse_u16(text, "probability"))
                    if not made.probability:
                        raise TextError(f'invalid probability value "{text}"', arg)
                case "collector_set_id":
                    made = made.replace(collector_set_id=parse_u32(text))
                case "obs_domain_id" | "obs_point_id":
                    made = made.replace(**{key: _parse_id(text)})
                case "sampling_port":
                    made = made.replace(sampling_port=names.port(text, "{}: unknown port"))
                case "ingress":
                    made = made.replace(direction=INGRESS)
                case "egress":
                    made = made.replace(direction=EGRESS)
                case _:
                    raise TextError(f'invalid key "{key}" in "sample" argument', arg)
        if not made.probability:
            raise TextError('non-zero "probability" must be specified on sample', arg)
        return made

    def format(self, names: Names) -> str:
        """`sample(probability=1,…)`."""
        return f"sample({','.join(self._words(names))})"

    def _words(self, names: Names) -> Iterator[str]:
        yield f"probability={self.probability}"
        yield f"collector_set_id={self.collector_set_id}"
        yield f"obs_domain_id={self.obs_domain_id}"
        yield f"obs_point_id={self.obs_point_id}"
        if self.sampling_port != OFPP_NONE:
            yield f"sampling_port={names.format_port(self.sampling_port)}"
        if self.direction:
            yield _DIRECTIONS[self.direction]


def _encode_id(id_: int | Subfield) -> tuple[bytes, int]:
    if isinstance(id_, Subfield):
        part = coded(id_)
        return encode_header(part.field, None), part.start << 6 | part.n_bits - 1
    return bytes(4), id_


def _decode_id(header: bytes, bits: int) -> int | Subfield:
    if not any(header):
        return bits
    return decode_bits(decode_nxm_header(header), bits)


def _parse_id(text: str) -> int | Subfield:
    try:
        return parse_u32(text)
    except TextError:
        if find_field(text.partition("[")[0]) is None:
            raise
        return parse_typed(text)
