"""The journal on disk: written at once, flushed in groups, replaced as a whole when it is compacted.

A record is written before its transaction takes effect; if that fails (a full disk), the file is cut back to where it
was and the transaction fails alone.  One flush serves all who have asked for it by then.  On a disk that is quick (0.3 ms
is usual) it happens at once: a thread, there and back, takes as long again, and 0.2 ms more of the processor
("transactions, 1 client, durable", bench/database.py).  When the last flush was not quick, the next goes on in a thread,
and whoever asks meanwhile shares the one after it.

A compaction writes a new file beside the old one while the old one goes on growing, takes over what was added meanwhile,
and then renames it.

An empty file beside the journal, `.NAME.~lock~`, is locked for as long as the journal is in use: the same that Open
vSwitch locks, so neither program opens a journal that the other one uses.

Sources: ovsdb(5); ovsdb-server(1) for compaction; fcntl(2).
"""

from __future__ import annotations

import errno
import fcntl
import os
import time
from _random import Random  # all of `random` takes 1 ms to import
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from itertools import chain
from pathlib import Path
from typing import BinaryIO, TypeVar

from vswitch.base.dataclass import dataclass
from vswitch.base.errors import VswitchError
from vswitch.base.log import Logger
from vswitch.ovsdb.atom import Uuid
from vswitch.ovsdb.database import Database, NewUuid
from vswitch.ovsdb.errors import StorageError
from vswitch.ovsdb.journal import JournalError, Record, Torn, load, read_records, record_pieces, snapshot
from vswitch.ovsdb.jsontext import Json

log = Logger("ovsdb_log")
GROWN_MIN = 10 << 20  # bytes: a smaller journal is not worth compacting
GROWN_FACTOR = 2  # times the size after the last compaction
COMPACTION_RECORDS = 100  # fewer are not worth it either
COMPACTION_PAUSE = 600.0  # seconds between two compactions
COMPACTION_PERIOD = 86400.0  # seconds after which a journal is compacted that has not grown that much
FLUSH_EVERY = 1 << 24  # bytes of a new file: were there many, flushes of the old one would wait for them, too
CATCH_UP = 1 << 16  # bytes that may be written while the service stands still
UUIDS_AT_ONCE = 64
QUICK_FLUSH = 0.005  # seconds that the service may stand still for a flush
CATCH_UPS = 8  # times that a compaction runs after what is appended meanwhile, at most


T = TypeVar("T")


class CannotOpen(VswitchError):  # noqa: N818 - the message says what happened
    """A journal that cannot be opened."""


class LockFile:
    """The lock that keeps a second program off a journal."""

    def __init__(self, path: Path) -> None:
        real = path.resolve()
        self.path = real.parent / f".{real.name}.~lock~"
        try:
            self._fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise CannotOpen(f"I/O error: {path}: failed to lock lockfile ({error.strerror})") from None
        try:
            fcntl.lockf(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._fd)
            raise CannotOpen(f"I/O error: {path}: failed to lock lockfile ({error.strerror})") from None

    def release(self) -> None:
        """Let others have it."""
        os.close(self._fd)


