"""Packet-ins on their way to one controller: at the rate that its row allows, and no more than it reads.

Packets that matched nothing and packets that a rule sent have a schedule each, so that neither starves the other.

Sources: ovs-vswitchd.conf.db(5), Controller: controller_rate_limit, controller_burst_limit, controller_queue_size.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from vswitch.flow.fields import IN_PORT
from vswitch.openflow.actions.output import OFPR_NO_MATCH
from vswitch.openflow.messages.packet import PacketIn
from vswitch.protocols.packet_schedule import PacketSchedule
from vswitch.vswitchd.bridge import ControllerConfig


class PacketIns:
    """The packet-ins of one connection.  `deliver` sends one; `backlog` says how many bytes are unread."""

    def __init__(
        self, config: ControllerConfig, deliver: Callable[[PacketIn], None], backlog: Callable[[], int]
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._deliver = deliver
        self._backlog = backlog
        self._limit = config.queue_size
        self._unread = 0  # sent since everything was read
        now = self._loop.time()
        self._schedules = (
            {
                missed: PacketSchedule[PacketIn](config.rate_limit, config.burst_limit, now)
                for missed in (True, False)
            }
            if config.rate_limit
            else {}
        )
        self._timer: asyncio.TimerHandle | None = None

    def send(self, message: PacketIn) -> bool:
        """Send `message` when its turn comes; False: the controller has too many to read, and does not get it."""
        if not self._schedules:
            return self._pass_on(message)
        schedule = self._schedules[message.reason == OFPR_NO_MATCH]
        schedule.put(IN_PORT.get(message.match.value), message)
        self._run()
        return True

    def close(self) -> None:
        """Forget what waits."""
        if self._timer:
            self._timer.cancel()

    def _run(self) -> None:
        now = self._loop.time()
        for schedule in self._schedules.values():
            for message in schedule.take(now):
                self._pass_on(message)
        self.close()
        due = min(schedule.deadline for schedule in self._schedules.values())
        self._timer = None if due == float("inf") else self._loop.call_at(due, self._run)

    def _pass_on(self, message: PacketIn) -> bool:
        if not self._backlog():
            self._unread = 0
        if self._unread >= self._limit:
            return False
        self._unread += 1
        self._deliver(message)
        return True
