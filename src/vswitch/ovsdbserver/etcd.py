"""The door to etcd: a connection to one of its servers, in the few words that a cluster of ours needs.

`aetcd` brings the messages of etcd's protocol and their encoding, and grpc the transport.  Both are wanted only here,
so they are imported when a connection is made.

Sources: etcd's API reference, version 3 (KV, Watch, Lease); the limits are the defaults of etcd(1).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from pathlib import Path
from typing import Any

from vswitch.base.dataclass import dataclass
from vswitch.base.errors import VswitchError

TIMEOUT = 5.0  # seconds for an answer
PAGE = 256  # keys at a time
CHANNEL_OPTIONS = (
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
    ("grpc.enable_http_proxy", 0),
    ("grpc.keepalive_time_ms", 10_000),
    ("grpc.keepalive_timeout_ms", 5_000),
    ("grpc.initial_reconnect_backoff_ms", 200),
    ("grpc.max_reconnect_backoff_ms", 1_000),
)
INSTALL = 'clusters need the Python packages aetcd and grpcio: install vswitch with its extra "cluster"'


class EtcdError(VswitchError):
    """etcd cannot be reached, or refuses; the message says why."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """The files that make connections to etcd secure; all empty: they are not."""

    private_key: str = ""
    certificate: str = ""
    ca_cert: str = ""

    def read(self) -> tuple[bytes | None, bytes | None, bytes | None]:
        """Authority, key and certificate; raises EtcdError."""
        try:
            return (
                Path(self.ca_cert).read_bytes() if self.ca_cert else None,
                Path(self.private_key).read_bytes() if self.private_key else None,
                Path(self.certificate).read_bytes() if self.certificate else None,
            )
        except OSError as error:
            raise EtcdError(f"{error.filename}: {error.strerror}") from None


@dataclass(frozen=True, slots=True)
class Key:
    """A key with its value."""

    name: str
    value: bytes


@dataclass(frozen=True, slots=True)
class Event:
    """A key was written, or deleted (None)."""

    name: str
    value: bytes | None


@dataclass(frozen=True, slots=True)
class Keys:
    """What was found, and the revision of the store at which it was so."""

    found: list[Key]
    revision: int


def messages() -> Any:
    """The module with etcd's messages; raises EtcdError if it is not installed."""
    try:
        from aetcd import rpc  # type: ignore[import-untyped]  # it has no types
    except ImportError:
        raise EtcdError(INSTALL) from None
    return rpc


