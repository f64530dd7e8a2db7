"""The backer: the switches that share one datapath, and its megaflows.

A packet that a datapath does not know comes here as an upcall, is translated through the tables of the switch that
owns its input port (and through patch ports of others), and leaves as a megaflow to install and a packet to execute.

Afterwards the datapath carries such packets alone, and three things flow back: what each megaflow has carried, which
is credited to the rules, ports and addresses on its path; changes of the switches, after which the megaflows that
they can touch are translated again (megaflows.py); and silence, after which a megaflow is removed.

    deadline        -> run(now)                    due work, a slice at a time
    revalidate_at   -> revalidate(dump, now)       statistics, idle megaflows, idle rules: the next `run`s go through them

Nothing here takes longer than about 10 ms at a time, however many megaflows there are.  With 100,000 of them, the
longest slice of a pass takes 6 ms, a flow-mod 7 ms at a time and 14 ms in all (bench/revalidation.py).

Sources: ovs-vswitchd.conf.db(5), other_config: max-idle, flow-limit; OVS Documentation/topics/design.rst.
"""

from __future__ import annotations

from _blake2 import blake2b  # `hashlib` imports all of OpenSSL with it
from collections.abc import Iterator, Sequence

from vswitch.base.counters import Counter
from vswitch.dpif import action
from vswitch.dpif.datapath import Support
from vswitch.dpif.megaflow import Execute, FlowStats, Megaflow, Ufid, Upcall
from vswitch.dpif.ports import OdpPort
from vswitch.flow.field import Flow, Mask
from vswitch.flow.fields import IN_PORT, VLAN2_TCI, VLAN_PRESENT, VLAN_TCI
from vswitch.ofproto import packetin
from vswitch.ofproto.command import Command, Install, Uninstall
from vswitch.ofproto.expiry import expire, expiring_rules
from vswitch.ofproto.fairness import FairQueue
from vswitch.ofproto.megaflows import Entry, Megaflows
from vswitch.ofproto.monitors import flush
from vswitch.ofproto.pace import Pace
from vswitch.ofproto.switch import Switch
from vswitch.ofproto.wiring import Changes, Wiring
from vswitch.ofproto.xlate import context
from vswitch.ofproto.xlate import translate as translation

DEFAULT_MAX_IDLE = 10.0  # seconds
OVERLOAD_MAX_IDLE = 0.1  # seconds, while there are more megaflows than the limit
EXPIRY_INTERVAL = 1.0  # seconds between looks at rules with timeouts
UPCALLS_AT_ONCE = 64
COMPARISONS_AT_ONCE = 25_000  # of megaflows with changes of rules: 4 ms
SUSPECTS_AT_ONCE = 100  # 3 ms and more
FREED_AT_ONCE = 5_000  # rules that are gone: 3 ms
LOOKS_AT_ONCE = 500  # at megaflows in a dump: 1 ms, or 4 ms if all of them have carried packets
LOOKS_PER_TRANSLATION = 10  # that one translation takes the time of
MAX_DIGESTS = 1000  # masks for which the beginning of names is remembered
FOREVER = float("inf")
LOST = Counter("upcall_lost")
# A datapath's key has its shape by how many VLAN tags there are, so that is always matched.
KEY_SHAPE = VLAN_PRESENT << VLAN_TCI.offset | VLAN_PRESENT << VLAN2_TCI.offset


