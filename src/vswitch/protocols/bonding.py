"""Which members of a bond work, and which one is active: links go up and down, delays pass, and text says how it is.

    link goes down ──[downdelay]──→ disabled        link comes up ──[updelay, unless no member works]──→ enabled

A member's link counts when its delay is over and it still is as it was.  This switch does not speak LACP yet: a bond
that is to use it is active-backup, as lacp-fallback-ab asks for, also where it does not: better one link than none.

Sources: ovs-vswitchd.conf.db(5), Port, "Bonding Configuration"; bond/show of the peer for the text.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import StrEnum

from vswitch.base.dataclass import dataclass, field
from vswitch.base.text import format_mac


class BondMode(StrEnum):
    """Port.bond_mode."""

    ACTIVE_BACKUP = "active-backup"
    BALANCE_SLB = "balance-slb"
    BALANCE_TCP = "balance-tcp"


@dataclass(frozen=True, slots=True)
class BondConfig:
    """What the database says of a bond; times in seconds."""

    mode: BondMode = BondMode.ACTIVE_BACKUP
    updelay: float = 0.0
    downdelay: float = 0.0
    rebalance: float = 10.0  # 0: never
    basis: int = 0
    uses_lacp: bool = False
    fallback: bool = False  # whether lacp-fallback-ab says so
    primary: str = ""
    all_members_active: bool = False
    lb_output: bool = False

    @property
    def effective(self) -> BondMode:
        """The mode at work."""
        return BondMode.ACTIVE_BACKUP if self.uses_lacp else self.mode


@dataclass(frozen=True, slots=True)
class Link:
    """A member's device: its address, and whether packets can go through it."""

    mac: int
    is_up: bool


@dataclass(slots=True)
class Member:
    """One interface of a bond."""

    link: Link
    is_enabled: bool
    changes_at: float | None = None  # when it is enabled or disabled, if its link stays as it is


@dataclass(slots=True)
class Bond:
    """A bond at work.  `look` brings it up to date, whatever has happened since."""

    config: BondConfig
    number: int  # among the bonds of the switch that share load, from 1 on; else 0
    since: float  # when it was made
    members: dict[str, Member] = field(default_factory=dict)  # by name
    active: str = ""

    def look(self, links: Mapping[str, Link], now: float) -> None:
        """See how the members' links are `now`."""
        for name in self.members.keys() - links.keys():
            del self.members[name]
        self._pass_time(now)
        for name, link in sorted(links.items()):
            member = self.members.get(name)
            if member is None:
                self.members[name] = Member(link, link.is_up)
            else:
                member.link = link
                self._plan(member, now)
        self._pass_time(now)

    @property
    def changes_at(self) -> float | None:
        """When the first member changes, if links stay as they are."""
        return min(
            (at for member in self.members.values() if (at := member.changes_at) is not None), default=None
        )

    def _plan(self, member: Member, now: float) -> None:
        """When a member changes."""
        if member.link.is_up == member.is_enabled:
            member.changes_at = None
        elif member.changes_at is None:
            delay = self.config.updelay if member.link.is_up else self.config.downdelay
            member.changes_at = now + (delay if self.active or not member.link.is_up else 0.0)

    def _pass_time(self, now: float) -> None:
        """Let happen what is due, in its order."""
        due = [(at, name) for name, member in self.members.items() if (at := member.changes_at) is not None]
        for at, name in sorted(due):
            if at <= now:
                member = self.members[name]
                member.is_enabled, member.changes_at = not member.is_enabled, None
        self.active = self._choose()

    def _choose(self) -> str:
        """The active member: the primary one, else as before, else the first that works."""
        enabled = sorted(name for name, member in self.members.items() if member.is_enabled)
        primary = self.config.primary if self.config.effective is BondMode.ACTIVE_BACKUP else ""
        for name in (primary, self.active):
            if name in enabled:
                return name
        return enabled[0] if enabled else ""

    def show(self, name: str, now: float) -> Iterator[str]:
        """The lines of bond/show."""
        config, mode = self.config, self.config.effective
        hashes = mode is BondMode.BALANCE_TCP
        lb_output = hashes and config.lb_output
        yield f"---- {name} ----"
        yield f"bond_mode: {config.mode}"
        yield f"bond may use recirculation: {f'yes, Recirc-ID : {self.number}' if hashes else 'no, Recirc-ID : -1'}"
        yield f"bond-hash-basis: {config.basis}"
        yield f"lb_output action: {f'enabled, bond-id: {self.number}' if lb_output else 'disabled, bond-id: -1'}"
        if mode is BondMode.BALANCE_SLB:
            yield f"all members active: {_truth(config.all_members_active)}"
        yield f"updelay: {_milliseconds(config.updelay)} ms"
        yield f"downdelay: {_milliseconds(config.downdelay)} ms"
        if mode is not BondMode.ACTIVE_BACKUP and config.rebalance:
            left = config.rebalance - (now - self.since) % config.rebalance
            yield f"next rebalance: {_milliseconds(left)} ms"
        yield f"lacp_status: {'configured' if config.uses_lacp else 'off'}"
        yield f"lacp_fallback_ab: {_truth(config.fallback)}"
        primary = config.primary if mode is BondMode.ACTIVE_BACKUP else ""
        yield f"active-backup primary: {self._named(primary)}"
        mac = self.members[self.active].link.mac if self.active else 0
        yield f"active member mac: {format_mac(mac)}({self.active or 'none'})"
        for each, member in sorted(self.members.items()):
            yield ""
            yield from self._show_member(each, member, now)
        yield ""

    def _named(self, primary: str) -> str:
        if not primary:
            return "<none>"
        return primary if primary in self.members else f"{primary} (no such member)"

    def _show_member(self, name: str, member: Member, now: float) -> Iterator[str]:
        yield f"member {name}: {'enabled' if member.is_enabled else 'disabled'}"
        if name == self.active:
            yield "  active member"
        if member.changes_at is not None:
            which = "downdelay" if member.is_enabled else "updelay"
            yield f"  {which} expires in {_milliseconds(member.changes_at - now)} ms"
        yield f"  may_enable: {_truth(member.link.is_up)}"


def _truth(value: bool) -> str:
    return "true" if value else "false"


def _milliseconds(seconds: float) -> int:
    return round(seconds * 1000)
