"""The control socket of a daemon: what ovs-appctl talks to.

A daemon makes a `Commands` table, adds its own commands to those that all daemons have, and serves it.  A command
takes words and returns the text to print; it raises `VswitchError` for an error.  One that has to wait is a
coroutine function: its connection waits, others do not.

Sources: ovs-appctl(8); the protocol is JSON-RPC 1.0 (RFC 7047 4) with string parameters.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Mapping, Sequence

from vswitch.aio.sinks import LogFile
from vswitch.aio.streams import Listener, Stream, listen
from vswitch.base.counters import COUNTERS, Counter, format_memory
from vswitch.base.dataclass import dataclass, field
from vswitch.base.errors import TextError, VswitchError
from vswitch.base.log import LOG, Logger
from vswitch.base.options import version_line
from vswitch.linux.dirs import in_rundir
from vswitch.ovsdb.jsonrpc import ErrorReply, Reply, Request
from vswitch.ovsdb.jsonrpc import Stream as Messages
from vswitch.ovsdb.jsontext import JsonError

log = Logger("unixctl")
limited = log.limited(rate=60, burst=60)
RECEIVED = Counter("unixctl_received")
REPLIED = Counter("unixctl_replied")

Handler = Callable[[Sequence[str]], str | Awaitable[str | None] | None]
MANY = 1 << 30


@dataclass(frozen=True, slots=True)
class Command:
    """A command: the usage of its words, how many it takes, and what does it."""

    name: str
    usage: str
    at_least: int
    at_most: int
    run: Handler


@dataclass(slots=True)
class Commands:
    """The commands that a daemon answers, by name."""

    by_name: dict[str, Command] = field(default_factory=dict)

    def add(self, name: str, usage: str, at_least: int, at_most: int, run: Handler) -> None:
        """Answer `name` from now on."""
        self.by_name[name] = Command(name, usage, at_least, at_most, run)

    def listing(self) -> str:
        """The text of list-commands."""
        rows = [f"  {command.name:<23} {command.usage}\n" for _, command in sorted(self.by_name.items())]
        return "The available commands are:\n" + "".join(rows)

    async def run(self, name: str, words: Sequence[str]) -> str | None:
        """The answer to one command line; raises `VswitchError`."""
        command = self.by_name.get(name)
        if command is None:
            raise TextError(
                f'"{name}" is not a valid command (use "list-commands" to see a list of valid commands)'
            )
        if len(words) < command.at_least:
            raise TextError(f'"{name}" command requires at least {command.at_least} arguments')
        if len(words) > command.at_most:
            raise TextError(f'"{name}" command takes at most {command.at_most} arguments')
        answer = command.run(words)
        return answer if answer is None or isinstance(answer, str) else await answer


def common_commands(
    program: str,
    log_file: LogFile,
    stop: Callable[[], None],
    memory: Callable[[], Sequence[Mapping[str, int]]],
) -> Commands:
    """The commands that every daemon has."""
    commands = Commands()

    def set_levels(words: Sequence[str]) -> None:
        for spec in words or [""]:
            LOG.set(spec)

    def limits(honored: bool) -> Handler:
        return lambda words: LOG.set_rate_limits(words, honored)

    def reopen(words: Sequence[str]) -> None:
        if log_file.path is None:
            raise TextError("Logging to file not configured")
        if (problem := log_file.reopen()) is not None:
            raise TextError(problem)

    def read_counter(words: Sequence[str]) -> str:
        counter = COUNTERS.by_name.get(words[0])
        if counter is None:
            raise TextError("No such counter")
        return f"{counter.total}\n"

    commands.add("list-commands", "", 0, 0, lambda words: commands.listing())
    commands.add("version", "", 0, 0, lambda words: version_line(program) + "\n")
    commands.add("exit", "", 0, 0, lambda words: stop())
    commands.add("vlog/set", "{spec | PATTERN:destination:pattern}", 0, MANY, set_levels)
    commands.add("vlog/list", "", 0, 0, lambda words: LOG.list_levels())
    commands.add("vlog/list-pattern", "", 0, 0, lambda words: LOG.list_patterns())
    commands.add("vlog/enable-rate-limit", "[module]...", 0, MANY, limits(True))
    commands.add("vlog/disable-rate-limit", "[module]...", 0, MANY, limits(False))
    commands.add("vlog/close", "", 0, 0, lambda words: log_file.close())
    commands.add("vlog/reopen", "", 0, 0, reopen)
    commands.add("coverage/show", "", 0, 0, lambda words: COUNTERS.show())
    commands.add("coverage/read-counter", "COUNTER", 1, 1, read_counter)
    commands.add("memory/show", "", 0, 0, lambda words: format_memory(memory()))
    return commands


async def serve(commands: Commands, program: str, path: str | None = None) -> Listener | None:
    """Listen at `path` (default: RUNDIR/PROGRAM.PID.ctl; "none": nowhere) and answer commands."""
    if path == "none":
        return None
    name = in_rundir(path or f"{program}.{os.getpid()}.ctl")
    return await listen(f"punix:{name}", lambda stream: _converse(stream, commands))


async def _converse(stream: Stream, commands: Commands) -> None:
    """Answer the requests of one connection, in their order."""
    messages = Messages()
    while data := await stream.reader.read(65536):
        messages.receive(data)
        try:
            for message in messages.messages():
                if not isinstance(message, Request):
                    return
                stream.writer.write((await _answer(message, commands)).encode())
                REPLIED.hit()
        except JsonError as error:
            limited.warn("%s: %s", stream.name, error)
            return
        await stream.writer.drain()


async def _answer(request: Request, commands: Commands) -> Reply | ErrorReply:
    RECEIVED.hit()
    words = [word for word in request.params if isinstance(word, str)]
    log.dbg("received request %s%s, id=%s", request.method, request.params, request.id)
    try:
        if len(words) < len(request.params):
            raise TextError(f'"{request.method}" command has non-string argument')
        answer = await commands.run(request.method, words)
    except VswitchError as error:
        log.dbg("replying with error, id=%s: %s", request.id, error)
        return ErrorReply(_terminated(str(error)), request.id)
    log.dbg("replying with success, id=%s: %s", request.id, answer)
    return Reply(_terminated(answer or ""), request.id)


def _terminated(text: str) -> str:
    """`text` as whole lines."""
    return text if not text or text.endswith("\n") else f"{text}\n"