class Backer:
    """The switches on one datapath.  An upcall through NORMAL takes 20 µs (bench/upcall.py).

    Methods return commands for vswitchd to perform, in order.  Call `run` at `deadline`, and after anything that
    may have changed a switch; call `revalidate` with a dump of the datapath at `revalidate_at`.
    """

    def __init__(self, support: Support, secret: int = 0) -> None:
        """`secret`: 128 random bits, from which the names of megaflows are made."""
        self.switches: dict[str, Switch] = {}
        self.max_idle = DEFAULT_MAX_IDLE
        self.pace = Pace()
        self.wiring: Wiring[Switch] = Wiring(support)
        self.lost = 0  # upcalls that nobody is there for, or beyond what a port may have waiting
        self._secret = secret.to_bytes(16, "big")
        self._digests: dict[Mask, blake2b] = {}  # of masks that keys are digested with
        self._megaflows = Megaflows()
        self._leaving: dict[Ufid, Entry] = {}  # uninstalled, their last statistics not told yet
        self._upcalls: FairQueue[OdpPort, Upcall] = FairQueue()
        self._dump: Iterator[tuple[Megaflow, FlowStats]] | None = None  # what is left of it
        self._passes = 0  # through a dump, so far
        self._pass_began = -FOREVER
        self._heard = -FOREVER  # until when all megaflows have told what they carried
        self._next_expiry = -FOREVER
        self._has_expired = True  # all that had to by then, not but a slice

    # Switches.

    def add_switch(self, name: str, datapath_id: int, now: float) -> Switch:
        """A new switch, without ports, in fail mode standalone."""
        assert name not in self.switches
        switch = self.switches[name] = Switch(name, datapath_id, self.wiring, now)
        return switch

    def remove_switch(self, name: str, now: float) -> list[Command]:
        """Forget a switch and everything that goes through it."""
        switch = self.switches.pop(name)
        for port in list(switch.ports.values()):
            self.wiring.detach(port)
        for table in switch.tables:
            self.wiring.remains.put(
                table.take_all().containers()
            )  # not left to the collector: a switch refers to itself
        self.wiring.changes.everything = True
        return self.run(now)

    # Upcalls.

    def upcall(self, upcalls: Sequence[Upcall], now: float) -> list[Command]:
        """Translate packets that the datapath handed up; those that have to wait their turn follow in `run`."""
        for upcall in upcalls:
            if not self._upcalls.put(OdpPort(IN_PORT.get(upcall.flow)), upcall):
                self._lose()
        self._serve_upcalls(now)
        return self._take_commands()

    def _lose(self) -> None:
        """A packet goes no further."""
        self.lost += 1
        LOST.hit()

    def _serve_upcalls(self, now: float) -> None:
        for upcall in self._upcalls.take(UPCALLS_AT_ONCE):
            if isinstance(upcall.cookie, action.ToController):
                self._packet_in(upcall, upcall.cookie)
            else:
                self._translate(upcall, now)

    def _translate(self, upcall: Upcall, now: float) -> None:
        """Handle a packet that no megaflow matched, or one whose megaflow leaves the work to us."""
        found = self.wiring.owner(OdpPort(IN_PORT.get(upcall.flow)))
        if found is None:
            self._lose()
            return
        switch, port = found
        flow = IN_PORT.put(upcall.flow, port.number)
        xlate = translation.translate(self.wiring, switch, flow, now, packet=upcall.packet, side_effects=True)
        out = self.wiring.outbox
        if upcall.cookie is None:
            xlate.carried.count(1, len(upcall.packet.data), now)
            if len(self._megaflows) < self.pace.limit:
                entry = self._enter(upcall.flow, flow, xlate, now)
                out.append(Install(entry.megaflow))
        if xlate.actions:
            out.append(Execute(upcall.packet, upcall.flow, tuple(xlate.actions)))

    def _enter(self, odp_flow: Flow, flow: Flow, xlate: context.Translation, now: float) -> Entry:
        """Make a megaflow of a translation, and remember it."""
        mask = Mask(xlate.mask | KEY_SHAPE)
        key = Flow(odp_flow & mask)
        megaflow = Megaflow(self._ufid(key, mask), key, mask, datapath_actions(xlate))
        entry = Entry(megaflow, flow, xlate.carried, xlate.dependencies, tuple(xlate.recircs), now, now)
        self._add(entry)
        return entry

    def _add(self, entry: Entry) -> None:
        before = self._megaflows.get(entry.megaflow.ufid)
        if before is not None:
            entry.stats = before.stats
            self.wiring.frozen.release(before.recircs)
        self._megaflows.add(entry)
        self.wiring.frozen.hold(entry.recircs)

    def _ufid(self, key: Flow, mask: Mask) -> Ufid:
        began = self._digests.get(mask)
        if began is None:
            if len(self._digests) >= MAX_DIGESTS:
                self._digests.clear()
            data = _bytes_of(mask)
            began = blake2b(len(data).to_bytes(2, "big") + data, key=self._secret, digest_size=16)
            self._digests[mask] = began
        digest = began.copy()
        digest.update(_bytes_of(key))
        return Ufid(int.from_bytes(digest.digest(), "big"))

    def _packet_in(self, upcall: Upcall, cookie: action.ToController) -> None:
        frozen = self.wiring.frozen.get(cookie.recirc_id)
        switch = self.switches.get(frozen.switch) if frozen is not None else None
        if frozen is None or switch is None:
            self._lose()
            return
        rest = frozen.rest
        if rest is not None:
            from vswitch.ofproto.resume import bridge_id  # when a controller is to let a packet go on

            rest = rest.replace(bridge=bridge_id(switch.name), odp_port=IN_PORT.get(upcall.flow))
        self.wiring.outbox.extend(
            packetin.packet_ins(switch.channels.values(), upcall.packet, frozen.metadata, cookie, rest)
        )

    # What is due.

    @property
    def deadline(self) -> float:
        """When to call `run` next."""
        if self.wiring.outbox or self._upcalls or self.wiring.remains or not self.is_settled:
            return -FOREVER
        deadline = min((switch.macs.deadline for switch in self.switches.values()), default=FOREVER)
        return min(deadline, self._next_expiry) if expiring_rules(self.switches.values()) else deadline

    @property
    def is_settled(self) -> bool:
        """Whether every megaflow is known to be right, and the dump that came last is done with."""
        return (
            self._dump is None and self._megaflows.is_settled and self._has_expired and not self._has_changes
        )

    @property
    def _has_changes(self) -> bool:
        changes = self.wiring.changes
        return (
            changes.everything
            or bool(changes.rules)
            or any(switch.macs.has_changes for switch in self.switches.values())
        )

    def run(self, now: float) -> list[Command]:
        """Do what is due, or a slice of it; `deadline` says when there is more."""
        for switch in self.switches.values():
            switch.macs.expire(now)
        if now >= self._next_expiry or not self._has_expired:
            self._expire(now)
        self._suspect()
        for entry in self._megaflows.take_suspects(SUSPECTS_AT_ONCE):
            self._translate_again(entry, now, FlowStats())
        if self._dump is not None:
            self._look_through(self._dump, now)
        self.wiring.remains.free(FREED_AT_ONCE)
        self._serve_upcalls(now)
        return self._take_commands()

    def _expire(self, now: float) -> None:
        self._next_expiry = now + EXPIRY_INTERVAL
        self._has_expired = expire(self.switches.values(), self._heard, now)

    def _suspect(self) -> None:
        """Mark the megaflows that may be wrong after the changes since the last time, or some of them."""
        changes, self.wiring.changes = self.wiring.changes, Changes()
        if changes.everything:
            self._megaflows.suspect_all()
        else:
            self._megaflows.suspect_rules(changes.rules)
        for switch in self.switches.values():
            self._megaflows.suspect_macs(switch.macs, switch.macs.take_changes())
        self._megaflows.search(COMPARISONS_AT_ONCE)

    def _translate_again(self, entry: Entry, now: float, new: FlowStats) -> None:
        """Bring a megaflow up to date, of whose packets `new` are not credited yet."""
        old = entry.megaflow
        found = self.wiring.owner(OdpPort(IN_PORT.get(old.flow)))
        if found is None:
            self._uninstall(entry)
            return
        switch, port = found
        flow = IN_PORT.put(entry.flow, port.number)
        xlate = translation.translate(self.wiring, switch, flow, now)
        xlate.carried.credit(new, now)
        if xlate.mask | KEY_SHAPE != old.mask:
            self._replace(entry, flow, xlate, now)
            return
        actions = datapath_actions(xlate)
        megaflow = old if actions == old.actions else Megaflow(old.ufid, old.flow, old.mask, actions)
        made = Entry(
            megaflow, flow, xlate.carried, xlate.dependencies, tuple(xlate.recircs), entry.created, entry.used
        )
        made.is_adopted, made.seen = entry.is_adopted, entry.seen
        self._add(made)
        made.stats = entry.stats
        if megaflow is not old:
            self.wiring.outbox.append(Install(megaflow))

    def _replace(self, entry: Entry, flow: Flow, xlate: context.Translation, now: float) -> None:
        """Put a megaflow with another mask in the place of `entry`: else entries would overlap, or be too wide.

        The new one comes first, so that no packet comes up meanwhile.  A megaflow of a former daemon is not replaced:
        we have not seen its packet.
        """
        if not entry.is_adopted:
            made = self._enter(IN_PORT.put(flow, IN_PORT.get(entry.megaflow.flow)), flow, xlate, now)
            made.used = max(made.used, entry.used)
            self.wiring.outbox.append(Install(made.megaflow))
        self._uninstall(entry)

    def _uninstall(self, entry: Entry) -> None:
        ufid = entry.megaflow.ufid
        self._megaflows.remove(ufid)
        self._leaving[ufid] = entry
        self.wiring.frozen.release(entry.recircs)
        self.wiring.outbox.append(Uninstall(ufid))

    def uninstalled(self, ufid: Ufid, stats: FlowStats | None, now: float) -> None:
        """What an uninstalled megaflow had carried at the last."""
        entry = self._leaving.pop(ufid, None)
        new = entry.take_new(stats) if entry is not None and stats is not None else None
        if entry is not None and new is not None:
            entry.carried.credit(new, now)

    # Revalidation.

    @property
    def revalidate_at(self) -> float:
        """When to call `revalidate` next with what the datapath has carried."""
        return self._pass_began + self.pace.interval if self._dump is None else FOREVER

    def revalidate(self, dump: Iterator[tuple[Megaflow, FlowStats]], now: float) -> list[Command]:
        """Begin to credit what megaflows have carried to rules, ports and addresses, and to remove the idle.

        `run` goes on with it; `dump` has to leave out what is uninstalled meanwhile.  A megaflow that nobody here knows
        (a former daemon's) is adopted if it is right, else changed or removed.
        """
        self._dump, self._pass_began = dump, now
        self._passes += 1
        return self.run(now)

    def _look_through(self, dump: Iterator[tuple[Megaflow, FlowStats]], now: float) -> None:
        """A slice of a pass."""
        looks = LOOKS_AT_ONCE
        max_idle = OVERLOAD_MAX_IDLE if len(self._megaflows) > self.pace.limit else self.max_idle
        for megaflow, stats in dump:
            entry = self._megaflows.get(megaflow.ufid)
            looks -= 1
            if entry is None:
                self._adopt(megaflow, stats, now)
                continue
            entry.seen = self._passes
            new = entry.take_new(stats)
            if new is not None:
                entry.used = now if stats.used is None else max(entry.used, stats.used)
                looks -= self._credit(entry, new, now)
            elif now - entry.used > max_idle:
                self._uninstall(entry)
            if looks <= 0:
                return
        self._finish_pass(now)

    def _finish_pass(self, now: float) -> None:
        """What is to be done when all have told what they carried until the pass began."""
        self._dump = None
        self.pace.passed(now - self._pass_began)
        for entry in self._megaflows:
            if entry.seen != self._passes and entry.created < self._pass_began:
                self._uninstall(entry)  # somebody removed it, or the datapath had refused it
        self._heard = self._pass_began
        self._expire(now)
        self._suspect()
        self.wiring.frozen.collect()

    def _credit(self, entry: Entry, new: FlowStats, now: float) -> int:
        """Credit `new` packets to what carried them: by the present rules, if those have changed.  Returns the effort."""
        if self._megaflows.absolve(entry):
            self._translate_again(entry, now, new)
            return LOOKS_PER_TRANSLATION
        entry.carried.credit(new, now)
        return 1

    def _adopt(self, megaflow: Megaflow, stats: FlowStats, now: float) -> None:
        if megaflow.ufid in self._leaving:
            return
        entry = Entry.adopted(megaflow, stats, now)
        entry.seen = self._passes
        self._add(entry)
        self._megaflows.suspect(entry)

    def purge(self, now: float) -> list[Command]:
        """Uninstall every megaflow (revalidator/purge)."""
        for entry in self._megaflows:
            self._uninstall(entry)
        return self.run(now)

    def __len__(self) -> int:
        """How many megaflows there are."""
        return len(self._megaflows)

    def _take_commands(self) -> list[Command]:
        for switch in self.switches.values():
            flush(switch)
        commands, self.wiring.outbox = self.wiring.outbox, []
        return commands


def _bytes_of(number: int) -> bytes:
    return number.to_bytes((number.bit_length() + 7) // 8, "big")


def datapath_actions(xlate: context.Translation) -> tuple[action.DatapathAction, ...]:
    """What the datapath does: the actions, or if it cannot do one of them, hand up each packet."""
    if xlate.slow:
        return (action.Userspace(action.SlowPath(xlate.slow)),)
    return tuple(xlate.actions)
