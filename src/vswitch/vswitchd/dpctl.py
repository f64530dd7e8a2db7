"""Datapaths as they are: the dpctl/* commands of ovs-vswitchd, and those of ovs-dpctl.

A command takes words and yields lines.  A `DpctlError` says, like the rest of the command's output, what is wrong, and
the program's name before it.

Sources: ovs-dpctl(8); ovs-vswitchd(8), "Datapath Commands".
"""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TypeAlias

from vswitch.base.dataclass import dataclass
from vswitch.base.errors import KernelError, TextError, VswitchError
from vswitch.base.namedtuple import NamedTuple
from vswitch.dpif.actiontext import parse_actions
from vswitch.dpif.datapath import Datapath
from vswitch.dpif.flowtext import format_megaflow, format_stats
from vswitch.dpif.key import format_key, parse_key
from vswitch.dpif.megaflow import FlowStats, Megaflow, Ufid
from vswitch.dpif.netdev import UNCOUNTED, NetdevStats
from vswitch.dpif.ufid import parse_ufid, ufid_of
from vswitch.flow.field import Flow, Mask
from vswitch.vswitchd.dpctloptions import Options, is_wish, parse_wanted, split_options
from vswitch.vswitchd.dpctlwords import USAGES, DpctlError

_Command: TypeAlias = Callable[[Sequence[str], Options], Iterable[str]]
IN_THIS_PROCESS = ("netdev", "dummy")  # datapaths of this process: their dumps say so


@dataclass(frozen=True, slots=True)
class DatapathView:
    """A datapath, and how to ask what one of its ports has carried."""

    datapath: Datapath
    port_stats: Callable[[str], NetdevStats | None] = lambda name: None

    @property
    def name(self) -> str:
        """As dump-dps prints it."""
        return f"{self.datapath.type}@{self.datapath.name}"

    def names(self) -> dict[int, str]:
        """Port names by number."""
        return {number: port.name for number, port in self.datapath.ports().items()}

    def numbers(self) -> dict[str, int]:
        """Port numbers by name."""
        return {name: number for number, name in self.names().items()}


class _Key(NamedTuple):
    """What a megaflow is named by: what it matches, or its ufid."""

    flow: Flow
    mask: Mask
    ufid: Ufid | None


