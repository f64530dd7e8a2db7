"""What a switch is and how it is configured: features, configuration, description, barriers.

Sources: OpenFlow 1.0, 5.3; OpenFlow 1.5.1, 7.3.1 to 7.3.2, 7.3.5.1, 7.3.7.
"""

from __future__ import annotations

import struct

from vswitch.openflow.codec import U16, chars
from vswitch.openflow.errors import BadRequest, OpenFlowError, SwitchConfigFailed
from vswitch.openflow.message import Dialect, Form, Message, Multipart, message
from vswitch.openflow.messages.port import PORT10_SIZE, PORT11_SIZE, Port
from vswitch.openflow.value import wire
from vswitch.openflow.version import OF10, OF13

# enum ofp_capabilities: the bits that all versions share, then those that some have.
OFPC_FLOW_STATS, OFPC_TABLE_STATS, OFPC_PORT_STATS = 1 << 0, 1 << 1, 1 << 2
OFPC_IP_REASM, OFPC_QUEUE_STATS = 1 << 5, 1 << 6
OFPC10_STP, OFPC10_ARP_MATCH_IP = 1 << 3, 1 << 7
OFPC11_GROUP_STATS, OFPC12_PORT_BLOCKED = 1 << 3, 1 << 8
OFPC14_BUNDLES, OFPC14_FLOW_MONITORING = 1 << 9, 1 << 10

# enum ofp_config_flags.
OFPC_FRAG_NORMAL, OFPC_FRAG_DROP, OFPC_FRAG_REASM, OFPC_FRAG_NX_MATCH = range(4)
OFPC_FRAG_MASK = 3
OFPC_INVALID_TTL_TO_CONTROLLER = 1 << 2


@message("FEATURES_REQUEST", "OFPT 1.0+(5)[0]")
class FeaturesRequest(Message):
    """What are you?"""


_FEATURES = struct.Struct("!QIBB2xII")


@message("FEATURES_REPLY", "OFPT 1.0(6)[24+48], OFPT 1.1-1.2(6)[24+64], OFPT 1.3+(6)[24]")
class FeaturesReply(Message):
    """What the switch is.  `capabilities` has the meanings of the version in which it travels."""

    datapath_id: int
    n_buffers: int = 0
    n_tables: int = 254
    capabilities: int = 0
    actions: int = 0  # OpenFlow 1.0: a bit for each type of action
    ports: tuple[Port, ...] = ()  # until OpenFlow 1.2
    auxiliary_id: int = 0  # since OpenFlow 1.3

    def encode_body(self, form: Form, dialect: Dialect) -> bytes:
        """Ports are told until OpenFlow 1.2, and to those who fit into one message only."""
        version = dialect.version
        head = _FEATURES.pack(
            self.datapath_id,
            self.n_buffers,
            self.n_tables,
            self.auxiliary_id if version >= OF13 else 0,
            self.capabilities,
            self.actions if version == OF10 else 0,
        )
        if version >= OF13:
            return head
        room = (0xFFFF - 8 - len(head)) // (PORT10_SIZE if version == OF10 else PORT11_SIZE)
        return head + b"".join(port.encode(version) for port in self.ports[:room])

    @classmethod
    def decode_body(cls, form: Form, dialect: Dialect, body: bytes) -> Message:
        """The fixed part, then ports."""
        version = dialect.version
        if len(body) < _FEATURES.size:
            raise OpenFlowError(BadRequest.BAD_LEN)
        dpid, n_buffers, n_tables, auxiliary_id, capabilities, actions = _FEATURES.unpack_from(body)
        if version < OF13:
            auxiliary_id = 0
        rest = body[_FEATURES.size :]
        size = PORT10_SIZE if version == OF10 else PORT11_SIZE
        if (rest and version >= OF13) or len(rest) % size:
            raise OpenFlowError(BadRequest.BAD_LEN)
        actions = actions if version == OF10 else 0
        made = cls(dpid, n_buffers, n_tables, capabilities, actions, (), auxiliary_id)
        ports: list[Port] = []
        try:
            for at in range(0, len(rest), size):
                ports.append(Port.decode_fixed(version, rest, at))  # noqa: PERF401 - those before an error count
        except OpenFlowError as error:
            raise error.after(made.replace(ports=tuple(ports))) from None
        return made.replace(ports=tuple(ports))


@message("GET_CONFIG_REQUEST", "OFPT 1.0+(7)[0]")
class GetConfigRequest(Message):
    """How are you configured?"""


@message("GET_CONFIG_REPLY", "OFPT 1.0+(8)[4]")
class GetConfigReply(Message):
    """How fragments are treated (OFPC_*), and how much of a packet that matches no flow a controller gets."""

    flags: int = wire(U16, default=0)
    miss_send_len: int = wire(U16, default=0)


@message("SET_CONFIG", "OFPT 1.0+(9)[4]")
class SetConfig(Message):
    """Treat fragments so, and send so much of a packet."""

    flags: int = wire(U16, default=0)
    miss_send_len: int = wire(U16, default=0)

    @classmethod
    def decode_body(cls, form: Form, dialect: Dialect, body: bytes) -> Message:
        """Since OpenFlow 1.3 an invalid TTL is no longer a matter of configuration."""
        made = super().decode_body(form, dialect, body)
        known = OFPC_FRAG_MASK | (OFPC_INVALID_TTL_TO_CONTROLLER if dialect.version < OF13 else 0)
        if made.flags & ~known:  # type: ignore[attr-defined]  # of this class
            raise OpenFlowError(SwitchConfigFailed.BAD_FLAGS)
        return made


@message("BARRIER_REQUEST", "OFPT 1.0(18)[0], OFPT 1.1+(20)[0]")
class BarrierRequest(Message):
    """Finish what came before, then say so."""


@message("BARRIER_REPLY", "OFPT 1.0(19)[0], OFPT 1.1+(21)[0]")
class BarrierReply(Message):
    """Everything before the request is done."""


@message("DESC", "OFPST 1.0+(0)[0]", "request")
class DescRequest(Multipart):
    """Who made you?"""


@message("DESC", "OFPST 1.0+(0)[1056]", "reply")
class DescReply(Multipart):
    """Maker, hardware, software, serial number, and a name for the datapath."""

    mfr_desc: str = wire(chars(256), default="")
    hw_desc: str = wire(chars(256), default="")
    sw_desc: str = wire(chars(256), default="")
    serial_num: str = wire(chars(32), default="")
    dp_desc: str = wire(chars(256), default="")
