"""The table of fields, against what the peer's ovs-fields(7) says of each."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping
from functools import cache

import pytest

from vswitch.flow.codes import codes_of
from vswitch.flow.fields import FIELDS

pytestmark = pytest.mark.interop
KEYS = ("Name", "Width", "Format", "Masking", "Prerequisites", "Access", "OXM", "NXM")


@cache
def documented() -> Mapping[str, Mapping[str, str]]:
    """What the page has on each field, by name and by heading."""
    environment = {**os.environ, "MANWIDTH": "1000", "LC_ALL": "C.UTF-8"}
    page = subprocess.run(
        ["man", "ovs-fields"], capture_output=True, text=True, env=environment, check=True
    ).stdout
    fields: dict[str, dict[str, str]] = {}
    current: dict[str, str] = {}
    for line in page.splitlines():
        found = re.match(r"\s+(\w+):\s+(.*\S)", line)
        if found and found[1] in KEYS:
            key, text = found[1], re.sub(r"\s+", " ", found[2])
            if key == "Name":
                name, _, aka = text.partition(" (aka ")
                current = fields.setdefault(name, {"aka": aka.rstrip(")")})
            current.setdefault(key, text)
    return fields


def test_the_page_has_been_read() -> None:
    assert len(documented()) > 80


@pytest.mark.parametrize("name", sorted(documented()))
def test_a_field_is_as_documented(name: str) -> None:
    told, field = documented()[name], FIELDS[name]
    assert field.name == name
    assert set(field.aka) == ({told["aka"]} if told["aka"] else set())
    width = re.search(r"least-significant (\d+) bit", told["Width"]) or re.match(r"(\d+) bit", told["Width"])
    if width and name not in ("vlan_vid", "ip_dscp", "nw_tos"):
        assert field.bits == int(width[1])
    assert told["Format"] == field.text.name
    assert ("not maskable" not in told["Masking"]) == field.maskable
    assert told["Prerequisites"] == field.needs.name
    assert (told["Access"] == "read/write") == field.writable
    types = {(code.name, code.number) for code in codes_of(field)}
    listed = re.findall(r"(\w+) \((\d+)\)", f"{told.get('OXM', '')} {told.get('NXM', '')}")
    assert types == {(kind, int(number)) for kind, number in listed}


def test_every_field_is_documented() -> None:
    """Series have one entry, that of the first; some fields have a section without a table."""
    page = documented()
    missing = {
        field.name
        for field in FIELDS
        if field.name not in page and not re.fullmatch(r"(x{0,2}reg|tun_metadata|nsh_c)\d+", field.name)
    }
    assert missing == {"dl_vlan", "dl_vlan_pcp", "dp_hash", "recirc_id", "tun_tos", "tun_ttl"}