class Journal:
    """A journal that is open for appending; implements `vswitch.ovsdb.servicemodel.Storage`."""

    def __init__(self, path: Path, lock: LockFile, size: int, n_records: int) -> None:
        self.path = path
        self.n_records = n_records
        self._lock = lock
        self._fd = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CLOEXEC)
        self._file_size = size
        self._compacted_size = size if n_records <= 2 else 0
        self._compacted_records = n_records
        self._compacted_at = self._tried_at = time.monotonic()
        self.size = 0  # since the journal was opened, whatever became of the file meanwhile
        self.n_safe = 0
        self.failure = ""  # what went wrong when the file was last written
        self.is_doubtful = (
            False  # flushing failed: what is on disk of this file, nobody knows, and nothing is safe
        )
        self._is_torn = False  # the file ends in a part of a record that could not be cut off
        self._generation = 0  # how often another file has become the journal
        self._is_renamed = False  # the directory is to be flushed, too
        self._syncing = False
        self._flush_time = 0.0  # seconds that the last flush took
        self._compacting: list[bytes] | None = None  # what was appended since the compaction began
        self.on_safe: Callable[[str], None] = lambda failure: None

    def close(self) -> None:
        """Flush, and let others have the file."""
        os.fdatasync(self._fd)
        os.close(self._fd)
        self._lock.release()

    def append(self, record: bytes) -> None:
        """Write a record, or nothing."""
        try:
            if self._is_torn:
                self._cut_back()
            _write(self._fd, [record])
        except OSError as error:
            with suppress(OSError):
                self._cut_back()
            self.failure = f"{self.path}: write failed ({error.strerror})"
            raise StorageError(self.failure) from None
        if not self.is_doubtful:
            self.failure = ""
        self._file_size += len(record)
        self.size += len(record)
        self.n_records += 1
        if self._compacting is not None:
            self._compacting.append(record)

    def _cut_back(self) -> None:
        """Cut off what is left of a record that could not be written: another after it would make it damage."""
        self._is_torn = True
        os.ftruncate(self._fd, self._file_size)
        self._is_torn = False

    def wants_sync(self) -> bool:
        """Whether there is something to flush, and nobody at it."""
        return self.n_safe < self.size and not self._syncing and not self.is_doubtful

    @property
    def is_quick(self) -> bool:
        """Whether the last flush took so little time that the service may stand still for the next."""
        return self._flush_time <= QUICK_FLUSH

    def sync_now(self) -> None:
        """Flush what has been written so far, and tell."""
        with self._syncing_all():
            self._flush(self._fd)

    async def sync(self) -> None:
        """The same, off the event loop."""
        with self._syncing_all():
            fd = os.dup(self._fd)  # a compaction may close ours meanwhile
            try:
                await in_thread(self._flush, fd)
            finally:
                os.close(fd)

    @contextmanager
    def _syncing_all(self) -> Iterator[None]:
        """What has been written so far is being flushed.

        The kernel tells of a failure once, and forgets what it could not write: to flush again and to hear of no
        failure would mean nothing.  So after a failure nothing is safe until the journal has been written anew.
        """
        self._syncing = True
        target, generation = self.size, self._generation
        try:
            yield
        except OSError as error:
            if generation == self._generation:
                self.is_doubtful = True
                self.failure = f"{self.path}: fsync failed ({error.strerror})"
                log.err("%s", self.failure)
        else:
            # Else it was a file that is no longer the journal, or one whose state nobody knows.
            if generation == self._generation and not self.is_doubtful:
                self.n_safe = max(self.n_safe, target)
        finally:
            self._syncing = False
        self.on_safe(self.failure if self.is_doubtful else "")

    def _flush(self, fd: int) -> None:
        start = time.monotonic()
        try:
            os.fdatasync(fd)
        finally:
            self._flush_time = time.monotonic() - start
        if self._is_renamed:
            self._is_renamed = False
            sync_directory(self.path.resolve().parent)

    def should_compact(self) -> bool:
        """Whether it is time to compact: the file has grown much, or it has been long."""
        now = time.monotonic()
        return (
            self._compacting is None
            and self.n_records - self._compacted_records >= COMPACTION_RECORDS
            and now - self._tried_at >= COMPACTION_PAUSE
            and (now - self._compacted_at >= COMPACTION_PERIOD or self._has_grown())
        )

    def _has_grown(self) -> bool:
        return self._file_size > GROWN_MIN and self._file_size > GROWN_FACTOR * self._compacted_size

    def rewrite(self, records: Collection[bytes]) -> None:
        """Put `records` in place of the whole file, now."""
        try:
            fd, temporary = self._write_new(records)
            with _discarding(fd, temporary):
                self._replace(fd, temporary, len(records))
            self._flush(fd)
        except OSError as error:
            raise StorageError(f"{self.path}: rewrite failed ({error.strerror})") from None
        self.n_safe = self.size

    async def compact(self, records: Callable[[], Iterable[bytes]]) -> None:
        """Put the records of a snapshot, made in a thread, in place of the file.

        StorageError: it did not work, and the file goes on as it was.
        """
        if self._compacting is not None:
            return
        self._compacting = []
        self._tried_at = time.monotonic()
        try:
            await self._compact(records)
        except OSError as error:
            raise StorageError(
                f"{self.path}: compaction failed ({error.strerror}); nothing is lost, but the file goes on growing: "
                f"{self._advice(error)}, then compact it with ovsdb-server/compact"
            ) from None
        finally:
            self._compacting = None
        self.on_safe("")

    def _advice(self, error: OSError) -> str:
        """What an administrator is to do about it."""
        directory = self.path.resolve().parent
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            return f"make room in {directory}"
        if error.errno == errno.EIO:
            return f"see to the disk that has {directory}"
        return f"let a file be made in {directory}"

    async def _compact(self, records: Callable[[], Iterable[bytes]]) -> None:
        generation, n_records = self._generation, 2
        fd, temporary = await in_thread(lambda: self._write_new(records()))
        with _discarding(fd, temporary):
            for _ in range(CATCH_UPS):
                appended = self._take_appended()
                n_records += len(appended)
                await in_thread(_append, fd, appended)
                if sum(len(record) for record in self._compacting or ()) < CATCH_UP:
                    break
            if generation != self._generation:
                raise OSError(errno.ESTALE, "the journal was written anew meanwhile")
            rest = self._take_appended()
            safe = self.size - sum(len(record) for record in rest)
            _write(fd, rest)
            self._replace(fd, temporary, n_records + len(rest))
        await in_thread(sync_directory, self.path.resolve().parent)
        self.n_safe = max(self.n_safe, safe)

    def _take_appended(self) -> list[bytes]:
        """What was appended since the last time."""
        appended, self._compacting = self._compacting or [], []
        return appended

    def _write_new(self, records: Iterable[bytes]) -> tuple[int, Path]:
        """A new file with `records` beside the journal, on disk."""
        temporary = self.path.resolve().with_name(f"{self.path.name}.tmp")
        temporary.unlink(missing_ok=True)
        fd = os.open(temporary, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o640)
        with _discarding(fd, temporary):
            os.fchmod(fd, os.fstat(self._fd).st_mode & 0o777)
            _write(fd, records, flush_every=FLUSH_EVERY)
            os.fsync(fd)
        return fd, temporary

    def _replace(self, fd: int, temporary: Path, n_records: int) -> None:
        """Let the new file be the journal; that it is so has yet to be flushed."""
        temporary.rename(self.path.resolve())
        replaced, self._fd = self._fd, fd
        with suppress(OSError):  # it is no longer the journal, whatever becomes of it
            os.close(replaced)
        self._generation += 1
        self._file_size = self._compacted_size = os.fstat(fd).st_size
        self.n_records = self._compacted_records = n_records
        self._compacted_at = time.monotonic()
        self.is_doubtful, self.failure, self._is_torn = False, "", False
        self._is_renamed = True


