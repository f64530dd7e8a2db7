"""Port numbers of a datapath."""

from __future__ import annotations

from typing import NewType

from vswitch.base.dataclass import dataclass

OdpPort = NewType("OdpPort", int)
ODPP_NONE = OdpPort(0xFFFFFFFF)


@dataclass(frozen=True, slots=True)
class DatapathPort:
    """A port of a datapath: its number, its device's name, and its type as `Interface.type` says it."""

    number: OdpPort
    name: str
    type: str
