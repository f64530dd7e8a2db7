"""The server's keys and certificates: from files that the command line names, or that a column of a database names.

`db:DB,TABLE,COLUMN` stands for the first string in that column that is not empty, in whichever row.

Sources: ovsdb-server(1), "Public Key Infrastructure Options".
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from vswitch.aio.tls import Tls
from vswitch.base.options import Given
from vswitch.ovsdb.server import Server
from vswitch.ovsdbserver.columns import DatabaseColumn

FILES = ("private-key", "certificate", "ca-cert", "bootstrap-ca-cert", "peer-ca-cert")


class Keys:
    """What the options say, looked up anew at each call."""

    def __init__(self, server: Server, given: Given) -> None:
        self._server = server
        self._given = given

    def __call__(self) -> Tls | None:
        """The present files; None if there are no keys at all."""
        found = Given((name, self._look_up(value) if name in FILES else value) for name, value in self._given)
        tls = Tls.from_options(found)
        return tls if tls.private_key else None

    def check(self) -> None:
        """Raise TextError if an option names a column that there is not, or that does not hold strings."""
        for name, value in self._given:
            if name in FILES and value is not None and value.startswith("db:"):
                DatabaseColumn.check(self._server, value, only_strings=True)

    def _look_up(self, value: str | None) -> str:
        if value is None or not value.startswith("db:"):
            return value or ""
        column = DatabaseColumn.find(self._server, value)
        atoms = column.atoms() if column is not None else ()
        return next((str(atom) for atom in atoms if atom), "")

    def state(self) -> object:
        """What differs when another file is to be used, or one has been replaced."""
        tls = self()
        if tls is None:
            return None
        times = []
        for path in (tls.private_key, tls.certificate, tls.ca_cert):
            with suppress(OSError):
                status = Path(path).stat()
                times.append((path, status.st_mtime_ns, status.st_ino))
        return tls, times
