"""Sets of actions, instructions and fields, as switches tell what their tables and groups can do: bits, and their names.

Sources: OpenFlow 1.0, 5.2.4; OpenFlow 1.1, A.2.5; OpenFlow 1.2, A.3.5.4; ovs-ofctl(8), dump-table-features.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from vswitch.openflow.version import OF10, OF11

# In the order in which ovs-ofctl lists them: each name, and its action type in OpenFlow 1.0, 1.1, and since 1.2.
ACTION_TYPES = (
    ("output", 0, 0, 0),
    ("group", None, 22, 22),
    ("enqueue", 11, None, None),
    ("set_field", None, None, 25),
    ("set_vlan_vid", 1, 1, None),
    ("set_vlan_pcp", 2, 2, None),
    ("strip_vlan", 3, 18, 18),
    ("push_vlan", None, 17, 17),
    ("mod_dl_src", 4, 3, None),
    ("mod_dl_dst", 5, 4, None),
    ("mod_nw_src", 6, 5, None),
    ("mod_nw_dst", 7, 6, None),
    ("mod_nw_tos", 8, 7, None),
    ("mod_nw_ecn", None, 8, None),
    ("mod_nw_ttl", None, 23, 23),
    ("mod_tp_src", 9, 9, None),
    ("mod_tp_dst", 10, 10, None),
    ("dec_ttl", None, 24, 24),
    ("set_mpls_label", None, 13, None),
    ("set_mpls_tc", None, 14, None),
    ("set_mpls_ttl", None, 15, 15),
    ("dec_mpls_ttl", None, 16, 16),
    ("push_mpls", None, 19, 19),
    ("pop_mpls", None, 20, 20),
    ("set_queue", None, 21, 21),
)
_COLUMNS: Mapping[int, int] = {OF10: 1, OF11: 2}


def action_type(name: str, version: int) -> int | None:
    """The number of an action in `version`, if it has one."""
    entry = next(entry for entry in ACTION_TYPES if entry[0] == name)
    number = entry[_COLUMNS.get(version, 3)]
    assert not isinstance(number, str)
    return number


def action_names(bits: int, version: int) -> str:
    """The names of the action types whose bits are set, in order; types without a name are left out."""
    column = _COLUMNS.get(version, 3)
    return list_names(
        str(entry[0])
        for entry in ACTION_TYPES
        if entry[column] is not None and bits >> int(entry[column] or 0) & 1
    )


def list_names(names: Iterable[str]) -> str:
    """Names with spaces between, or the word for none."""
    return " ".join(names) or "<none>"
