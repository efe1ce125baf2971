"""The one SQLite file behind the store: short transactions of many threads, and one sync of the disk for all that wait.

A request is acknowledged once its transaction is on the disk. SQLite writes the log (WAL) and the disk is told to keep
it here, after the commit: that costs milliseconds, and meanwhile others may write. Everybody who has committed before
a sync begins is served by it.
"""

import os
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from rollcall.local.store import disk
from rollcall.local.store.folder_lock import FolderLock
from rollcall.local.store.store_errors import StoreError
from rollcall.local.store.write_threads import WriteThreads

FILE = "store.db"
CACHE_KIBIBYTES = 16 * 1024  # of a connection
CHECKPOINT_PAGES = 4096  # of 4 KiB: the log is written back to the file once it is longer
LOG_BYTES = 64 * 1024 * 1024  # that the log keeps on the disk between two checkpoints

Migrations = Sequence[str]
Result = TypeVar("Result")


class Database:
    """`durable=False` is for data that nobody keeps: nothing is synced, so only a crash of the machine loses it.

    Raises:
        StoreError: another server uses the folder, or a newer version has written it.
    """

    def __init__(self, folder: Path, *, durable: bool = True) -> None:
        self.folder = folder
        self._durable = durable
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._lock = FolderLock(folder)
        self._file = folder / FILE
        self._turn = threading.Lock()
        self._after: list[Callable[[], None]] = []
        self._own = threading.local()
        self._open: list[sqlite3.Connection] = []
        try:
            self._writer = self._connect()
            self._log = LogSync(Path(f"{self._file}-wal"))
            with self.transaction() as connection:
                connection.execute(
                    "CREATE TABLE IF NOT EXISTS schema (part TEXT PRIMARY KEY, version INTEGER NOT NULL) WITHOUT ROWID"
                )
        except BaseException:
            self._lock.release()
            raise
        self._threads = WriteThreads(self)

    def migrate(self, part: str, migrations: Migrations) -> None:
        """Bring the tables of one part to the newest version. Each migration is a script; old ones never change."""
        with self.transaction() as connection:
            found = connection.execute("SELECT version FROM schema WHERE part = ?", (part,)).fetchone()
            version = found[0] if found else 0
            if version > len(migrations):
                raise StoreError(
                    f"{self.folder} was written by a newer version of Rollcall ({part} {version}, here"
                    f" {len(migrations)}): update Rollcall, or choose another folder with --data"
                )
            for script in migrations[version:]:
                for statement in _statements(script):
                    connection.execute(statement)
            connection.execute("INSERT OR REPLACE INTO schema VALUES (?, ?)", (part, len(migrations)))

    def read(self) -> sqlite3.Connection:
        """The calling thread's own connection, for reading alone. It sees every transaction that has ended."""
        connection: sqlite3.Connection | None = getattr(self._own, "reader", None)
        if connection is None:
            connection = self._own.reader = self._connect()
            connection.execute("PRAGMA query_only = ON")
        return connection

    @contextmanager
    def transaction(self, *, durable: bool = True) -> Iterator[sqlite3.Connection]:
        """All of what is done inside, or nothing. When it returns, it is on the disk.

        Others wait meanwhile, so only SQL belongs inside. `durable=False` is for what may be lost with the machine's
        power, though not with the process: it does not wait for the disk. Transactions cannot be nested.
        """
        with self._turn:
            self._writer.execute("BEGIN IMMEDIATE")
            self._after = []
            try:
                yield self._writer
                self._writer.execute("COMMIT")
            except BaseException:
                if self._writer.in_transaction:  # after some errors, such as a full disk, SQLite has undone it
                    self._writer.execute("ROLLBACK")
                raise
            callbacks = self._after
        for callback in callbacks:
            callback()
        if durable:
            self.sync()

    async def write(self, work: Callable[[sqlite3.Connection], Result], *, durable: bool = True) -> Result:
        """`transaction` for an event loop: `work` runs inside of one, in another thread."""
        result: Result = await self._threads.submit(work, durable=durable)
        return result

    def after_commit(self, callback: Callable[[], None]) -> None:
        """Inside a transaction: have this called once it has ended well, by the same thread, before the sync."""
        self._after.append(callback)

    def sync(self) -> None:
        """Return once every transaction that has ended is on the disk."""
        if self._durable:
            self._log.wait()

    def backup(self, target: Path) -> None:
        """A copy of the file as it is at one moment, while others go on."""
        source, copy = sqlite3.connect(self._file), sqlite3.connect(target)
        try:
            source.backup(copy)
        finally:
            copy.close()
            source.close()

    def close(self) -> None:
        """Nobody may use it any more."""
        self._threads.close()
        with self._turn:
            for connection in self._open:
                connection.close()
            self._open.clear()
            self._log.close()
        self._lock.release()

    def _connect(self) -> sqlite3.Connection:
        try:
            connection = sqlite3.connect(self._file, isolation_level=None, check_same_thread=False, timeout=30)
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.DatabaseError as error:
            raise StoreError(f"{self._file} cannot be opened ({error}): choose another folder with --data") from error
        # NORMAL: SQLite itself syncs where the file would else be damaged; LogSync does the rest
        connection.execute(f"PRAGMA synchronous = {'NORMAL' if self._durable else 'OFF'}")
        connection.execute(f"PRAGMA cache_size = -{CACHE_KIBIBYTES}")
        connection.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
        connection.execute(f"PRAGMA journal_size_limit = {LOG_BYTES}")
        connection.execute("PRAGMA temp_store = MEMORY")
        self._open.append(connection)
        return connection


class LogSync:
    """Has the disk keep the log. Whoever asks while a sync runs waits for the next one, which one of them begins."""

    def __init__(self, log: Path) -> None:
        # SQLite keeps one log as long as a connection is open, and locks other files: this descriptor disturbs nothing
        self._descriptor = os.open(log, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._changed = threading.Condition()
        self._begun = self._ended = 0
        self._error: OSError | None = None

    def wait(self) -> None:
        with self._changed:
            wanted = self._begun + 1  # one that has begun may have missed what was written last
            self._changed.wait_for(lambda: self._ended >= wanted or self._ended == self._begun or self._error)
            if self._error is not None:
                raise self._error
            if self._ended >= wanted:
                return
            self._begun += 1
        self._sync()

    def close(self) -> None:
        os.close(self._descriptor)

    def _sync(self) -> None:
        error = None
        try:
            disk.sync(self._descriptor)
        except OSError as failure:  # what a disk has lost once, it does not tell of twice: nobody may go on
            error = failure
        with self._changed:
            self._ended += 1
            self._error = error
            self._changed.notify_all()
        if error is not None:
            raise error


def _statements(script: str) -> Iterator[str]:
    """One by one, each on lines of its own: `executescript` would commit the transaction that it is in."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
    if statement.strip():
        raise ValueError(f"a migration does not end with a semicolon: {statement.strip()[-80:]}")
