"""Where a cluster's log is: `etcd:HOST:PORT[,HOST:PORT]…/NAME`.

Sources: ovsdb-server(1), --cluster.
"""

from __future__ import annotations

from vswitch.base.dataclass import dataclass
from vswitch.base.errors import TextError
from vswitch.base.pattern import pattern

SCHEME = "etcd:"
DEFAULT_PORT = 2379
_ENDPOINT = pattern(r"(\[[0-9a-fA-F:.%\w]+\]|[^\[\]:,/]+)(?::([0-9]{1,5}))?")
_NAME = pattern(r"[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*")


@dataclass(frozen=True, slots=True)
class ClusterAddress:
    """Servers of etcd, any of which will do, and the cluster's name there."""

    endpoints: tuple[str, ...]  # HOST:PORT
    name: str

    def __str__(self) -> str:
        return f"{SCHEME}{','.join(self.endpoints)}/{self.name}"

    @classmethod
    def parse(cls, text: str) -> ClusterAddress:
        """The address that `text` says; raises TextError."""
        form = f"{SCHEME}HOST:PORT[,HOST:PORT]…/NAME"
        places, slash, name = text.removeprefix(SCHEME).partition("/")
        if not text.startswith(SCHEME) or not slash or not _NAME.fullmatch(name):
            raise TextError(f"{text}: not of the form {form}")
        endpoints = []
        for place in places.split(","):
            match = _ENDPOINT.fullmatch(place.strip())
            port = int(match[2] or DEFAULT_PORT) if match else 0
            if match is None or not 0 < port < 1 << 16:
                raise TextError(f'{text}: "{place}" is not HOST:PORT')
            endpoints.append(f"{match[1]}:{port}")
        return cls(tuple(endpoints), name)