@contextmanager
def _discarding(fd: int, temporary: Path) -> Iterator[None]:
    """Leave no half-written file behind if something goes wrong."""
    try:
        yield
    except BaseException:
        with suppress(OSError):
            os.close(fd)
        with suppress(OSError):
            temporary.unlink()
        raise


async def in_thread(function: Callable[..., T], *args: object) -> T:
    """What `function` returns, while the loop serves others."""
    from asyncio import get_running_loop  # 38 ms to import, and ovsdb-tool does without

    return await get_running_loop().run_in_executor(None, lambda: function(*args))


def milliseconds_now() -> int:
    """The date, for the journal."""
    return time.time_ns() // 1_000_000


def uuid_source(seed: bytes | None = None) -> Callable[[], Uuid]:
    """A source of random UUIDs (RFC 4122 4.4)."""
    bits = Random(int.from_bytes(seed if seed is not None else os.urandom(32))).getrandbits
    fresh: list[Uuid] = []

    def new_uuid() -> Uuid:
        if not fresh:
            fresh.extend(_uuids(bits(128 * UUIDS_AT_ONCE).to_bytes(16 * UUIDS_AT_ONCE)))
        return fresh.pop()

    return new_uuid


def _uuids(random_bytes: bytes) -> list[Uuid]:
    """A UUID for each 16 bytes."""
    digits = random_bytes.hex()
    variants = ["89ab"[byte & 3] for byte in random_bytes[8::16]]
    return [
        Uuid(
            f"{digits[at : at + 8]}-{digits[at + 8 : at + 12]}-4{digits[at + 13 : at + 16]}-"
            f"{variant}{digits[at + 17 : at + 20]}-{digits[at + 20 : at + 32]}"
        )
        for at, variant in zip(range(0, len(digits), 32), variants, strict=True)
    ]


