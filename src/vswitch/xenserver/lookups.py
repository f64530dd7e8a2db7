"""What ovs-xapi-sync knows from XAPI, kept until it is told to forget.

XAPI is asked once for each bridge, VIF and VM, when it is first seen.  While XAPI cannot be reached, answers are
missing (`is_complete` is false), and what depends on them is left as it is.

Sources: XenServer's XAPI reference (classes network, pool, VIF, VM).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from vswitch.base.dataclass import dataclass, field
from vswitch.base.errors import VswitchError
from vswitch.base.jsontype import Json
from vswitch.base.log import Logger
from vswitch.xenserver.host import Host
from vswitch.xenserver.xapi import Xapi, XapiFailure

log = Logger("xapi")

TIMEOUT = 30.0  # seconds that XAPI may take, and that our end may take while it does

Options = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class NetworkAnswer:
    """What XAPI says of a bridge: its network, if it has one, and the pool's settings."""

    uuid: str = ""
    options: Options | None = None  # None: no network has this bridge
    pool: Options = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a pass needs to know."""

    bridges: frozenset[str] = frozenset()
    vifs: frozenset[str] = frozenset()  # UUIDs
    vms: frozenset[str] = frozenset()


class Lookups:
    """Answers by name and UUID."""

    def __init__(self, host: Host) -> None:
        self.networks: dict[str, NetworkAnswer] = {}
        self.vifs: dict[str, Options] = {}
        self.vms: dict[str, Options] = {}
        self.is_complete = True
        self._host = host
        self._xapi: Xapi | None = None

    def flush(self) -> None:
        """Forget everything."""
        for answers in (self.networks, self.vifs, self.vms):
            answers.clear()

    def missing(self, wanted: Wanted) -> bool:
        """Whether XAPI would have to be asked."""
        return not (
            wanted.bridges <= self.networks.keys()
            and wanted.vifs <= self.vifs.keys()
            and wanted.vms <= self.vms.keys()
        )

    def gather(self, wanted: Wanted) -> None:
        """Ask XAPI for what is wanted and not known; forget what is not wanted any more."""
        for answers, names in (
            (self.networks, wanted.bridges),
            (self.vifs, wanted.vifs),
            (self.vms, wanted.vms),
        ):
            for gone in answers.keys() - names:
                del answers[gone]
        self.is_complete = True
        if not self.missing(wanted):
            return
        try:
            self._fill(self.networks, wanted.bridges, self._network)
            self._fill(self.vifs, wanted.vifs, lambda uuid: self._other_config("VIF", uuid))
            self._fill(self.vms, wanted.vms, lambda uuid: self._other_config("VM", uuid))
        except VswitchError as error:
            log.warn("%s: trying again", error)
            self.is_complete = False
            self._abandon()

    def close(self) -> None:
        """End the session with XAPI."""
        if self._xapi is not None:
            self._xapi.close()
            self._xapi = None

    def _abandon(self) -> None:
        """XAPI is gone, or too slow: the next time begins with a new connection."""
        if self._xapi is not None:
            self._xapi.abandon()
            self._xapi = None

    def _fill(self, answers: dict[str, Json], names: Iterable[str], ask: Callable[[str], Json]) -> None:
        for name in sorted(set(names) - answers.keys()):
            answers[name] = ask(name)

    def _session(self) -> Xapi:
        if self._xapi is None:
            self._xapi = Xapi.local(self._host, TIMEOUT)
            self._xapi.login("", "")
        return self._xapi

    def _network(self, bridge: str) -> NetworkAnswer:
        xapi = self._session()
        pools = xapi.call("pool.get_all")
        pool = xapi.call("pool.get_record", pools[0])["other_config"] if len(pools) == 1 else {}
        if {'"', "\\"} & set(
            bridge
        ):  # somebody's own bridge, by a name that would be more than one in a query
            return NetworkAnswer(pool=pool)
        found = xapi.call("network.get_all_records_where", f'field "bridge"="{bridge}"')
        for record in found.values():
            return NetworkAnswer(str(record["uuid"]), record["other_config"], pool)
        return NetworkAnswer(pool=pool)

    def _other_config(self, kind: str, uuid: str) -> Options:
        """The other_config of a record; empty if XAPI does not know the UUID."""
        xapi = self._session()
        try:
            ref = xapi.call(f"{kind}.get_by_uuid", uuid)
            record: dict[str, Json] = xapi.call(f"{kind}.get_record", ref)
        except XapiFailure as failure:
            if failure.code not in ("UUID_INVALID", "HANDLE_INVALID"):
                raise
            log.warn("XAPI knows no %s with UUID %s", kind, uuid)
            return {}
        options: Options = record["other_config"]
        return options
