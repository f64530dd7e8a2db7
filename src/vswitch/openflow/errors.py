"""Every OpenFlow error: its name, and its (type, code) in each version.

`raise OpenFlowError(BadAction.BAD_LEN)` says what is wrong; the session answers with the numbers of the version that
the channel speaks.  Where a version has no number of its own, Nicira's and the ONF's vendor errors stand in.

Sources: the ofp_*_code enums of OpenFlow 1.0 to 1.5; Nicira's extension errors, OVS include/openvswitch/ofp-errors.h.
"""

from __future__ import annotations

from collections.abc import Iterator

from vswitch.base.errors import WireError
from vswitch.base.namedtuple import NamedTuple
from vswitch.base.pattern import pattern
from vswitch.openflow.version import OF10, OF15

NX_VENDOR = 0x00002320
ONF_VENDOR = 0x4F4E4600
NX_ERROR_TYPE = 0xB0C2  # of Nicira's errors in OpenFlow 1.0 and 1.1, as type of the error message
EXPERIMENTER_ERROR_TYPE = 0xFFFF  # the same since OpenFlow 1.2
_VENDORS = {"OF": 0, "NX": NX_VENDOR, "ONF": ONF_VENDOR}
_NOTATION = pattern(r"(OF|NX|ONF)1\.(\d)(?:-1\.(\d)|(\+))?\((\d+)(?:,(\d+))?\)")


class WireCode(NamedTuple):
    """The numbers of an error in one version; a vendor's errors have no type since OpenFlow 1.2."""

    vendor: int
    type: int
    code: int


class ErrorCode:
    """One error, by meaning.  There is one instance of each, so that `is` and `==` agree."""

    __slots__ = ("name", "notation")

    def __init__(self, name: str, notation: str) -> None:
        self.name = name
        self.notation = notation

    def __repr__(self) -> str:
        return self.name

    def on_wire(self, version: int) -> WireCode | None:
        """Its numbers in `version`; None: the version cannot express it."""
        return self._codes().get(version)

    def _codes(self) -> dict[int, WireCode]:
        codes: dict[int, WireCode] = {}
        for vendor, first, last, plus, number, second in _NOTATION.findall(self.notation):
            code = WireCode(_VENDORS[vendor], *((int(number), int(second)) if second else (0, int(number))))
            end = OF15 if plus else int(last or first) + 1
            codes.update(dict.fromkeys(range(int(first) + 1, end + 1), code))
        return codes


class Remark(NamedTuple):
    """What is to be logged, if errors are: in which module's name, the line, and bytes that follow it."""

    module: str
    text: str
    data: bytes = b""


class OpenFlowError(WireError):
    """The peer sent something wrong, and `code` is the answer.  `why` adds what only people need to know.

    With `module`, `why` is what Open vSwitch logs in that name.
    """

    def __init__(self, code: ErrorCode, why: str = "", module: str = "") -> None:
        super().__init__(f"{code.name}: {why}" if why else code.name)
        self.code = code
        self.why = why
        self.partial: object | None = None  # the message or match, as far as it made sense
        self.remarks: tuple[Remark, ...] = (Remark(module, why),) if module else ()

    def remark(self, module: str, text: str, data: bytes = b"") -> None:
        """Have something logged after what is to be logged already; `data` is shown in hexadecimal."""
        self.remarks += (Remark(module, text, data),)

    def after(self, partial: object) -> OpenFlowError:
        """This error, which ended the decoding of `partial`: a message, or a match."""
        self.partial = partial
        return self


_ALL: list[ErrorCode] = []
_BY_WIRE: dict[tuple[int, WireCode], ErrorCode] = {}


def error(name: str, notation: str) -> ErrorCode:
    """Declare an error, in the notation "OF1.0(3,1), OF1.1+(5,3)": (type,code) by versions."""
    code = ErrorCode(name, notation)
    _ALL.append(code)
    return code


def all_errors() -> Iterator[ErrorCode]:
    """Every error, in the order of declaration."""
    return iter(_ALL)