class Etcd:
    """A connection to one server of etcd; every method raises EtcdError."""

    def __init__(self, endpoint: str, credentials: Credentials) -> None:
        self.endpoint = endpoint
        self._rpc = rpc = messages()
        options = list(CHANNEL_OPTIONS)
        if credentials == Credentials():
            self._channel = rpc.insecure_channel(endpoint, options)
        else:
            from grpc import ssl_channel_credentials  # type: ignore[import-untyped]  # it has no types

            secrets = ssl_channel_credentials(*credentials.read())
            self._channel = rpc.secure_channel(endpoint, secrets, options)
        self._keys, self._leases = rpc.KVStub(self._channel), rpc.LeaseStub(self._channel)
        self._watches = rpc.WatchStub(self._channel)

    async def close(self) -> None:
        """End the connection."""
        await self._channel.close()

    # Keys.

    async def read(self, first: str, end: str = "", *, revision: int = 0, limit: int = 0) -> Keys:
        """The key `first`, or those from there to before `end`, at most `limit`, as they were at `revision`."""
        found: list[Key] = []
        start = first.encode()
        while True:
            request = self._rpc.RangeRequest(
                key=start, range_end=end.encode(), revision=revision, limit=min(limit, PAGE) or PAGE
            )
            answer = await self._ask(self._keys.Range, request)
            revision = revision or answer.header.revision
            found += [Key(kv.key.decode(), kv.value) for kv in answer.kvs]
            if not answer.more or (limit and len(found) >= limit):
                return Keys(found, revision)
            start = answer.kvs[-1].key + b"\0"

    async def write(self, name: str, value: bytes, lease: int = 0) -> None:
        """Put a value; it goes with the lease, if any."""
        await self._ask(self._keys.Put, self._rpc.PutRequest(key=name.encode(), value=value, lease=lease))

    async def delete(self, first: str, end: str = "") -> int:
        """Delete a key, or those from there to before `end`; how many there were."""
        request = self._rpc.DeleteRangeRequest(key=first.encode(), range_end=end.encode())
        return int((await self._ask(self._keys.DeleteRange, request)).deleted)

    async def write_if(
        self, condition: Key, puts: Iterable[Key], otherwise: Sequence[tuple[str, str, int]] = ()
    ) -> Keys | None:
        """Put several values at once if a key has a value (b"": if it is not there), and return None.

        Else return the keys of the ranges (first, end, limit) in `otherwise`.
        """
        rpc = self._rpc
        compare = rpc.Compare(key=condition.name.encode(), result=rpc.Compare.EQUAL)
        if condition.value:
            compare.target, compare.value = rpc.Compare.VALUE, condition.value
        else:
            compare.target, compare.create_revision = rpc.Compare.CREATE, 0
        request = rpc.TxnRequest(
            compare=[compare],
            success=[
                rpc.RequestOp(request_put=rpc.PutRequest(key=put.name.encode(), value=put.value))
                for put in puts
            ],
            failure=[
                rpc.RequestOp(
                    request_range=rpc.RangeRequest(key=first.encode(), range_end=end.encode(), limit=limit)
                )
                for first, end, limit in otherwise
            ],
        )
        answer = await self._ask(self._keys.Txn, request)
        if answer.succeeded:
            return None
        found = [
            Key(kv.key.decode(), kv.value)
            for response in answer.responses
            for kv in response.response_range.kvs
        ]
        return Keys(found, answer.header.revision)

    async def compact(self, revision: int) -> None:
        """Forget what keys held before `revision`."""
        await self._ask(self._keys.Compact, self._rpc.CompactionRequest(revision=revision))

    # Leases.

    async def grant(self, seconds: int) -> int:
        """A new lease: keys bound to it go when nobody keeps it alive for that long."""
        return int((await self._ask(self._leases.LeaseGrant, self._rpc.LeaseGrantRequest(TTL=seconds))).ID)

    async def revoke(self, lease: int) -> None:
        """End a lease."""
        await self._ask(self._leases.LeaseRevoke, self._rpc.LeaseRevokeRequest(ID=lease))

    async def keep_alive(self, lease: int) -> None:
        """Prolong a lease; it is an error if it has run out."""
        call = self._leases.LeaseKeepAlive(timeout=TIMEOUT)
        try:
            await call.write(self._rpc.LeaseKeepAliveRequest(ID=lease))
            answer = await call.read()
            await call.done_writing()
        except self._rpc.RpcError as error:
            raise self._error(error) from None
        finally:
            call.cancel()
        if not getattr(answer, "TTL", 0):
            raise EtcdError(f"{self.endpoint}: the lease has run out")

    async def claim(self, name: str, value: bytes, lease: int) -> None:
        """Put a value that goes with the lease, if the key is not there."""
        rpc = self._rpc
        request = rpc.TxnRequest(
            compare=[
                rpc.Compare(
                    key=name.encode(),
                    result=rpc.Compare.EQUAL,
                    target=rpc.Compare.CREATE,
                    create_revision=0,
                )
            ],
            success=[rpc.RequestOp(request_put=rpc.PutRequest(key=name.encode(), value=value, lease=lease))],
        )
        await self._ask(self._keys.Txn, request)

    # News.

    async def watch(self, prefix: str, revision: int) -> AsyncIterator[list[Event]]:
        """What happens to keys that begin with `prefix`, from `revision` on."""
        rpc = self._rpc
        call = self._watches.Watch()
        try:
            request = rpc.WatchCreateRequest(
                key=prefix.encode(), range_end=after_prefix(prefix).encode(), start_revision=revision
            )
            await call.write(rpc.WatchRequest(create_request=request))
            async for answer in call:
                if answer.canceled:
                    reason = answer.cancel_reason or f"compacted up to revision {answer.compact_revision}"
                    raise EtcdError(f"{self.endpoint}: watch ended: {reason}")
                if answer.events:
                    yield [
                        Event(event.kv.key.decode(), None if event.type else event.kv.value)
                        for event in answer.events
                    ]
            raise EtcdError(f"{self.endpoint}: watch ended")
        except rpc.RpcError as error:
            raise self._error(error) from None
        finally:
            call.cancel()

    async def _ask(self, method: Any, request: Any) -> Any:
        try:
            return await method(request, timeout=TIMEOUT)
        except self._rpc.RpcError as error:
            raise self._error(error) from None

    def _error(self, error: Any) -> EtcdError:
        details = error.details() or error.code().name
        return EtcdError(f"{self.endpoint}: {details}")


def after_prefix(prefix: str) -> str:
    """The end of the range of keys that begin with `prefix`."""
    return prefix[:-1] + chr(ord(prefix[-1]) + 1)
