"""learn and fin_timeout: actions that change rules.

Translating a packet that is there does what it says; translating again does not, but what it read is in the mask, and
each packet that takes the path afterwards teaches the same again.

Sources: ovs-actions(7), learn and fin_timeout.
"""

from __future__ import annotations

from vswitch.base.dataclass import dataclass
from vswitch.flow.fields import IP_PROTO, TCP_FLAGS
from vswitch.flow.match import Match, format_match
from vswitch.flow.ports import OFPP_ALL, OFPP_FLOOD, OFPP_IN_PORT, OFPP_LOCAL, OFPP_MAX, OfPort, from_16
from vswitch.flow.subfield import Subfield
from vswitch.flow.texts import hexadecimal
from vswitch.ofproto.learning import Learned
from vswitch.ofproto.narration import Kind
from vswitch.ofproto.rule import Rule
from vswitch.ofproto.switch import Switch
from vswitch.ofproto.xlate.context import Translation
from vswitch.ofproto.xlate.registry import translates
from vswitch.openflow.actions.base import Action, format_actions
from vswitch.openflow.actions.control import FinTimeout
from vswitch.openflow.actions.learn import LOAD, MATCH, Learn, LearnSpec
from vswitch.openflow.actions.output import Output
from vswitch.openflow.actions.register import Load
from vswitch.packet.numbers import TCP

_FIN_OR_RST = 0x005
_RESERVED = frozenset({OFPP_IN_PORT, OFPP_FLOOD, OFPP_ALL, OFPP_LOCAL})


@translates(Learn)
def learn(xlate: Translation, action: Learn) -> None:
    """Add a rule that the packet and `action` make, or refresh it."""
    learned = _made(xlate, action)
    if xlate.tracing and not xlate.side_effects:
        xlate.report(Kind.WARN, "suppressing side effects, so learn action ignored")
        return
    if xlate.trace is not None:
        xlate.report(Kind.DETAIL, _describe(learned))
    xlate.dependencies.lookups.append((xlate.switch.tables[action.table], learned.match.value))
    succeeded = learned.apply(xlate.now) if xlate.side_effects else learned.may_be_added
    xlate.carried.learned += (learned,)
    result = action.result_dst
    if result is not None and result.mask:  # a bit that the field does not have tells nobody
        xlate.mask |= result.mask
        xlate.flow = result.put(xlate.flow, succeeded)
        if xlate.trace is not None:
            xlate.report(Kind.DETAIL, f"{result} is now {hexadecimal(int(succeeded))}")
    if not succeeded:
        xlate.report(Kind.DETAIL, "Limit exceeded, learn failed")


def _made(xlate: Translation, action: Learn) -> Learned:
    """The rule that the packet makes of `action`."""
    match = Match()
    actions: list[Action] = []
    if action.fin_idle_timeout or action.fin_hard_timeout:
        actions.append(FinTimeout(action.fin_idle_timeout, action.fin_hard_timeout))
    for spec in action.specs:
        value = _source(xlate, spec)
        if spec.kind == MATCH:
            assert spec.dst is not None
            match = _with_bits(match, spec.dst, value)
        elif spec.kind == LOAD:
            assert spec.dst is not None
            actions.append(Load(spec.dst, value))
        else:
            port = from_16(value) if spec.n_bits == 16 else OfPort(value)
            if port < OFPP_MAX or port in _RESERVED:
                actions.append(Output(port))
    return Learned(xlate.switch, action, match, tuple(actions))


def _source(xlate: Translation, spec: LearnSpec) -> int:
    if isinstance(spec.src, int):
        return spec.src & (1 << spec.n_bits) - 1  # a message may say more bits than it means
    xlate.mask |= spec.src.mask
    return spec.src.get(xlate.flow)


def _with_bits(match: Match, part: Subfield, value: int) -> Match:
    """`match`, and `part` of a field is `value`; other parts of it stay as they were."""
    field = part.field
    ones = (1 << part.n_bits) - 1 << part.start
    mask = field.get(match.mask) | ones
    return match.where(field, field.get(match.value) & ~ones | value << part.start, mask)


def _describe(learned: Learned) -> str:
    learn = learned.learn
    words = [f"table={learn.table}"]
    if learned.match.mask:
        words.append(format_match(learned.match))
    words.append(f"priority={learn.priority}")
    if learn.cookie:
        words.append(f"cookie={learn.cookie:#x}")
    words += [
        f"{word}={value}"
        for word, value in (("idle", learn.idle_timeout), ("hard", learn.hard_timeout))
        if value
    ]
    return f"{' '.join(words)} actions={format_actions(learned.actions)}"


@dataclass(frozen=True, slots=True)
class Ending:
    """A TCP connection that ends: the rule of `switch` that carried it need not stay as long."""

    switch: Switch
    rule: Rule
    idle_timeout: int
    hard_timeout: int

    def apply(self, now: float) -> bool:
        """Lower the rule's timeouts, if it is still there."""
        rule = self.rule
        idle, hard = (
            _lower(rule.idle_timeout, self.idle_timeout),
            _lower(rule.hard_timeout, self.hard_timeout),
        )
        if (idle, hard) != (rule.idle_timeout, rule.hard_timeout):
            if self.switch.tables[rule.table_id].find(rule.match, rule.priority) is not rule:
                return False
            rule.idle_timeout, rule.hard_timeout = idle, hard
            self.switch.expiring.add(rule)
        return True


def _lower(present: int, wanted: int) -> int:
    return min(present or wanted, wanted) if wanted else present


@translates(FinTimeout)
def fin_timeout(xlate: Translation, action: FinTimeout) -> None:
    """Let a rule go soon after the connection that it carries."""
    if xlate.read(IP_PROTO) != TCP or not xlate.read(TCP_FLAGS) & _FIN_OR_RST or xlate.rule is None:
        return
    ending = Ending(xlate.switch, xlate.rule, action.idle_timeout, action.hard_timeout)
    xlate.carried.learned += (ending,)
    if xlate.side_effects:
        ending.apply(xlate.now)