def from_wire(version: int, wire: WireCode) -> ErrorCode | None:
    """The error that has these numbers in `version`; the one declared first if several share them."""
    if not _BY_WIRE:
        for code in _ALL:
            for number in range(OF10, OF15 + 1):
                numbers = code.on_wire(number)
                if numbers:
                    _BY_WIRE.setdefault((number, numbers), code)
    return _BY_WIRE.get((version, wire))


def by_name(name: str) -> ErrorCode | None:
    """The error called `name`, e.g. "OFPBRC_BAD_TYPE"."""
    return next((code for code in _ALL if code.name == name), None)


# What Open vSwitch calls failures to decode statistics of flows of OpenFlow 1.5; no error message can carry it.
INVALID = ErrorCode("<invalid>", "")


class HelloFailed:
    """HELLO failed."""

    INCOMPATIBLE = error("OFPHFC_INCOMPATIBLE", "OF1.0+(0,0)")
    EPERM = error("OFPHFC_EPERM", "OF1.0+(0,1)")


class BadRequest:
    """The request was not understood."""

    BAD_VERSION = error("OFPBRC_BAD_VERSION", "OF1.0+(1,0)")
    BAD_TYPE = error("OFPBRC_BAD_TYPE", "OF1.0+(1,1)")
    BAD_STAT = error("OFPBRC_BAD_STAT", "OF1.0+(1,2)")
    BAD_VENDOR = error("OFPBRC_BAD_VENDOR", "OF1.0+(1,3)")
    BAD_SUBTYPE = error("OFPBRC_BAD_SUBTYPE", "OF1.0+(1,4)")
    EPERM = error("OFPBRC_EPERM", "OF1.0+(1,5)")
    BAD_LEN = error("OFPBRC_BAD_LEN", "OF1.0+(1,6)")
    BUFFER_EMPTY = error("OFPBRC_BUFFER_EMPTY", "OF1.0+(1,7)")
    BUFFER_UNKNOWN = error("OFPBRC_BUFFER_UNKNOWN", "OF1.0+(1,8)")
    BAD_TABLE_ID = error("OFPBRC_BAD_TABLE_ID", "NX1.0(1,512), OF1.1+(1,9)")
    IS_SECONDARY = error("OFPBRC_IS_SECONDARY", "OF1.0-1.1(1,5), OF1.2+(1,10)")
    BAD_PORT = error("OFPBRC_BAD_PORT", "NX1.0-1.1(1,514), OF1.2+(1,11)")
    BAD_PACKET = error("OFPBRC_BAD_PACKET", "OF1.2+(1,12)")
    MULTIPART_BUFFER_OVERFLOW = error("OFPBRC_MULTIPART_BUFFER_OVERFLOW", "OF1.3+(1,13)")
    MULTIPART_REQUEST_TIMEOUT = error("OFPBRC_MULTIPART_REQUEST_TIMEOUT", "ONF1.3(2640), OF1.4+(1,14)")
    MULTIPART_REPLY_TIMEOUT = error("OFPBRC_MULTIPART_REPLY_TIMEOUT", "ONF1.3(2641), OF1.4+(1,15)")
    MULTIPART_BAD_SCHED = error("OFPBRC_MULTIPART_BAD_SCHED", "OF1.5+(1,16)")
    PIPELINE_FIELDS_ONLY = error("OFPBRC_PIPELINE_FIELDS_ONLY", "OF1.5+(1,17)")
    UNKNOWN = error("OFPBRC_UNKNOWN", "OF1.5+(1,18)")
    NXM_INVALID = error("NXBRC_NXM_INVALID", "NX1.0-1.1(1,256), NX1.2+(2)")
    NXM_BAD_TYPE = error("NXBRC_NXM_BAD_TYPE", "NX1.0-1.1(1,257), NX1.2+(3)")
    MUST_BE_ZERO = error("NXBRC_MUST_BE_ZERO", "NX1.0-1.1(1,515), NX1.2+(4)")
    BAD_REASON = error("NXBRC_BAD_REASON", "NX1.0-1.1(1,516), NX1.2+(5)")
    FM_BAD_EVENT = error("NXBRC_FM_BAD_EVENT", "NX1.0-1.1(1,520), NX1.2+(9)")
    UNENCODABLE_ERROR = error("NXBRC_UNENCODABLE_ERROR", "NX1.0-1.1(1,521), NX1.2+(10)")


