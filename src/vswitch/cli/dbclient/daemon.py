"""ovsdb-client as a daemon: monitors and locks go on until they are ended, and take commands on a control socket.

Sources: ovsdb-client(1), "Daemon Options"; the commands and what they answer: ovsdb-client 3.1.
"""

from __future__ import annotations

import asyncio
import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from functools import partial

from vswitch.aio.daemon import Service, run_daemon
from vswitch.aio.unixctl import Commands
from vswitch.base.jsontype import Json
from vswitch.base.lightjson import decode, encode
from vswitch.base.log import Logger
from vswitch.base.options import CommandError, Given
from vswitch.cli.dbclient.server import Server

log = Logger("ovsdb_client")
PROGRAM = "ovsdb-client"
Begin = Callable[[], Iterable[str]]
React = Callable[[str, list[Json]], Iterable[str]]


class Follower(ABC):
    """Prints what `begin` says, then what `react` makes of each notification, until told to exit."""

    def __init__(self, server: Server, begin: Begin, react: React) -> None:
        self._server = server
        self._begin = begin
        self._react = react
        self._out = os.fdopen(os.dup(1), "w", encoding="utf-8")  # detaching takes standard output away
        self._service: Service | None = None
        self._failure: CommandError | None = None

    def run(self, given: Given) -> int:
        """Be a daemon; return the exit status."""
        return run_daemon(PROGRAM, given, self._main)

    async def _main(self, service: Service) -> None:
        self._service = service
        self._print(self._begin())
        self._take(self._server.notifications)
        self._add_commands(service.commands)
        service.ready()
        self._listen()
        await service.stopping.wait()
        self._stop_listening()
        if self._failure:
            raise self._failure

    @abstractmethod
    def _add_commands(self, commands: Commands) -> None:
        """Have the control socket take what this kind of client can be told."""

    def _answered(self, result: Json) -> Iterable[str]:
        """What to print of the reply to a command."""
        return ()

    def _listen(self) -> None:
        loop = asyncio.get_running_loop()
        loop.add_reader(self._server.connection.fileno(), self._readable)

    def _stop_listening(self) -> None:
        asyncio.get_running_loop().remove_reader(self._server.connection.fileno())

    def _readable(self) -> None:
        assert self._service is not None
        try:
            self._take(self._server.connection.received())
        except OSError as error:
            self._failure = CommandError(f"{self._server.name}: receive failed ({error.strerror or error})")
            self._service.stop()
            self._stop_listening()

    def _take(self, messages: list[Json]) -> None:
        for message in messages:
            method = message.get("method")
            if method == "echo":
                self._server.handle(message)
            elif method is not None:
                self._print(self._react(method, message["params"]))
            elif message.get("error") is not None:
                log.warn("%s: %s", message["id"], encode(message["error"]))
            elif isinstance(message["id"], str):  # of a command: see _send()
                self._print(self._answered(message["result"]))

    def _print(self, lines: Iterable[str]) -> None:
        for line in lines:
            self._out.write(line + "\n")
        self._out.flush()

    def _send(self, method: str, params: list[Json]) -> None:
        self._server.connection.send({"id": method, "method": method, "params": params})


class MonitorFollower(Follower):
    """Prints a database's changes; can be told to wait with that, and to monitor other rows."""

    _is_blocked = False

    def _add_commands(self, commands: Commands) -> None:
        commands.add("ovsdb-client/block", "", 0, 0, self._block)
        commands.add("ovsdb-client/unblock", "", 0, 0, self._unblock)
        commands.add("ovsdb-client/cond_change", "TABLE COND", 2, 2, self._change_condition)

    def _block(self, words: Sequence[str]) -> str:
        if self._is_blocked:
            return "already blocking"
        self._is_blocked = True
        self._stop_listening()
        return ""

    def _unblock(self, words: Sequence[str]) -> str:
        if not self._is_blocked:
            return "already unblocked"
        self._is_blocked = False
        self._listen()
        return ""

    def _change_condition(self, words: Sequence[str]) -> str:
        table, condition = words
        change = {table: [{"where": decode(condition)}]}
        self._send("monitor_cond_change", [None, None, change])
        return "condition changed"


class LockFollower(Follower):
    """Prints when locks come and go; can be told to take and to leave others."""

    def _add_commands(self, commands: Commands) -> None:
        for method in ("lock", "steal", "unlock"):
            commands.add(method, "LOCK", 1, 1, partial(self._ask, method))

    def _answered(self, result: Json) -> Iterable[str]:
        yield encode(result)

    def _ask(self, method: str, words: Sequence[str]) -> str:
        self._send(method, [words[0]])
        return ""
