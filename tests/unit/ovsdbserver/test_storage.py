import asyncio
import errno
import os
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest

from tests.unit.ovsdb.machine import SCHEMA, uuids
from vswitch.ovsdb.errors import StorageError
from vswitch.ovsdb.journal import encode_record, replay
from vswitch.ovsdb.jsontext import decode
from vswitch.ovsdbserver import storage
from vswitch.ovsdbserver.storage import (
    CannotOpen,
    compaction_records,
    create_journal,
    open_journal,
    read_journal,
    uuid_source,
)

A1 = "00000000-0000-0000-0000-0000000000a1"
RECORD = encode_record({"I": {A1: {"a": "x"}}})


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "db"
    create_journal(path, [SCHEMA.to_json()])
    return path


def rows(path):
    return set(read_journal(path, uuids()).database.tables["I"].rows)


def test_what_was_appended_is_there(path):
    journal, _ = open_journal(path, uuids())
    journal.append(RECORD)
    assert rows(path) == {A1}
    assert journal.wants_sync()
    asyncio.run(journal.sync())
    assert not journal.wants_sync()
    journal.close()


def test_a_full_disk_leaves_the_file_as_it_was(path, monkeypatch):
    journal, _ = open_journal(path, uuids())
    before = path.read_bytes()
    real = os.write

    def short(fd, data):
        real(fd, bytes(data)[:7])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", short)
    with pytest.raises(StorageError, match="No space left on device"):
        journal.append(RECORD)
    monkeypatch.undo()
    assert path.read_bytes() == before
    journal.append(RECORD)
    assert rows(path) == {A1}
    journal.close()


def test_nothing_is_written_after_a_part_of_a_record_that_cannot_be_cut_off(path, monkeypatch):
    journal, _ = open_journal(path, uuids())
    real = os.write

    def short(fd, data):
        real(fd, bytes(data)[:7])
        raise OSError(5, "Input/output error")

    def fail(fd, size):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "ftruncate", fail)
    monkeypatch.setattr(os, "write", short)
    with pytest.raises(StorageError, match="Input/output error"):
        journal.append(RECORD)
    monkeypatch.setattr(os, "write", real)
    before = path.read_bytes()
    with pytest.raises(StorageError, match="Input/output error"):
        journal.append(RECORD)
    assert path.read_bytes() == before
    monkeypatch.undo()
    journal.append(RECORD)
    assert rows(path) == {A1}
    journal.close()


def test_an_fsync_that_fails_is_told(path, monkeypatch):
    journal, _ = open_journal(path, uuids())
    told = []
    journal.on_safe = told.append
    journal.append(RECORD)

    def fail(fd):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "fdatasync", fail)
    asyncio.run(journal.sync())
    assert told == [f"{path}: fsync failed (Input/output error)"]
    assert (journal.n_safe, journal.is_doubtful) == (0, True)
    monkeypatch.undo()
    journal.close()


def test_nothing_is_safe_after_an_fsync_that_failed_until_the_journal_is_written_anew(path, monkeypatch):
    journal, database = open_journal(path, uuids())
    journal.append(RECORD)
    kept = os.fdatasync

    def fail(fd):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "fdatasync", fail)
    asyncio.run(journal.sync())
    monkeypatch.setattr(os, "fdatasync", kept)
    asyncio.run(journal.sync())  # the kernel has forgotten what it could not write, and says that all is well
    assert journal.n_safe == 0
    assert not journal.wants_sync()
    assert "fsync failed" in journal.failure
    replay(database, decode(RECORD.split(b"\n", 1)[1]), uuids(9)())
    asyncio.run(journal.compact(compaction_records(database, 0, "anew")))
    assert (journal.n_safe, journal.is_doubtful, journal.failure) == (journal.size, False, "")
    assert rows(path) == {A1}
    journal.close()