class BadAction:
    """An action is wrong."""

    BAD_TYPE = error("OFPBAC_BAD_TYPE", "OF1.0+(2,0)")
    BAD_LEN = error("OFPBAC_BAD_LEN", "OF1.0+(2,1)")
    BAD_VENDOR = error("OFPBAC_BAD_VENDOR", "OF1.0+(2,2)")
    BAD_VENDOR_TYPE = error("OFPBAC_BAD_VENDOR_TYPE", "OF1.0+(2,3)")
    BAD_OUT_PORT = error("OFPBAC_BAD_OUT_PORT", "OF1.0+(2,4)")
    BAD_ARGUMENT = error("OFPBAC_BAD_ARGUMENT", "OF1.0+(2,5)")
    EPERM = error("OFPBAC_EPERM", "OF1.0+(2,6)")
    TOO_MANY = error("OFPBAC_TOO_MANY", "OF1.0+(2,7)")
    BAD_QUEUE = error("OFPBAC_BAD_QUEUE", "OF1.0+(2,8)")
    BAD_OUT_GROUP = error("OFPBAC_BAD_OUT_GROUP", "NX1.0(2,9), OF1.1+(2,9)")
    MATCH_INCONSISTENT = error("OFPBAC_MATCH_INCONSISTENT", "NX1.0(1,522), OF1.1+(2,10)")
    UNSUPPORTED_ORDER = error("OFPBAC_UNSUPPORTED_ORDER", "OF1.1+(2,11)")
    BAD_TAG = error("OFPBAC_BAD_TAG", "OF1.1+(2,12)")
    BAD_SET_TYPE = error("OFPBAC_BAD_SET_TYPE", "NX1.0-1.1(1,523), OF1.2+(2,13)")
    BAD_SET_LEN = error("OFPBAC_BAD_SET_LEN", "NX1.0-1.1(1,524), OF1.2+(2,14)")
    BAD_SET_ARGUMENT = error("OFPBAC_BAD_SET_ARGUMENT", "NX1.0-1.1(1,525), OF1.2+(2,15)")
    BAD_SET_MASK = error("OFPBAC_BAD_SET_MASK", "ONF1.3-1.4(4250), OF1.5+(2,16)")
    BAD_METER = error("OFPBAC_BAD_METER", "OF1.5+(2,17)")
    MUST_BE_ZERO = error("NXBAC_MUST_BE_ZERO", "NX1.0-1.1(2,256), NX1.2+(11)")
    BAD_CONJUNCTION = error("NXBAC_BAD_CONJUNCTION", "NX1.0-1.1(2,526), NX1.2+(15)")
    BAD_HEADER_TYPE = error("NXBAC_BAD_HEADER_TYPE", "NX1.3+(39)")
    UNKNOWN_ED_PROP = error("NXBAC_UNKNOWN_ED_PROP", "NX1.3+(40)")
    BAD_ED_PROP = error("NXBAC_BAD_ED_PROP", "NX1.3+(41)")
    CT_DATAPATH_SUPPORT = error("NXBAC_CT_DATAPATH_SUPPORT", "NX1.0-1.1(1,265), NX1.2+(42)")