def open_journal(path: Path, new_uuid: NewUuid, *, is_whole: bool = False) -> tuple[Journal, Database]:
    """The journal at `path` and the database that it amounts to; raises CannotOpen.

    A record that was not written completely is cut off, with a warning, unless `is_whole` says that there must be none;
    other damage is left as it is and reported.
    """
    try:
        with path.open("rb"):
            pass
    except OSError as error:
        raise CannotOpen(f"I/O error: {path}: open failed ({error.strerror})") from None
    lock = LockFile(path)
    try:
        contents = read_journal(path, new_uuid, is_whole=is_whole)
        if contents.end < path.stat().st_size:
            log.warn("%s: cutting the file to %d bytes", path, contents.end)
            os.truncate(path, contents.end)
        return Journal(path, lock, contents.end, contents.n_records), contents.database
    except BaseException:
        lock.release()
        raise


@dataclass(frozen=True, slots=True)
class Contents:
    """What a journal amounts to, how many records it has, and where the last good one ends."""

    database: Database
    n_records: int
    end: int


def read_journal(path: Path, new_uuid: NewUuid, *, is_whole: bool = False) -> Contents:
    """The contents of a journal, but for a record at its end that was not written completely; raises CannotOpen.

    Where the file has to be whole, such a record is an error like any other.
    """
    n_records, end = 0, 0

    def good_records(file: BinaryIO) -> Iterator[Record]:
        nonlocal n_records, end
        try:
            for record in read_records(file, str(path)):
                n_records, end = n_records + 1, record.end
                yield record
        except Torn as torn:
            if is_whole or not n_records:
                raise
            log.warn("%s; what begins at offset %d is not a complete record", torn, torn.offset)

    try:
        with path.open("rb") as file:
            database = load(good_records(file), str(path), new_uuid)
    except OSError as error:
        what = "read error" if isinstance(error, IsADirectoryError) else "open failed"
        raise CannotOpen(f"I/O error: {path}: {what} ({error.strerror})") from None
    except JournalError as error:
        raise CannotOpen(str(error)) from None
    return Contents(database, n_records, end)


def create_journal(path: Path, records: Iterable[Json]) -> None:
    """A new journal at `path`, which must not exist; raises CannotOpen."""
    try:
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o640)
    except OSError as error:
        raise CannotOpen(f"I/O error: {path}: create failed ({error.strerror})") from None
    try:
        _write(fd, chain.from_iterable(map(record_pieces, records)))
        os.fsync(fd)
    except OSError as error:
        path.unlink(missing_ok=True)
        raise CannotOpen(f"I/O error: {path}: write failed ({error.strerror})") from None
    finally:
        os.close(fd)
    sync_directory(path.resolve().parent)


def sync_directory(path: Path) -> None:
    """Make a file's being in a directory durable."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def compaction_records(database: Database, date: int, comment: str) -> Callable[[], Iterable[bytes]]:
    """What a compaction writes, in pieces: the present state, which may go on changing while it is written."""
    frozen = Database(database.schema)
    for name, table in database.tables.items():
        frozen.tables[name].rows = dict(table.rows)
    return lambda: chain.from_iterable(map(record_pieces, snapshot(frozen, date, comment)))


def _append(fd: int, records: Iterable[bytes]) -> None:
    """Write records, and have them on disk."""
    _write(fd, records)
    os.fdatasync(fd)


def _write(fd: int, records: Iterable[bytes], flush_every: int = 0) -> None:
    """Write records, or pieces of them; flush after each `flush_every` bytes, unless it is 0."""
    unflushed = 0
    for record in records:
        n_written = os.write(fd, record)
        while n_written < len(record):
            n_written += os.write(fd, memoryview(record)[n_written:])
        unflushed += n_written
        if flush_every and unflushed >= flush_every:
            os.fdatasync(fd)
            unflushed = 0