def test_a_flush_of_a_file_that_was_replaced_meanwhile_says_nothing_about_the_new_one(path, monkeypatch):
    journal, _ = open_journal(path, uuids())
    journal.append(RECORD)
    kept = os.fdatasync

    def replace_first(fd):
        monkeypatch.setattr(os, "fdatasync", kept)
        journal._replace(*journal._write_new([RECORD]), 1)

    monkeypatch.setattr(os, "fdatasync", replace_first)
    asyncio.run(journal.sync())
    assert journal.n_safe == 0
    journal.close()


def test_a_flush_goes_on_here_or_in_a_thread_and_tells_whether_it_was_quick(path, monkeypatch):
    journal, _ = open_journal(path, uuids())
    threads = []
    monkeypatch.setattr(os, "fdatasync", lambda fd: threads.append(threading.current_thread()))
    assert journal.is_quick
    journal.append(RECORD)
    journal.sync_now()
    assert (journal.n_safe, journal.is_quick) == (journal.size, True)
    monkeypatch.setattr(storage, "QUICK_FLUSH", -1.0)
    assert not journal.is_quick
    journal.append(RECORD)
    asyncio.run(journal.sync())
    assert journal.n_safe == journal.size
    assert [thread is threading.main_thread() for thread in threads] == [True, False]
    journal.close()


def test_when_a_journal_is_compacted(path, monkeypatch):
    journal, _ = open_journal(path, uuids())
    now = time.monotonic()
    for _ in range(99):
        journal.append(RECORD)
    monkeypatch.setattr(time, "monotonic", lambda: now + 90_000)
    assert not journal.should_compact()  # too few records, however long ago
    journal.append(RECORD)
    assert journal.should_compact()
    monkeypatch.setattr(time, "monotonic", lambda: now + 700)
    assert not journal.should_compact()  # too small
    journal.append(encode_record({"_comment": "x" * (11 << 20)}))
    assert journal.should_compact()
    monkeypatch.setattr(time, "monotonic", lambda: now + 60)
    assert not journal.should_compact()  # too soon
    journal.close()


def test_a_torn_record_is_cut_off(path):
    path.write_bytes(path.read_bytes() + RECORD + RECORD[:-3])
    journal, database = open_journal(path, uuids())
    assert set(database.tables["I"].rows) == {A1}
    assert path.read_bytes().endswith(RECORD)
    journal.close()


def test_a_damaged_file_is_left_alone(path):
    data = path.read_bytes() + RECORD.replace(b'"x"', b'"y"') + RECORD
    path.write_bytes(data)
    with pytest.raises(CannotOpen, match="SHA-1"):
        open_journal(path, uuids())
    assert path.read_bytes() == data


def test_a_second_opener_is_kept_off(path):
    journal, _ = open_journal(path, uuids())
    program = f"from vswitch.ovsdbserver.storage import *; open_journal(Path({str(path)!r}), uuid_source())"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert "failed to lock lockfile (Resource temporarily unavailable)" in done.stderr
    journal.close()
    open_journal(path, uuids())[0].close()


def test_what_is_appended_during_a_compaction_is_kept(path):
    journal, database = open_journal(path, uuids())
    before = path.stat().st_ino

    async def compact_and_append():
        work = asyncio.ensure_future(journal.compact(compaction_records(database, 0, "compacting")))
        await asyncio.sleep(0)
        journal.append(RECORD)
        await work
        journal.append(encode_record({"I": {A1: None}}))

    asyncio.run(compact_and_append())
    assert path.stat().st_ino != before
    assert rows(path) == set()
    assert path.read_bytes().count(b"OVSDB JSON") == 4  # the snapshot, of nothing, says why it is there
    assert not list(path.parent.glob("*.tmp"))
    journal.close()