class BadInstruction:
    """An instruction is wrong."""

    UNKNOWN_INST = error("OFPBIC_UNKNOWN_INST", "OF1.1+(3,0)")
    UNSUP_INST = error("OFPBIC_UNSUP_INST", "NX1.0(2,257), OF1.1+(3,1)")
    BAD_TABLE_ID = error("OFPBIC_BAD_TABLE_ID", "OF1.1+(3,2)")
    UNSUP_METADATA = error("OFPBIC_UNSUP_METADATA", "OF1.1+(3,3)")
    UNSUP_METADATA_MASK = error("OFPBIC_UNSUP_METADATA_MASK", "OF1.1+(3,4)")
    BAD_EXPERIMENTER = error("OFPBIC_BAD_EXPERIMENTER", "OF1.1+(3,5)")
    BAD_EXP_TYPE = error("OFPBIC_BAD_EXP_TYPE", "OF1.1(3,5), OF1.2+(3,6)")
    BAD_LEN = error("OFPBIC_BAD_LEN", "OF1.2+(3,7)")
    EPERM = error("OFPBIC_EPERM", "OF1.2+(3,8)")
    DUP_INST = error("OFPBIC_DUP_INST", "NX1.1(3,256), ONF1.2-1.3(2600), OF1.4+(3,9)")


class BadMatch:
    """A match is wrong."""

    BAD_TYPE = error("OFPBMC_BAD_TYPE", "OF1.1+(4,0)")
    BAD_LEN = error("OFPBMC_BAD_LEN", "OF1.1+(4,1)")
    BAD_TAG = error("OFPBMC_BAD_TAG", "OF1.1+(4,2)")
    BAD_DL_ADDR_MASK = error("OFPBMC_BAD_DL_ADDR_MASK", "OF1.1+(4,3)")
    BAD_NW_ADDR_MASK = error("OFPBMC_BAD_NW_ADDR_MASK", "OF1.1+(4,4)")
    BAD_WILDCARDS = error("OFPBMC_BAD_WILDCARDS", "NX1.0(1,262), OF1.1+(4,5)")
    BAD_FIELD = error("OFPBMC_BAD_FIELD", "NX1.0(0,263), OF1.1+(4,6)")
    BAD_VALUE = error("OFPBMC_BAD_VALUE", "NX1.0(1,258), OF1.1+(4,7)")
    BAD_MASK = error("OFPBMC_BAD_MASK", "NX1.0-1.1(1,259), OF1.2+(4,8)")
    BAD_PREREQ = error("OFPBMC_BAD_PREREQ", "NX1.0-1.1(1,260), OF1.2+(4,9)")
    DUP_FIELD = error("OFPBMC_DUP_FIELD", "NX1.0-1.1(1,261), OF1.2+(4,10)")
    EPERM = error("OFPBMC_EPERM", "OF1.2+(4,11)")
    CT_DATAPATH_SUPPORT = error("NXBMC_CT_DATAPATH_SUPPORT", "NX1.0-1.1(1,264), NX1.2+(43)")


class FlowModFailed:
    """A flow table could not be changed."""

    UNKNOWN = error("OFPFMFC_UNKNOWN", "OF1.1+(5,0)")
    TABLE_FULL = error("OFPFMFC_TABLE_FULL", "OF1.0(3,0), OF1.1+(5,1)")
    BAD_TABLE_ID = error("OFPFMFC_BAD_TABLE_ID", "OF1.1+(5,2)")
    OVERLAP = error("OFPFMFC_OVERLAP", "OF1.0(3,1), OF1.1+(5,3)")
    EPERM = error("OFPFMFC_EPERM", "OF1.0(3,2), OF1.1+(5,4)")
    BAD_TIMEOUT = error("OFPFMFC_BAD_TIMEOUT", "OF1.1+(5,5)")
    BAD_EMERG_TIMEOUT = error("OFPFMFC_BAD_EMERG_TIMEOUT", "OF1.0(3,3)")
    BAD_COMMAND = error("OFPFMFC_BAD_COMMAND", "OF1.0(3,4), OF1.1+(5,6)")
    BAD_FLAGS = error("OFPFMFC_BAD_FLAGS", "NX1.0(3,258), NX1.1(5,258), OF1.2+(5,7)")
    CANT_SYNC = error("OFPFMFC_CANT_SYNC", "OF1.4+(5,8)")
    BAD_PRIORITY = error("OFPFMFC_BAD_PRIORITY", "ONF1.3(2360), OF1.4+(5,9)")
    IS_SYNC = error("OFPFMFC_IS_SYNC", "OF1.4+(5,10)")
    UNSUPPORTED = error("OFPFMFC_UNSUPPORTED", "OF1.0(3,5)")
    HARDWARE = error("NXFMFC_HARDWARE", "NX1.0-1.1(5,256), NX1.2+(12)")
    NX_BAD_TABLE_ID = error("NXFMFC_BAD_TABLE_ID", "NX1.0-1.1(5,257), NX1.2+(13)")
    INVALID_TLV_FIELD = error("NXFMFC_INVALID_TLV_FIELD", "NX1.0-1.1(1,536), NX1.2+(37)")