class Dpctl:
    """The commands, on what `datapaths` returns, said in the name of `program`."""

    def __init__(
        self, program: str, datapaths: Callable[[], Sequence[DatapathView]], clock: Callable[[], float]
    ) -> None:
        self.program = program
        self._datapaths = datapaths
        self._clock = clock

    def commands(self) -> Mapping[str, Callable[[Sequence[str]], Iterable[str]]]:
        """Every command by name."""
        with_options = {
            "dump-dps": self.dump_dps,
            "show": self.show,
            "dump-flows": self.dump_flows,
            "add-flow": self.add_flow,
            "mod-flow": self.mod_flow,
            "get-flow": self.get_flow,
            "del-flow": self.del_flow,
            "add-flows": self.add_flows,
            "mod-flows": self.mod_flows,
            "del-flows": self.del_flows,
            "parse-actions": self.parse_actions,
            "list-commands": self.list_commands,
            **{
                name: self._refuse_change("add_dp" if name == "add-dp" else "opening datapath")
                for name in ("add-dp", "del-dp", "add-if", "del-if", "set-if")
            },
        }

        def taking(run: _Command) -> Callable[[Sequence[str]], Iterable[str]]:
            def answer(words: Sequence[str]) -> Iterable[str]:
                options, others = split_options(words)
                return run(others, options)

            return answer

        return {name: taking(run) for name, run in with_options.items()}

    def list_commands(self, words: Sequence[str], options: Options) -> Iterator[str]:
        """What there is."""
        yield "The available commands are:"
        for name, (usage, _, _) in USAGES.items():
            yield f"  {'dpctl/' if self.program == 'ovs-vswitchd' else ''}{name:<23} {usage}"

    def dump_dps(self, words: Sequence[str], options: Options) -> Iterator[str]:
        """The names of all datapaths."""
        return (view.name for view in self._datapaths())

    # Ports.

    def show(self, words: Sequence[str], options: Options) -> Iterator[str]:
        """Counters and ports of the datapaths named, or of all."""
        failures, there_are = [], list(self._datapaths())
        views = [] if words else there_are
        problem = os.strerror(errno.ENODEV if there_are else errno.ENOENT)
        for name in words:
            try:
                views.append(self._find(name))
            except DpctlError:
                failures.append(f"opening datapath {name} failed ({problem})")
        for view in views:
            yield from self._show(view, "statistics" in options.given)
        if failures:
            raise self._error("\n".join(failures))

    def _show(self, view: DatapathView, with_stats: bool) -> Iterator[str]:
        stats = view.datapath.stats()
        yield f"{view.name}:"
        yield f"  lookups: hit:{stats.hit} missed:{stats.missed} lost:{stats.lost}"
        yield f"  flows: {stats.flows}"
        if view.datapath.type not in IN_THIS_PROCESS:
            lookups = stats.hit + stats.missed
            yield (
                f"  masks: hit:{stats.mask_hits} total:{stats.masks} "
                f"hit/pkt:{stats.mask_hits / lookups if lookups else 0:.2f}"
            )
        for number, port in sorted(view.datapath.ports().items()):
            kind = "" if port.type == "system" else f" ({port.type})"
            yield f"  port {number}: {port.name}{kind}"
            if with_stats:
                yield from _port_stats(view.port_stats(port.name) or NetdevStats.of_packets())

    # Megaflows.

    def dump_flows(self, words: Sequence[str], options: Options) -> Iterator[str]:
        """The megaflows of a datapath, or those of them that are wished for."""
        names = [word for word in words if not is_wish(word)]
        view = self._find(names[0] if names else None)
        try:
            wanted = parse_wanted(words, view.numbers())
        except DpctlError as error:
            raise self._error(str(error)) from None
        port_names = view.names() if options.names else None
        flows = [
            (megaflow, stats) for megaflow, stats in view.datapath.flow_dump() if wanted.includes(megaflow)
        ]
        if flows and view.datapath.type in IN_THIS_PROCESS and wanted.thread is None:
            yield "flow-dump from the main thread:"
        now = self._clock()
        for megaflow, stats in flows:
            yield format_megaflow(megaflow, stats, now, port_names, "more" in options.given)

    def add_flow(self, words: Sequence[str], options: Options) -> Iterator[str]:
        """Add a megaflow that is not there yet."""
        self._put(self._find(words[0] if len(words) > 2 else None), words[-2], words[-1])
        return iter(())

    def mod_flow(self, words: Sequence[str], options: Options) -> Iterator[str]:
        """Give a megaflow other actions; `--may-create`: make it if need be; `--clear`: forget what it carried."""
        self._put(self._find(words[0] if len(words) > 2 else None), words[-2], words[-1], options)
        return iter(())

    def add_flows(self, words: Sequence[str], options: Options) -> Iterator[str]:
        """Add megaflows from a file."""
        return self._put_file(words)

    def mod_flows(self, words: Sequence[str], options: Options) -> Iterator[str]:
        """Change megaflows as a file says."""
        return self._put_file(words, options)

    def get_flow(self, words: Sequence[str], options: Options) -> Iterator[str]:
        """The megaflow with a ufid."""
        view = self._find(words[0] if len(words) > 1 else None)
        try:
            ufid = parse_ufid(words[-1].removeprefix("ufid:"))
        except VswitchError:
            raise self._error(f"parsing flow ufid ({os.strerror(errno.EINVAL)})") from None
        for megaflow, stats in view.datapath.flow_dump():
            if megaflow.ufid == ufid:
                yield format_megaflow(megaflow, stats, self._clock(), view.names(), True)
                return
        raise self._error(f"getting flow ({os.strerror(errno.ENOENT)})")

    def del_flow(self, words: Sequence[str], options: Options) -> Iterator[str]:
        """Remove the megaflow that matches exactly this."""
        view = self._find(words[0] if len(words) > 1 else None)
        found = self._same(view, self._key(view, words[-1]))
        if found is None:
            problem = self._error(f"deleting flow ({os.strerror(errno.ENOENT)})")
            raise DpctlError(f"{problem}\nPerhaps you need to specify a UFID?")
        view.datapath.flow_del([found[0].ufid])
        if "statistics" in options.given:
            yield format_stats(found[1], self._clock())

    def del_flows(self, words: Sequence[str], options: Options) -> Iterator[str]:
        """Remove all megaflows, or those in a file."""
        named = [word for word in words if self._is_datapath(word)]
        files = [word for word in words if word not in named]
        view = self._find(named[0] if named else None)
        if not files:
            view.datapath.flow_flush()
        for line in self._lines(files[0]) if files else ():
            if (found := self._same(view, self._key(view, line.partition(" ")[0]))) is not None:
                view.datapath.flow_del([found[0].ufid])
        return iter(())

    def parse_actions(self, words: Sequence[str], options: Options) -> Iterator[str]:
        """Actions as they read after parsing."""
        for word in words:
            try:
                yield ",".join(map(str, parse_actions(word))) or "drop"
            except TextError:
                raise self._error(f"odp_actions_from_string ({os.strerror(errno.EINVAL)})") from None

    def _put_file(self, words: Sequence[str], changing: Options | None = None) -> Iterator[str]:
        view = self._find(words[0] if len(words) > 1 else None)
        for line in self._lines(words[-1]):
            key, _, actions = line.partition(" ")
            self._put(view, key, actions.strip(), changing)
        return iter(())

    def _put(self, view: DatapathView, text: str, actions: str, changing: Options | None = None) -> None:
        """Add a megaflow, or change it with the options `changing`."""
        key = self._key(view, text)
        try:
            parsed = parse_actions(actions, view.numbers())
        except TextError as error:
            raise self._error(f"parsing actions ({os.strerror(errno.EINVAL)})") from error
        found = self._same(view, key)
        old = found[0] if found else None
        if old is not None and changing is None:
            raise self._error(f"updating flow table ({os.strerror(errno.EEXIST)})")
        if old is None and changing is not None and "may-create" not in changing.given:
            raise self._error(f"updating flow table ({os.strerror(errno.ENOENT)})")
        if old is not None and changing is not None and "clear" in changing.given:
            view.datapath.flow_del([old.ufid])
        ufid = old.ufid if old else key.ufid or ufid_of(key.flow, key.mask, b"dpctl")
        try:
            view.datapath.flow_put([Megaflow(ufid, key.flow, key.mask, parsed)])
        except KernelError as error:
            raise self._error(f"updating flow table ({os.strerror(error.errno)})") from error

    def _key(self, view: DatapathView, text: str) -> _Key:
        """What `text` says: `[ufid:UFID[,]]KEY`."""
        ufid = None
        if found := re.match(r"ufid:[0-9a-fA-F-]+,?\s*", text):
            try:
                ufid = parse_ufid(found[0].rstrip(", "))
            except TextError as error:
                raise self._error(f"parsing flow ufid ({os.strerror(errno.EINVAL)})") from error
            text = text[found.end() :]
        try:
            return _Key(*parse_key(text, view.numbers()), ufid)
        except TextError as error:
            raise self._error(f"parsing flow key ({error}) ({os.strerror(errno.EINVAL)})") from error

    def _same(self, view: DatapathView, key: _Key) -> tuple[Megaflow, FlowStats] | None:
        """The megaflow that has this ufid, or without one, that matches exactly this; and what it has carried."""
        wanted = None if key.ufid else format_key(key.flow, key.mask)
        for megaflow, stats in view.datapath.flow_dump():
            if megaflow.ufid == key.ufid or format_key(megaflow.flow, megaflow.mask) == wanted:
                return megaflow, stats
        return None

    def _lines(self, path: str) -> list[str]:
        try:
            with open(path, encoding="utf-8") as file:  # noqa: PTH123 - pathlib costs 10 ms here
                lines = [line.partition("#")[0].strip() for line in file]
        except OSError as error:
            raise self._error(f"{path}: open failed ({error.strerror})") from error
        return [line for line in lines if line]

    # Which datapath.

    def _is_datapath(self, word: str) -> bool:
        try:
            return self._find(word) is not None
        except DpctlError:
            return False

    def _find(self, name: str | None) -> DatapathView:
        """The datapath called `name`; without a name, the only one."""
        views = list(self._datapaths())
        if name is None:
            if len(views) == 1:
                return views[0]
            problem = "multiple datapaths, specify one" if views else "no datapaths exist"
            raise self._error(f"{problem}\ndatapath not found ({os.strerror(errno.EINVAL)})")
        for view in views:
            if name in (view.name, view.datapath.name):
                return view
        raise self._error(f"datapath not found ({os.strerror(errno.EINVAL)})")

    def _refuse_change(self, what: str) -> _Command:
        def refuse(words: Sequence[str], options: Options) -> Iterator[str]:
            """The datapaths are the daemon's to make and unmake, as the database says."""
            raise self._error(f"{what} ({os.strerror(errno.EAFNOSUPPORT)})")

        return refuse

    def _error(self, message: str) -> DpctlError:
        return DpctlError("\n".join(f"{self.program}: {line}" for line in message.split("\n")))


def _port_stats(counted: NetdevStats) -> Iterator[str]:
    def shown(value: int) -> str:
        return "?" if value == UNCOUNTED else str(value)

    yield (
        f"    RX packets:{counted.rx_packets} errors:{shown(counted.rx_errors)} "
        f"dropped:{shown(counted.rx_dropped)} overruns:{shown(counted.rx_over_errors)} "
        f"frame:{shown(counted.rx_frame_errors)}"
    )
    yield (
        f"    TX packets:{counted.tx_packets} errors:{shown(counted.tx_errors)} "
        f"dropped:{shown(counted.tx_dropped)} aborted:{shown(counted.tx_aborted_errors)} "
        f"carrier:{shown(counted.tx_carrier_errors)}"
    )
    yield f"    collisions:{shown(counted.collisions)}"
    yield f"    RX bytes:{human(counted.rx_bytes)}  TX bytes:{human(counted.tx_bytes)}"


def human(size: int) -> str:
    """A number of bytes, and from a KiB on, in a unit in which it is short."""
    for bits, unit in ((40, "TiB"), (30, "GiB"), (20, "MiB"), (10, "KiB")):
        if size >= 1 << bits:
            return f"{size} ({size / (1 << bits):.1f} {unit})"
    return str(size)