@pytest.mark.parametrize(
    ("call", "number", "advice"),
    [
        ("write", errno.ENOSPC, "make room in"),
        ("write", errno.EDQUOT, "make room in"),
        ("write", errno.EIO, "see to the disk that has"),
        ("fsync", errno.EIO, "see to the disk that has"),
        ("fsync", errno.ENOSPC, "make room in"),
        ("fchmod", errno.EPERM, "let a file be made in"),
        ("rename", errno.EACCES, "let a file be made in"),
        ("rename", errno.EIO, "see to the disk that has"),
        ("rename", errno.ENOSPC, "make room in"),
    ],
)
@pytest.mark.parametrize("nth", [1, 2, 3])
def test_a_compaction_that_fails_loses_nothing(path, monkeypatch, call, number, advice, nth):
    """Whatever call fails, the first time or a later one, with transactions going on meanwhile."""
    journal, database = open_journal(path, uuids())
    real, calls = getattr(os, call), []

    def fail(*args, **kwargs):
        is_about_the_journal = call in ("write", "fsync") and args[0] == journal._fd
        if not is_about_the_journal:
            calls.append(args)
        if len(calls) == nth and not is_about_the_journal:
            raise OSError(number, os.strerror(number))
        return real(*args, **kwargs)

    async def compact_and_append():
        work = asyncio.ensure_future(journal.compact(compaction_records(database, 0, "compacting")))
        await asyncio.sleep(0)
        journal.append(RECORD)
        with suppress(StorageError):
            await work
            return ""
        return str(work.exception())

    monkeypatch.setattr(os, call, fail)
    failure = asyncio.run(compact_and_append())
    monkeypatch.undo()
    assert bool(failure) == (len(calls) >= nth)
    if failure:
        assert failure.startswith(f"{path}: compaction failed ({os.strerror(number)}); nothing is lost")
        assert f"{advice} {path.parent}, then compact it" in failure
    assert rows(path) == {A1}
    assert not list(path.parent.glob("*.tmp"))
    journal.append(encode_record({"I": {A1: None}}))
    asyncio.run(journal.compact(compaction_records(database, 0, "again")))
    asyncio.run(journal.sync())
    journal.close()
    reopened, _ = open_journal(path, uuids())
    reopened.close()


def test_a_compaction_that_failed_is_not_tried_at_every_transaction(path, monkeypatch):
    journal, database = open_journal(path, uuids())
    monkeypatch.setattr(storage, "COMPACTION_RECORDS", 1)
    monkeypatch.setattr(storage, "GROWN_MIN", 1)
    now = float(int(time.monotonic()) + 1)  # a whole number, so that sums are exact
    monkeypatch.setattr(time, "monotonic", lambda: now)
    journal.append(RECORD * 100)
    assert not journal.should_compact(), "it has just been opened"
    now += storage.COMPACTION_PAUSE + 1
    assert journal.should_compact()
    with monkeypatch.context() as broken:
        broken.setattr(os, "fsync", broken_call(errno.ENOSPC))
        with pytest.raises(StorageError):
            asyncio.run(journal.compact(compaction_records(database, 0, "compacting")))
    assert not journal.should_compact()
    now += storage.COMPACTION_PAUSE
    assert journal.should_compact()
    journal.close()


def broken_call(number):
    def fail(*args, **kwargs):
        raise OSError(number, os.strerror(number))

    return fail


def test_rewriting(path):
    journal, _ = open_journal(path, uuids())
    journal.append(RECORD)
    journal.rewrite([encode_record(SCHEMA.to_json())])
    assert rows(path) == set()
    journal.append(RECORD)
    assert rows(path) == {A1}
    journal.close()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda p: None, "open failed \\(No such file"),
        (lambda p: p.write_text(""), "cannot identify"),
        (lambda p: p.write_text("x\n"), "unexpected file format"),
    ],
)
def test_what_cannot_be_opened(tmp_path, make, message):
    make(tmp_path / "db")
    with pytest.raises(CannotOpen, match=message):
        open_journal(tmp_path / "db", uuids())


def test_creating_twice(path):
    with pytest.raises(CannotOpen, match="create failed"):
        create_journal(Path(path), [])


def test_uuids_are_of_version_4():
    for text in (uuid_source()() for _ in range(100)):
        assert (len(text), text[14]) == (36, "4")
        assert text[19] in "89ab"
