"""Committing a change: computed from the replica, sent, and computed anew from newer data if it lost a race.

A change is a function that is given a `Transaction`.  It may run several times, so it does nothing but read and write
the transaction; it raises NotYet to be run again when the database has changed.

The attempts are a generator of conditions, so that programs with an event loop and programs without share them: each
condition is to be waited for, while messages go to and from the server, before the next one is asked for.

Sources: RFC 7047 4.1.3, 5.2.6 for `wait`; OVS lib/ovsdb-idl.c for what is worth another try.
"""

from __future__ import annotations

from collections.abc import Callable, Generator

from vswitch.base.errors import Conflict
from vswitch.base.jsontype import Json
from vswitch.ovsdb.change import FAILED, TRY_AGAIN, UNCHANGED, Outcome, Transaction
from vswitch.ovsdb.replica import Replica

Compute = Callable[[Transaction], None]
NewUuid = Callable[[], str]
Conditions = Generator[Callable[[], bool], None, Outcome]


class NotYet(Exception):  # noqa: N818 - not an error
    """The database is not yet as a change wants it: run it again when the database has changed."""


class Refused(Conflict):
    """The server refused a transaction; `error` is its answer (RFC 7047 3.1, <error>)."""

    def __init__(self, error: Json) -> None:
        tag, details = str(error), ""
        if isinstance(error, dict):
            tag, details = str(error.get("error")), str(error.get("details", ""))
        super().__init__(f"{tag}: {details}" if details else tag)
        self.error = error


def attempts(replica: Replica, compute: Compute, new_uuid: NewUuid) -> Conditions:
    """Commit what `compute` does.  The outcome is COMMITTED or UNCHANGED; raises Refused for anything else."""
    while True:
        yield lambda: replica.is_synchronized
        serial = replica.serial
        transaction = Transaction(replica, new_uuid)
        try:
            compute(transaction)
        except NotYet:
            pass
        else:
            outcome = yield from one_attempt(replica, transaction)
            if outcome.status == FAILED:
                raise Refused(outcome.error)
            if outcome.status != TRY_AGAIN:
                return outcome
        yield _newer_than(replica, serial)


def _newer_than(replica: Replica, serial: int) -> Callable[[], bool]:
    return lambda: replica.serial != serial


def one_attempt(replica: Replica, transaction: Transaction) -> Conditions:
    """Send a transaction; the outcome is what became of it."""
    operations = transaction.operations()
    if not operations:
        return Outcome(UNCHANGED)
    number = replica.transact(operations)
    yield lambda: number in replica.outcomes
    return transaction.finish(_results(replica.outcomes.pop(number)))


def _results(outcome: Json) -> list[Json]:
    """The reply to a transaction as a list of results; what is not one failed for a reason worth trying again."""
    if isinstance(outcome, list) and all(result is None or isinstance(result, dict) for result in outcome):
        return [{"error": "aborted"} if result == {"error": "disconnected"} else result for result in outcome]
    return [{"error": "aborted"}]
