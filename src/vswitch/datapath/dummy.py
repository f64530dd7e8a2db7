"""The dummy datapath (datapath_type=dummy): the userspace one on devices in memory, with the clock of its owner.

Its port numbers are those that tests of whole switches expect literally: a name's first number is the port's number,
counted from 100 where the name begins with `br`: `p3` is port 3, `br0` port 100, `br1` port 101.

Sources: `ovs-appctl dpif/show` of the peer with --enable-dummy.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from vswitch.datapath.userspace.datapath import UserspaceDatapath
from vswitch.dpif.netdev import Netdev
from vswitch.dpif.ports import OdpPort

_BRIDGES_FROM = 100
_LOCAL = OdpPort(0)


class DummyDatapath(UserspaceDatapath):
    """A datapath in memory."""

    type = "dummy"

    def __init__(self, name: str, clock: Callable[[], float], local: Netdev | None = None) -> None:
        """A datapath whose port 0 is `local`, a device of its own name that no bridge has."""
        super().__init__(name, clock)
        if local:
            self.port_add(local, _LOCAL)

    def _choose_number(self, name: str) -> OdpPort:
        """The number that the name says, or the lowest that is free."""
        if found := re.search(r"\d+", name):
            number = int(found[0]) + (_BRIDGES_FROM if name.startswith("br") else 0)
            if number and not self._is_taken(OdpPort(number)):
                return OdpPort(number)
        return super()._choose_number(name)
