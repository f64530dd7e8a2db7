"""Which devices come, go, change and are renamed while the switch runs.

The kernel says what a device is like now; `Devices` remembers what it was like before and tells the difference, so
that a burst of messages about one device is one change, and messages that the kernel had to drop are made up for.
"""

from __future__ import annotations

import asyncio
import enum
from collections.abc import AsyncIterator, Iterable

from vswitch.base.dataclass import dataclass, replace
from vswitch.linux.rtnetlink import Link, LinkEvents, LinkGone, Rtnetlink


class What(enum.Enum):
    """What happened to a device."""

    CAME = "came"
    WENT = "went"
    CHANGED = "changed"  # flags, carrier, MAC address, MTU …


@dataclass(frozen=True, slots=True)
class DeviceChange:
    """Something that happened to the device called `name`; a rename is that one name WENT and the other CAME."""

    name: str
    ifindex: int
    what: What


class Devices:
    """The devices of a network namespace as last heard of."""

    def __init__(self, links: Iterable[Link]) -> None:
        """Start from the devices that there are."""
        self._links = {link.ifindex: _essence(link) for link in links}

    def update(self, events: Iterable[Link | LinkGone]) -> list[DeviceChange]:
        """Take what the kernel told, in order; returns what that means, one entry for each name."""
        before = dict(self._links)
        for event in events:
            if isinstance(event, LinkGone):
                self._links.pop(event.ifindex, None)
            else:
                self._links[event.ifindex] = _essence(event)
        return self._since(before)

    def replace(self, links: Iterable[Link]) -> list[DeviceChange]:
        """Take all devices anew, after some messages were lost."""
        before = self._links
        self._links = {link.ifindex: _essence(link) for link in links}
        return self._since(before)

    def _since(self, before: dict[int, Link]) -> list[DeviceChange]:
        old = {link.name: link for link in before.values()}
        new = {link.name: link for link in self._links.values()}
        went = [DeviceChange(name, old[name].ifindex, What.WENT) for name in old.keys() - new.keys()]
        came = [DeviceChange(name, new[name].ifindex, What.CAME) for name in new.keys() - old.keys()]
        changed = [
            DeviceChange(name, new[name].ifindex, What.CHANGED)
            for name in old.keys() & new.keys()
            if old[name] != new[name]
        ]
        return [*went, *came, *changed]


class DeviceMonitor:
    """Tells of changes to the devices of the network namespace in which it was made.

    Messages are collected from the moment it is made, so that nothing is missed between looking and waiting.
    """

    def __init__(self) -> None:
        """Begin to listen."""
        self._events = LinkEvents()
        self._rtnetlink = Rtnetlink()
        self._devices = Devices(self._rtnetlink.links())

    def poll(self) -> list[DeviceChange]:
        """What has changed since the last call."""
        events = self._events.receive()
        if events is None:
            return self._devices.replace(self._rtnetlink.links())
        return self._devices.update(events)

    async def changes(self) -> AsyncIterator[list[DeviceChange]]:
        """Changes as they happen, in batches."""
        loop, readable = asyncio.get_running_loop(), asyncio.Event()
        fd = self._events.fileno()
        loop.add_reader(fd, readable.set)
        try:
            while True:
                readable.clear()
                if changes := self.poll():
                    yield changes
                await readable.wait()
        finally:
            loop.remove_reader(fd)

    def close(self) -> None:
        """Stop listening."""
        self._events.close()
        self._rtnetlink.close()


def _essence(link: Link) -> Link:
    """`link` without what changes with every packet."""
    return replace(link, counters=()) if link.counters else link
