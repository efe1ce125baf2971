"""The database: transactions whole or not at all, kept by the disk, in one folder for one server."""

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from rollcall.local.store.data_folder import generations
from rollcall.local.store.data_folder.log_sync import LogSync
from rollcall.local.store.database import Database
from rollcall.local.store.store_errors import StoreError

NUMBERS = ("CREATE TABLE number (value INTEGER);",)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(tmp_path)
    database.migrate("test", NUMBERS)
    yield database
    database.close()


def values(database: Database) -> list[int]:
    return [value for (value,) in database.read().execute("SELECT value FROM number ORDER BY value")]


def put(database: Database, value: int) -> None:
    with database.transaction() as connection:
        connection.execute("INSERT INTO number VALUES (?)", (value,))


def test_a_transaction_is_done_whole_or_not_at_all(database: Database) -> None:
    told: list[str] = []
    put(database, 1)
    with pytest.raises(ValueError, match="no"), database.transaction() as connection:
        connection.execute("INSERT INTO number VALUES (2)")
        database.after_commit(lambda: told.append("undone"))
        raise ValueError("no")
    with database.transaction() as connection:
        database.after_commit(lambda: told.append("done"))
        connection.execute("INSERT INTO number VALUES (3)")
        assert not told

    assert values(database) == [1, 3]
    assert told == ["done"]


