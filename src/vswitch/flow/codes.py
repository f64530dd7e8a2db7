"""NXM and OXM types: how the fields are told apart on the wire, and their long names.

A type is a class, a number in it and, for classes of experimenters, who defined it.  A field has one for each protocol
that knows it, e.g. NXM_OF_ETH_SRC and, since OpenFlow 1.2, OXM_OF_ETH_SRC.

Sources: OpenFlow 1.5.1, 7.2.3.2; ovs-fields(7), "Field Properties".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache

from vswitch.base.namedtuple import NamedTuple
from vswitch.flow.field import Field
from vswitch.flow.fields import FIELDS

EXPERIMENTER = 0xFFFF  # the class of types that an experimenter defines

# By the beginning of the name, the longest first: class, and experimenter.
_CLASSES = {
    "OXM_OF_PKT_REG": (0x8001, 0),
    "OXM_OF_": (0x8000, 0),
    "NXM_OF_": (0x0000, 0),
    "NXM_NX_": (0x0001, 0),
    "ERICOXM_OF_": (0x1000, 0),
    "ONFOXM_ET_": (EXPERIMENTER, 0x4F4E4600),
    "NXOXM_ET_": (EXPERIMENTER, 0x00002320),
    "NXOXM_NSH_": (EXPERIMENTER, 0x005AD650),
}
_CODE = re.compile(r"(\w+)\((\d+)\)(?: OF1\.(\d))?")


class Code(NamedTuple):
    """A type: of `field`, since OpenFlow `since` (as it numbers itself on the wire; NXM: 1)."""

    name: str
    field: Field
    oxm_class: int
    experimenter: int
    number: int
    since: int


@cache
def codes_of(field: Field) -> tuple[Code, ...]:
    """The types of `field`, the oldest first."""
    codes = []
    for name, number, minor in _CODE.findall(field.codes):
        oxm_class, experimenter = next(kind for prefix, kind in _CLASSES.items() if name.startswith(prefix))
        codes.append(Code(name, field, oxm_class, experimenter, int(number), int(minor or 0) + 1))
    return tuple(codes)


@cache
def code_for(field: Field, version: int) -> Code | None:
    """The type under which OpenFlow `version` has `field`: the newest that it knows, else the oldest there is."""
    codes = codes_of(field)
    known = [code for code in codes if code.since <= version]
    if known:
        return max(known, key=lambda code: code.since)  # the first of equals: NXM_NX_DP_HASH in every version
    return codes[0] if codes else None


@cache
def by_name() -> Mapping[str, Code]:
    """All types by name."""
    return {code.name: code for field in FIELDS for code in codes_of(field)}


@cache
def by_number() -> Mapping[tuple[int, int, int], Code]:
    """All types by class, experimenter and number."""
    return {(code.oxm_class, code.experimenter, code.number): code for code in by_name().values()}
