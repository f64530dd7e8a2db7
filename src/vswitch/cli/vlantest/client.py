"""The client: on the host whose network card is in doubt.

All packets are tried at the same time, again and again until they have arrived or time is up: a single loss on a busy
network says nothing, and a card that loses everything is found out in five seconds.

Sources: ovs-vlan-test(8).
"""

from __future__ import annotations

import select
import socket
from collections.abc import Callable, Iterator
from contextlib import closing
from time import monotonic

from vswitch.base.dataclass import dataclass
from vswitch.base.digits import parse_decimal
from vswitch.base.errors import TextError
from vswitch.base.options import CommandError
from vswitch.cli.vlantest import protocol
from vswitch.cli.vlantest.protocol import HEADERS, OK, SIZES, SUCCESS, Address
from vswitch.cli.vlantest.sockets import open_vlan_socket, why

PATIENCE = 5.0  # seconds for packets to arrive
PAUSE = 0.25  # seconds until the next try
CONTROL_TIMEOUT = 5.0  # seconds for an answer over HTTP
TIMEOUT = "Timeout"


@dataclass(slots=True)
class Trial:
    """Packets of one size, one way.  `target` is where to; None: the server sends them here."""

    size: int
    key: int
    target: Address | None
    outcome: str = ""  # SUCCESS, or what went wrong; empty: not known yet

    def __str__(self) -> str:
        what = f"{'Receive' if self.target is None else 'Send'} size {self.size}"
        return f"{what} successful" if self.outcome == SUCCESS else f"{what} unsuccessful: {self.outcome}"


def run_client(control: Address, vlan: Address, patience: float = PATIENCE) -> Iterator[str]:
    """The lines to print, the last of which is "OK" or "FAILED"; raises CommandError if nothing can be tried."""
    with closing(open_vlan_socket(vlan)) as door:
        here = Address(vlan.host, door.getsockname()[1])

        def ask(path: str) -> tuple[int, str]:
            return _ask(control, path)

        if ask("/ping") != (OK, "pong"):
            raise CommandError(f"{control}: no server of ovs-vlan-test")
        trials = [trial for size in SIZES for trial in (_to_server(ask, size), _from_server(ask, size, here))]
        _try(door, trials, ask, monotonic() + patience)
    yield from map(str, trials)
    yield "OK" if all(trial.outcome == SUCCESS for trial in trials) else "FAILED"


def _ask(control: Address, path: str) -> tuple[int, str]:
    """The status and the body of the server's answer."""
    try:
        with socket.create_connection((control.host, control.port), CONTROL_TIMEOUT) as connection:
            connection.sendall(protocol.request(path, str(control)))
            data = b""
            while len(data) < protocol.MAX_HTTP and (part := connection.recv(4096)):
                data += part
    except OSError as error:
        raise CommandError(f"{control}: {why(error)}") from None
    try:
        return protocol.read_reply(data)
    except TextError as error:
        raise CommandError(f"{control}: {error}") from None


def _to_server(ask: Callable[[str], tuple[int, str]], size: int) -> Trial:
    _, text = ask("/start/recv")
    try:
        target, key = protocol.parse_invitation(text)
    except TextError as error:
        raise CommandError(f"the server's answer is no invitation: {error}") from None
    return Trial(size, key, target)


def _from_server(ask: Callable[[str], tuple[int, str]], size: int, here: Address) -> Trial:
    _, text = ask(f"/start/send/{here}:{size}")
    key = parse_decimal(text)
    if key is None:
        raise CommandError(f'the server\'s answer is no key: "{text}"')
    return Trial(size, key, None)


def _try(
    door: socket.socket, trials: list[Trial], ask: Callable[[str], tuple[int, str]], until: float
) -> None:
    """Find out what becomes of each."""
    while waiting := [trial for trial in trials if not trial.outcome]:
        if monotonic() >= until:
            for trial in waiting:
                trial.outcome = TIMEOUT
            return
        for trial in waiting:
            _send(door, trial)
        _receive(door, trials, min(until, monotonic() + PAUSE))
        for trial in waiting:
            if not trial.outcome:
                _hear(trial, *ask(f"/result/{trial.key}"))


def _send(door: socket.socket, trial: Trial) -> None:
    if trial.target is not None:
        try:
            door.sendto(protocol.packet(trial.key, trial.size), (trial.target.host, trial.target.port))
        except BlockingIOError:  # a full queue: lost, as on any network
            pass
        except OSError as error:
            trial.outcome = why(error)


def _receive(door: socket.socket, trials: list[Trial], until: float) -> None:
    """Take what comes, for a while or until nothing is missing."""
    coming = {trial.key: trial for trial in trials if trial.target is None}
    while (left := until - monotonic()) > 0:
        if not select.select([door], [], [], left)[0]:
            return
        try:
            data = door.recv(protocol.MAX_SIZE)
        except OSError:
            continue
        trial = coming.get(protocol.key_of(data) or 0)
        if trial is not None:
            arrived = len(data) + HEADERS
            trial.outcome = SUCCESS if arrived == trial.size else f"{arrived} bytes arrived"
        if all(trial.outcome for trial in coming.values()):
            return


def _hear(trial: Trial, status: int, body: str) -> None:
    """What the server says of a trial.  That it has sent everything does not mean that it arrived."""
    if status == OK and (trial.target is not None or body != SUCCESS):
        trial.outcome = body