class GroupModFailed:
    """A group could not be changed."""

    GROUP_EXISTS = error("OFPGMFC_GROUP_EXISTS", "NX1.0(6,0), OF1.1+(6,0)")
    INVALID_GROUP = error("OFPGMFC_INVALID_GROUP", "NX1.0(6,1), OF1.1+(6,1)")
    WEIGHT_UNSUPPORTED = error("OFPGMFC_WEIGHT_UNSUPPORTED", "NX1.0(6,2), OF1.1+(6,2)")
    OUT_OF_GROUPS = error("OFPGMFC_OUT_OF_GROUPS", "NX1.0(6,3), OF1.1+(6,3)")
    OUT_OF_BUCKETS = error("OFPGMFC_OUT_OF_BUCKETS", "NX1.0(6,4), OF1.1+(6,4)")
    CHAINING_UNSUPPORTED = error("OFPGMFC_CHAINING_UNSUPPORTED", "NX1.0(6,5), OF1.1+(6,5)")
    WATCH_UNSUPPORTED = error("OFPGMFC_WATCH_UNSUPPORTED", "NX1.0(6,6), OF1.1+(6,6)")
    LOOP = error("OFPGMFC_LOOP", "NX1.0(6,7), OF1.1+(6,7)")
    UNKNOWN_GROUP = error("OFPGMFC_UNKNOWN_GROUP", "NX1.0(6,8), OF1.1+(6,8)")
    CHAINED_GROUP = error("OFPGMFC_CHAINED_GROUP", "NX1.0(6,9), OF1.2+(6,9)")
    BAD_TYPE = error("OFPGMFC_BAD_TYPE", "NX1.0(6,10), OF1.2+(6,10)")
    BAD_COMMAND = error("OFPGMFC_BAD_COMMAND", "NX1.0(6,11), OF1.2+(6,11)")
    BAD_BUCKET = error("OFPGMFC_BAD_BUCKET", "NX1.0(6,12), OF1.2+(6,12)")
    BAD_WATCH = error("OFPGMFC_BAD_WATCH", "NX1.0(6,13), OF1.2+(6,13)")
    EPERM = error("OFPGMFC_EPERM", "NX1.0(6,14), OF1.2+(6,14)")
    UNKNOWN_BUCKET = error("OFPGMFC_UNKNOWN_BUCKET", "NX1.0(6,15), OF1.5+(6,15)")
    BUCKET_EXISTS = error("OFPGMFC_BUCKET_EXISTS", "NX1.0(6,16), OF1.5+(6,16)")


class PortModFailed:
    """A port could not be changed."""

    BAD_PORT = error("OFPPMFC_BAD_PORT", "OF1.0(4,0), OF1.1+(7,0)")
    BAD_HW_ADDR = error("OFPPMFC_BAD_HW_ADDR", "OF1.0(4,1), OF1.1+(7,1)")
    BAD_CONFIG = error("OFPPMFC_BAD_CONFIG", "OF1.1+(7,2)")
    BAD_ADVERTISE = error("OFPPMFC_BAD_ADVERTISE", "OF1.1+(7,3)")
    EPERM = error("OFPPMFC_EPERM", "OF1.2+(7,4)")


