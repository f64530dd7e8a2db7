"""Bundles and forwarded requests in text."""

from __future__ import annotations

from importlib import import_module

from vswitch.openflow.message import Dialect
from vswitch.openflow.messages.group import GroupMod
from vswitch.openflow.messages.nested import BundleAdd, BundleControl, RequestForward
from vswitch.openflow.printing.base import PRINTERS, Style, bit_names, prints

_TYPES = (
    *("OPEN_REQUEST", "OPEN_REPLY", "CLOSE_REQUEST", "CLOSE_REPLY"),
    *("COMMIT_REQUEST", "COMMIT_REPLY", "DISCARD_REQUEST", "DISCARD_REPLY"),
)
_FLAGS = ((1, "atomic"), (2, "ordered"))


@prints(BundleControl)
def bundle_control(message: BundleControl, dialect: Dialect, style: Style) -> str:
    """Which bundle, and what is to happen to it."""
    kind = _TYPES[message.type] if message.type < len(_TYPES) else ""
    return f"\n bundle_id={_hex(message.bundle_id)} type={kind} flags={bit_names(message.flags, _FLAGS)}\n"


@prints(BundleAdd)
def bundle_add(message: BundleAdd, dialect: Dialect, style: Style) -> str:
    """Which bundle, and the message."""
    text = f"\n bundle_id={_hex(message.bundle_id)} flags={bit_names(message.flags, _FLAGS)}\n"
    return text if style.print_message is None else text + style.print_message(message.data, style.verbosity)


@prints(RequestForward)
def request_forward(message: RequestForward, dialect: Dialect, style: Style) -> str:
    """What kind of request, and what it says."""
    request = message.request
    kind, family = ("group_mod", "groups") if isinstance(request, GroupMod) else ("meter_mod", "meters")
    import_module(f"vswitch.openflow.printing.{family}")
    return f" reason={kind}{PRINTERS[type(request)](request, dialect, style)}"


def _hex(number: int) -> str:
    return f"{number:#x}" if number else "0"
