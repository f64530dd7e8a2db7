"""What stands among the words of a dpctl command: options, and which megaflows a dump is to show.

Sources: ovs-dpctl(8), "OPTIONS" and dump-flows; what the peer refuses, and how.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from vswitch.base.dataclass import dataclass
from vswitch.base.digits import parse_decimal
from vswitch.base.errors import TextError
from vswitch.dpif.megaflow import Megaflow
from vswitch.flow.match import Match
from vswitch.flow.ports import OfPort
from vswitch.openflow.exacttext import parse_exact_match
from vswitch.vswitchd.dpctlwords import DpctlError

_LETTERS = {"s": "statistics", "m": "more"}
_NAMES = frozenset({"statistics", "more", "names", "no-names", "may-create", "clear"})
_TYPES = frozenset({"ovs", "tc", "dpdk", "offloaded", "partially-offloaded", "non-offloaded", "all"})
_OURS = frozenset({"ovs", "non-offloaded", "all"})  # no datapath has hardware to do its work
_NO_THREAD = -1  # the main thread, of threads that forward packets


@dataclass(frozen=True, slots=True)
class Options:
    """The options of a command."""

    given: frozenset[str] = frozenset()

    @property
    def names(self) -> bool:
        """Whether ports are told by name: if that is asked for, or else if more is."""
        return "no-names" not in self.given and bool(self.given & {"names", "more"})


def split_options(words: Sequence[str]) -> tuple[Options, list[str]]:
    """The options among `words`, wherever they stand, and the other words."""
    given, others = set[str](), []
    for word in words:
        if word.startswith("--"):
            if word[2:] not in _NAMES:
                raise DpctlError(f"Unrecognized option {word}")
            given.add(word[2:])
            if "names" in word:
                given.discard({"names": "no-names", "no-names": "names"}[word[2:]])  # the last one counts
        elif word.startswith("-") and word != "-":
            for letter in word[1:]:
                if letter not in _LETTERS:
                    raise DpctlError(f"Unrecognized option -{letter}")
                given.add(_LETTERS[letter])
        else:
            others.append(word)
    return Options(frozenset(given)), others


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which megaflows a dump is to show: those that agree with a match in what both look at."""

    match: Match = Match()
    types: frozenset[str] | None = None
    thread: int | None = None

    def includes(self, megaflow: Megaflow) -> bool:
        """Whether the dump shows `megaflow`."""
        if self.types is not None and not self.types & _OURS:
            return False
        if self.thread not in (None, _NO_THREAD):
            return False
        return not (megaflow.flow ^ self.match.value) & self.match.mask & megaflow.mask


def parse_wanted(words: Sequence[str], ports: Mapping[str, int]) -> Wanted:
    """`filter=FLOW`, `type=TYPE[,…]` and `pmd=THREAD`; DpctlError without the program's name: what is wrong."""
    match, types, thread = Match(), None, None
    for word in words:
        name, _, value = word.partition("=")
        if name == "filter":
            try:
                match = parse_exact_match(value, {port: OfPort(number) for port, number in ports.items()})
            except TextError as error:
                raise DpctlError(f"Failed to parse filter ({error})") from error
        elif name == "type":
            types = frozenset(filter(None, value.split(",")))
            for each in sorted(types - _TYPES):
                raise DpctlError(f"Failed to parse type ({each}) (Invalid argument)")
        elif name == "pmd":
            thread = _NO_THREAD if value == str(_NO_THREAD) else parse_decimal(value)
            if thread is None:
                raise DpctlError(f"Failed to parse pmd ({value}) (Invalid argument)")
    return Wanted(match, types, thread)


def is_wish(word: str) -> bool:
    """Whether a word says what to show, rather than of which datapath."""
    return word.startswith(("filter=", "type=", "pmd="))
