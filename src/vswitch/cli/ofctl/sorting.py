"""How flows are sorted: by their priority, or by a field.

Sources: ovs-ofctl(8), --sort and --rsort.
"""

from __future__ import annotations

from collections.abc import Callable

from vswitch.base.options import CommandError
from vswitch.flow.field import Field
from vswitch.flow.fields import FIELDS
from vswitch.openflow.messages.flowstats import FlowStats


def sort_field(text: str | None) -> Field | None:
    """The field that --sort or --rsort names; None: the priority."""
    if text is None or text.lower() == "priority":
        return None
    field = FIELDS.get(text)
    if field is None:
        raise CommandError(f"{text}: unknown field name")
    return field


def sort_key(text: str | None, descending: bool) -> Callable[[FlowStats], tuple[int, int]]:
    """What --sort=FIELD and --rsort=FIELD compare: the priority, or a field; flows without the field come last."""
    sign = -1 if descending else 1
    field = sort_field(text)
    if field is None:
        return lambda flow: (0, sign * flow.priority)
    needs = field.needs

    def key(flow: FlowStats) -> tuple[int, int]:
        value, mask = flow.match.value, flow.match.mask
        has_field = field.get(mask) and needs.holds_in(value, mask)
        return not has_field, sign * field.get(value)  # the bits may be another field's, but they do decide

    return key
