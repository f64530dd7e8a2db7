"""The switch's database, by the commands of ovs-vsctl, in this process: no program is started for them.

Sources: ovs-vsctl(8).
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from signal import ITIMER_REAL, SIGALRM, setitimer, signal
from time import monotonic

from vswitch.base.errors import VswitchError
from vswitch.base.log import Logger
from vswitch.base.options import CommandError
from vswitch.cli.ctl.session import Session, Settings, parse_commands
from vswitch.cli.vsctl import ROW_IDS, SwitchHooks, commands
from vswitch.linux.sockets import TlsOptions

log = Logger("vsctl")


class SwitchDatabase:
    """The database at `server`, for the program `program`."""

    def __init__(self, server: str, program: str, *, is_waiting: bool = True) -> None:
        self._server = server
        self._program = program
        self._is_waiting = is_waiting  # for ovs-vswitchd to have carried out a change

    def run(self, words: Sequence[str], timeout: float, *, is_waiting: bool = True) -> list[str]:
        """Carry out a line of commands within `timeout` seconds; the lines they print.  Raises VswitchError."""
        is_waiting = is_waiting and self._is_waiting
        line = shlex.join(words)
        invocations = parse_commands(words, commands)
        if any(invocation.syntax.changes for invocation in invocations):
            log.info("Called as %s", line)
        settings = Settings(
            program=self._program,
            database="Open_vSwitch",
            server=self._server,
            tls=TlsOptions(),
            row_ids=ROW_IDS,
        )
        settings.comment = f"{self._program}: {line}"
        settings.is_waiting = is_waiting
        session = Session(settings, invocations, SwitchHooks(is_waiting=is_waiting))
        with within(timeout):
            return session.answer()

    def ask(self, *words: str, timeout: float = 5) -> str:
        """What one line of commands prints; empty if it fails."""
        try:
            return "\n".join(self.run(words, timeout)).strip()
        except VswitchError as error:
            log.dbg("%s: %s", " ".join(words), error)
            return ""


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Let what happens inside take no longer than that; raises CommandError."""

    def expired(number: int, frame: object) -> None:
        raise CommandError(
            f"no answer from the switch within {seconds:g} seconds (is ovs-vswitchd running?)", 142
        )

    started = monotonic()
    before = signal(SIGALRM, expired)
    remaining, interval = setitimer(ITIMER_REAL, seconds)
    try:
        yield
    finally:
        setitimer(ITIMER_REAL, 0)
        signal(SIGALRM, before)
        if remaining:  # somebody else's timer goes on
            setitimer(ITIMER_REAL, max(remaining - (monotonic() - started), 0.001), interval)