class TableModFailed:
    """A table could not be configured."""

    BAD_TABLE = error("OFPTMFC_BAD_TABLE", "OF1.1+(8,0)")
    BAD_CONFIG = error("OFPTMFC_BAD_CONFIG", "OF1.1+(8,1)")
    EPERM = error("OFPTMFC_EPERM", "OF1.2+(8,2)")


class QueueOpFailed:
    """A request about queues failed."""

    BAD_PORT = error("OFPQOFC_BAD_PORT", "OF1.0(5,0), OF1.1+(9,0)")
    BAD_QUEUE = error("OFPQOFC_BAD_QUEUE", "OF1.0(5,1), OF1.1+(9,1)")
    EPERM = error("OFPQOFC_EPERM", "OF1.0(5,2), OF1.1+(9,2)")
    QUEUE_ERROR = error("NXQOFC_QUEUE_ERROR", "NX1.4+(23)")


class SwitchConfigFailed:
    """SET_CONFIG failed."""

    BAD_FLAGS = error("OFPSCFC_BAD_FLAGS", "OF1.1+(10,0)")
    BAD_LEN = error("OFPSCFC_BAD_LEN", "OF1.1+(10,1)")
    EPERM = error("OFPSCFC_EPERM", "OF1.2+(10,2)")


class RoleRequestFailed:
    """A role was refused."""

    STALE = error("OFPRRFC_STALE", "OF1.2+(11,0)")
    UNSUP = error("OFPRRFC_UNSUP", "OF1.2+(11,1)")
    BAD_ROLE = error("OFPRRFC_BAD_ROLE", "NX1.0-1.1(1,513), OF1.2+(11,2)")
    ID_UNSUP = error("OFPRRFC_ID_UNSUP", "OF1.5+(11,3)")
    ID_IN_USE = error("OFPRRFC_ID_IN_USE", "OF1.5+(11,4)")


class MeterModFailed:
    """A meter could not be changed."""

    UNKNOWN = error("OFPMMFC_UNKNOWN", "OF1.3+(12,0)")
    METER_EXISTS = error("OFPMMFC_METER_EXISTS", "OF1.3+(12,1)")
    INVALID_METER = error("OFPMMFC_INVALID_METER", "OF1.3+(12,2)")
    UNKNOWN_METER = error("OFPMMFC_UNKNOWN_METER", "OF1.3+(12,3)")
    BAD_COMMAND = error("OFPMMFC_BAD_COMMAND", "OF1.3+(12,4)")
    BAD_FLAGS = error("OFPMMFC_BAD_FLAGS", "OF1.3+(12,5)")
    BAD_RATE = error("OFPMMFC_BAD_RATE", "OF1.3+(12,6)")
    BAD_BURST = error("OFPMMFC_BAD_BURST", "OF1.3+(12,7)")
    BAD_BAND = error("OFPMMFC_BAD_BAND", "OF1.3+(12,8)")
    BAD_BAND_VALUE = error("OFPMMFC_BAD_BAND_VALUE", "OF1.3+(12,9)")
    OUT_OF_METERS = error("OFPMMFC_OUT_OF_METERS", "OF1.3+(12,10)")
    OUT_OF_BANDS = error("OFPMMFC_OUT_OF_BANDS", "OF1.3+(12,11)")


class TableFeaturesFailed:
    """Table features could not be set."""

    BAD_TABLE = error("OFPTFFC_BAD_TABLE", "OF1.3+(13,0)")
    BAD_METADATA = error("OFPTFFC_BAD_METADATA", "OF1.3+(13,1)")
    EPERM = error("OFPTFFC_EPERM", "OF1.3+(13,5)")
    BAD_CAPA = error("OFPTFFC_BAD_CAPA", "OF1.5+(13,6)")
    BAD_MAX_ENT = error("OFPTFFC_BAD_MAX_ENT", "OF1.5+(13,7)")
    BAD_FEATURES = error("OFPTFFC_BAD_FEATURES", "OF1.5+(13,8)")
    BAD_COMMAND = error("OFPTFFC_BAD_COMMAND", "OF1.5+(13,9)")
    TOO_MANY = error("OFPTFFC_TOO_MANY", "OF1.5+(13,10)")
    DUP_TABLE = error("NXTFFC_DUP_TABLE", "NX1.3+(44)")