def test_many_threads_write_and_each_finds_its_own(database: Database) -> None:
    def work(start: int) -> None:
        for value in range(start, start + 20):
            put(database, value)
            assert value in values(database)

    threads = [threading.Thread(target=work, args=(n * 20,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert values(database) == list(range(160))


def test_an_event_loop_writes_and_one_failure_fails_one(database: Database) -> None:
    def insert(value: int) -> object:
        def work(connection: sqlite3.Connection) -> int:
            connection.execute("INSERT INTO number VALUES (?)", (value,))
            if value == 3:
                raise ValueError("three")
            return value

        return database.write(work, durable=value % 2 == 0)

    async def all_of_them() -> list[object]:
        asked: Any = [insert(value) for value in range(6)]
        return list(await asyncio.gather(*asked, return_exceptions=True))

    answers = asyncio.run(all_of_them())

    assert [answer for answer in answers if isinstance(answer, int)] == [0, 1, 2, 4, 5]
    assert isinstance(answers[3], ValueError)
    assert values(database) == [0, 1, 2, 4, 5]


def test_a_failing_disk_is_told_of_by_everybody_who_waits(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_descriptor: int) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "fdatasync", fail)
    with pytest.raises(OSError, match="Input"):
        put(database, 1)
    monkeypatch.undo()
    with pytest.raises(OSError, match="Input"):  # what was lost is not there because a later sync succeeds
        asyncio.run(database.write(lambda connection: connection.execute("SELECT 1")))


def test_whoever_asks_during_a_sync_waits_for_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = LogSync(tmp_path / "log")
    begun, go_on, syncs = threading.Event(), threading.Event(), []

    def slow(_descriptor: int) -> None:
        syncs.append(1)
        begun.set()
        assert go_on.wait(5)

    monkeypatch.setattr(os, "fdatasync", slow)
    threads = [threading.Thread(target=log.wait) for _ in range(5)]
    threads[0].start()
    assert begun.wait(5)
    for thread in threads[1:]:
        thread.start()
    go_on.set()
    for thread in threads:
        thread.join(5)

    assert not any(thread.is_alive() for thread in threads)
    assert 2 <= len(syncs) <= 5
    log.close()


def test_one_server_a_folder(tmp_path: Path) -> None:
    first = Database(tmp_path)
    with pytest.raises(StoreError, match=rf"{tmp_path} is in use by another server \(process {os.getpid()}\)"):
        Database(tmp_path)
    first.close()
    Database(tmp_path).close()


def test_migrations_are_applied_once_and_a_newer_folder_is_refused(tmp_path: Path) -> None:
    newer = (*NUMBERS, "ALTER TABLE number ADD COLUMN name TEXT;\nINSERT INTO number VALUES (7, 'seven');")
    for scripts, expected in ((NUMBERS, []), (newer, [7]), (newer, [7])):
        database = Database(tmp_path)
        database.migrate("test", scripts)
        assert values(database) == expected
        database.close()

    database = Database(tmp_path)
    with pytest.raises(StoreError, match="newer version of Rollcall"):
        database.migrate("test", NUMBERS)
    database.close()


def test_a_folder_with_something_that_nobody_knows_is_refused(database: Database) -> None:
    database.require_known_parts()
    with database.transaction() as connection:
        connection.execute("INSERT INTO schema VALUES ('faces', 1)")
    with pytest.raises(StoreError, match=r"newer version of Rollcall \(it has faces\)"):
        database.require_known_parts()


def test_a_file_that_is_no_database_is_an_error_of_one_line(tmp_path: Path) -> None:
    Database(tmp_path).close()
    (file,) = (tmp_path / ".store/base").glob("*.db")
    file.write_bytes(b"something else " * 1000)
    file.with_name(f"{file.name}-wal").unlink()
    for _ in range(2):  # the lock is released as well
        with pytest.raises(StoreError, match="cannot be opened"):
            Database(tmp_path)


WRITER = """
import sys
from pathlib import Path
from rollcall.local.store.data_folder import generations
from rollcall.local.store.database import Database
database = Database(Path(sys.argv[1]))
database.migrate("test", ("CREATE TABLE number (value INTEGER);",))
for value in range(100_000):
    with database.transaction() as connection:
        connection.execute("INSERT INTO number VALUES (?)", (value,))
    print(value, flush=True)
"""


def test_what_was_acknowledged_outlives_a_kill(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        acknowledged = [int(process.stdout.readline()) for _ in range(20)]
        process.send_signal(signal.SIGKILL)
        acknowledged += [int(line) for line in process.stdout]

    database = Database(tmp_path)
    found = values(database)
    database.close()
    assert found[: len(acknowledged)] == acknowledged


def test_the_log_begins_anew_while_others_write_and_nothing_that_is_there_changes(database: Database) -> None:
    folder = database.folder / generations.FOLDER
    ended, acknowledged = threading.Event(), list[int]()

    def write() -> None:
        while not ended.is_set():
            put(database, len(acknowledged))
            acknowledged.append(len(acknowledged))

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for _ in range(3):
            (newest,) = list(folder.glob("*.db"))[-1:]
            before = newest.read_bytes()
            database.renew()
            assert newest.read_bytes() == before
    finally:
        ended.set()
        writer.join()

    assert values(database) == acknowledged
    assert [path.stem for path in generations.files(database.folder)] == [f"{number:010d}" for number in range(1, 5)]
    assert not list(folder.glob("*.new*"))
    for path in generations.files(database.folder):
        with closing(generations.read_only(path)) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def with_many_numbers(folder: Path) -> Database:
    """It is large enough for a copy of it to take a while."""
    database = Database(folder)
    database.migrate("test", NUMBERS)
    with database.transaction() as connection:
        connection.execute(
            "WITH RECURSIVE n(v) AS (SELECT 1 UNION ALL SELECT v + 1 FROM n WHERE v < 200000)"
            " INSERT INTO number SELECT v FROM n"
        )
    return database


def test_two_who_renew_at_once_take_turns(tmp_path: Path) -> None:
    database = with_many_numbers(tmp_path)
    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(database.renew) for _ in range(2)]:
            done.result()
    assert [path.stem for path in generations.files(tmp_path)][-1] == f"{3:010d}"
    assert len(values(database)) == 200_000
    database.close()


def test_old_files_go_after_a_while_and_at_a_start(tmp_path: Path) -> None:
    first, second = tmp_path / "1.db", tmp_path / "2.db"
    now = [0.0]
    for path in (first, second):
        path.touch()
        generations.log_of(path).touch()
    retired = generations.Retired([first], clock=lambda: now[0])
    retired.remove_old()
    assert first.exists()
    now[0] = generations.KEEP_SECONDS
    retired.remove_old()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["2.db", "2.db-wal"]


def test_a_store_that_ends_does_not_wait_for_the_next_generation(tmp_path: Path) -> None:
    database = with_many_numbers(tmp_path)
    ended: list[BaseException] = []

    def renew() -> None:
        try:
            database.renew()
        except generations.Ended as error:
            ended.append(error)

    database._ending.set()
    renewing = threading.Thread(target=renew)
    renewing.start()
    renewing.join()
    assert len(ended) == 1
    assert [path.name for path in (tmp_path / generations.FOLDER).glob("*.*[wb]")] == ["0000000001.db"]
    assert len(values(database)) == 200_000
    database.close()