class BadProperty:
    """A property is wrong."""

    BAD_TYPE = error("OFPBPC_BAD_TYPE", "NX1.0-1.1(13,2), NX1.2(25), OF1.3(13,2), OF1.4+(14,0)")
    BAD_LEN = error("OFPBPC_BAD_LEN", "NX1.0-1.1(13,3), NX1.2(26), OF1.3(13,3), OF1.4+(14,1)")
    BAD_VALUE = error("OFPBPC_BAD_VALUE", "NX1.0-1.1(13,4), NX1.2(27), OF1.3(13,4), OF1.4+(14,2)")
    TOO_MANY = error("OFPBPC_TOO_MANY", "NX1.0-1.1(14,3), NX1.2(28), ONF1.3(4443), OF1.4+(14,3)")
    DUP_TYPE = error("OFPBPC_DUP_TYPE", "NX1.0-1.1(14,4), NX1.2(29), ONF1.3(4444), OF1.4+(14,4)")
    BAD_EXPERIMENTER = error(
        "OFPBPC_BAD_EXPERIMENTER", "NX1.0-1.1(14,5), NX1.2(30), ONF1.3(4445), OF1.4+(14,5)"
    )
    BAD_EXP_TYPE = error("OFPBPC_BAD_EXP_TYPE", "NX1.0-1.1(14,6), NX1.2(31), ONF1.3(4446), OF1.4+(14,6)")
    BAD_EXP_VALUE = error("OFPBPC_BAD_EXP_VALUE", "NX1.0-1.1(14,7), NX1.2(32), ONF1.3(4447), OF1.4+(14,7)")
    EPERM = error("OFPBPC_EPERM", "NX1.0-1.1(14,8), NX1.2(33), ONF1.3(4448), OF1.4+(14,8)")


class AsyncConfigFailed:
    """The configuration of asynchronous messages failed."""

    INVALID = error("OFPACFC_INVALID", "ONF1.3(2370), OF1.4+(15,0)")
    UNSUPPORTED = error("OFPACFC_UNSUPPORTED", "ONF1.3(2371), OF1.4+(15,1)")
    EPERM = error("OFPACFC_EPERM", "ONF1.3(2372), OF1.4+(15,2)")


class BundleFailed:
    """A bundle failed."""

    UNKNOWN = error("OFPBFC_UNKNOWN", "ONF1.3(2300), OF1.4+(17,0)")
    EPERM = error("OFPBFC_EPERM", "ONF1.3(2301), OF1.4+(17,1)")
    BAD_ID = error("OFPBFC_BAD_ID", "ONF1.3(2302), OF1.4+(17,2)")
    BUNDLE_EXIST = error("OFPBFC_BUNDLE_EXIST", "ONF1.3(2303), OF1.4+(17,3)")
    BUNDLE_CLOSED = error("OFPBFC_BUNDLE_CLOSED", "ONF1.3(2304), OF1.4+(17,4)")
    OUT_OF_BUNDLES = error("OFPBFC_OUT_OF_BUNDLES", "ONF1.3(2305), OF1.4+(17,5)")
    BAD_TYPE = error("OFPBFC_BAD_TYPE", "ONF1.3(2306), OF1.4+(17,6)")
    BAD_FLAGS = error("OFPBFC_BAD_FLAGS", "ONF1.3(2307), OF1.4+(17,7)")
    MSG_BAD_LEN = error("OFPBFC_MSG_BAD_LEN", "ONF1.3(2308), OF1.4+(17,8)")
    MSG_BAD_XID = error("OFPBFC_MSG_BAD_XID", "ONF1.3(2309), OF1.4+(17,9)")
    MSG_UNSUP = error("OFPBFC_MSG_UNSUP", "ONF1.3(2310), OF1.4+(17,10)")
    MSG_CONFLICT = error("OFPBFC_MSG_CONFLICT", "ONF1.3(2311), OF1.4+(17,11)")
    MSG_TOO_MANY = error("OFPBFC_MSG_TOO_MANY", "ONF1.3(2312), OF1.4+(17,12)")
    MSG_FAILED = error("OFPBFC_MSG_FAILED", "ONF1.3(2313), OF1.4+(17,13)")
    TIMEOUT = error("OFPBFC_TIMEOUT", "ONF1.3(2314), OF1.4+(17,14)")
    BUNDLE_IN_PROGRESS = error("OFPBFC_BUNDLE_IN_PROGRESS", "ONF1.3(2315), OF1.4+(17,15)")
    SCHED_NOT_SUPPORTED = error("OFPBFC_SCHED_NOT_SUPPORTED", "OF1.5+(17,16)")
    SCHED_FUTURE = error("OFPBFC_SCHED_FUTURE", "OF1.5+(17,17)")
    SCHED_PAST = error("OFPBFC_SCHED_PAST", "OF1.5+(17,18)")
    BAD_VERSION = error("OFPBFC_BAD_VERSION", "NX1.4-1.5(22)")


class FlowMonitorFailed:
    """A flow monitor could not be set up."""

    UNKNOWN = error("OFPMOFC_UNKNOWN", "OF1.4+(16,0)")
    MONITOR_EXISTS = error("OFPMOFC_MONITOR_EXISTS", "NX1.0-1.1(1,517), NX1.2-1.3(6), OF1.4+(16,1)")
    INVALID_MONITOR = error("OFPMOFC_INVALID_MONITOR", "OF1.4+(16,2)")
    UNKNOWN_MONITOR = error("OFPMOFC_UNKNOWN_MONITOR", "NX1.0-1.1(1,519), NX1.2-1.3(8), OF1.4+(16,3)")
    BAD_COMMAND = error("OFPMOFC_BAD_COMMAND", "OF1.4+(16,4)")
    BAD_FLAGS = error("OFPMOFC_BAD_FLAGS", "NX1.0-1.1(1,518), NX1.2-1.3(7), OF1.4+(16,5)")
    BAD_TABLE_ID = error("OFPMOFC_BAD_TABLE_ID", "OF1.4+(16,6)")
    BAD_OUT = error("OFPMOFC_BAD_OUT", "OF1.4+(16,7)")


class TlvTableModFailed:
    """The map of tunnel options could not be changed."""

    BAD_COMMAND = error("NXTTMFC_BAD_COMMAND", "NX1.0-1.1(1,527), NX1.2+(16)")
    BAD_OPT_LEN = error("NXTTMFC_BAD_OPT_LEN", "NX1.0-1.1(1,528), NX1.2+(17)")
    BAD_FIELD_IDX = error("NXTTMFC_BAD_FIELD_IDX", "NX1.0-1.1(1,529), NX1.2+(18)")
    TABLE_FULL = error("NXTTMFC_TABLE_FULL", "NX1.0-1.1(1,530), NX1.2+(19)")
    ALREADY_MAPPED = error("NXTTMFC_ALREADY_MAPPED", "NX1.0-1.1(1,531), NX1.2+(20)")
    DUP_ENTRY = error("NXTTMFC_DUP_ENTRY", "NX1.0-1.1(1,532), NX1.2+(21)")
    INVALID_TLV_DEL = error("NXTTMFC_INVALID_TLV_DEL", "NX1.0-1.1(1,537), NX1.2+(38)")


class ResumeFailed:
    """A continuation could not be resumed."""

    NOT_SUPPORTED = error("NXR_NOT_SUPPORTED", "NX1.0-1.1(1,533), NX1.2+(34)")
    STALE = error("NXR_STALE", "NX1.0-1.1(1,534), NX1.2+(35)")


class StatsFailed:
    """Statistics were refused."""

    NOT_CONFIGURED = error("NXST_NOT_CONFIGURED", "NX1.0-1.1(1,535), NX1.2+(36)")
