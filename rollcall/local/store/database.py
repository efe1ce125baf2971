"""The database behind the store: short transactions of many threads, and one sync of the disk for all that wait.

A request is acknowledged once its transaction is on the disk. SQLite writes the log (WAL) and the disk is told to keep
it here, after the commit: that costs milliseconds, and meanwhile others may write. Everybody who has committed before
a sync begins is served by it. `generations` tells of the files.
"""

import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from rollcall.local.store.data_folder import generations
from rollcall.local.store.data_folder.erasure import Erasure
from rollcall.local.store.data_folder.folder_lock import FolderLock
from rollcall.local.store.store_errors import StoreError
from rollcall.local.store.store_failures import log_failure
from rollcall.local.store.write_threads import Deferred, WriteThreads

LOOK_SECONDS = 0.5  # at the length of the log
PATIENCE_SECONDS = 30.0  # after a failure, such as a full disk

Migrations = Sequence[str]
Result = TypeVar("Result")


class Database:
    """`durable=False` is for data that nobody keeps: nothing is synced, so only a crash of the machine loses it.

    `prepare` may change the folder before anything in it is opened.

    Raises:
        StoreError: another server uses the folder, or a newer version has written it.
    """

    def __init__(
        self, folder: Path, *, durable: bool = True, prepare: Callable[[Path], None] = lambda _folder: None
    ) -> None:
        self.folder = folder
        self._durable = durable
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._lock = FolderLock(folder)
        self._turn = threading.Lock()
        self._renewing = threading.Lock()  # one at a time: each gives way to writers meanwhile
        self._after: list[Callable[[], None]] = []
        self._own = threading.local()
        self._parts: set[str] = set()
        self._ending = threading.Event()
        try:
            prepare(folder)
            self._current = generations.open_newest(folder, durable=durable)
            self._erasure = Erasure(folder)
            self._retired = generations.Retired(generations.files(folder)[:-1])
            with self.transaction() as connection:
                connection.execute(
                    "CREATE TABLE IF NOT EXISTS schema (part TEXT PRIMARY KEY, version INTEGER NOT NULL) WITHOUT ROWID"
                )
        except BaseException:
            self._lock.release()
            raise
        self._threads = WriteThreads(self)
        self._renewer = threading.Thread(target=self._renew_often, name="generations", daemon=True)
        self._renewer.start()

    def migrate(self, part: str, migrations: Migrations) -> None:
        """Bring the tables of one part to the newest version. Each migration is a script; old ones never change."""
        self._parts.add(part)
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

    def require_known_parts(self) -> None:
        """Raises StoreError: a newer version has kept something here that nobody has migrated."""
        found = self.read().execute("SELECT part FROM schema ORDER BY part")
        if unknown := [part for (part,) in found if part not in self._parts]:
            raise StoreError(
                f"{self.folder} was written by a newer version of Rollcall (it has {', '.join(unknown)}): update"
                " Rollcall, or choose another folder with --data"
            )

    def read(self) -> sqlite3.Connection:
        """The calling thread's own connection, for reading alone. It sees every transaction that has ended.

        Ask for it again rather than keep it: after a while, newer transactions are in another generation of the files.
        """
        current = self._current
        if getattr(self._own, "generation", None) is not current:
            connection = current.connect()
            connection.execute("PRAGMA query_only = ON")
            self._own.generation, self._own.reader = current, connection
        reader: sqlite3.Connection = self._own.reader
        return reader

    @contextmanager
    def transaction(self, *, durable: bool = True) -> Iterator[sqlite3.Connection]:
        """All of what is done inside, or nothing. When it returns, it is on the disk.

        Others wait meanwhile, so only SQL belongs inside. `durable=False` is for what may be lost with the machine's
        power, though not with the process: it does not wait for the disk. Transactions cannot be nested.
        """
        with self._turn:
            writer = self._current.writer
            writer.execute("BEGIN IMMEDIATE")
            self._after = []
            try:
                yield writer
                writer.execute("COMMIT")
            except BaseException:
                if writer.in_transaction:  # after some errors, such as a full disk, SQLite has undone it
                    writer.execute("ROLLBACK")
                raise
            callbacks = self._after
        for callback in callbacks:
            callback()
        if durable:
            self.sync()

    async def write(
        self, work: Callable[[sqlite3.Connection], Result], *, durable: bool = True, brief: bool = True
    ) -> Result:
        """`transaction` for an event loop: `work` runs inside of one. What is not brief does so in another thread."""

        def transact() -> Result:
            with self.transaction(durable=durable) as connection:
                return work(connection)

        return await (self.briefly(transact) if brief and not self.busy else self._threads.run(transact))

    @property
    def busy(self) -> bool:
        """Whoever begins a transaction now would have to wait."""
        return self._turn.locked()

    async def briefly(self, work: Callable[[], Result]) -> Result:
        """Do this on the event loop, because another thread would cost more. Only the disk is waited for in another."""
        left = Deferred()
        try:
            with self.deferring(left):
                return work()
        finally:
            if left.sync and self._durable:
                await self._threads.finish(left)
            else:
                left.end()

    @contextmanager
    def deferring(self, left: Deferred) -> Iterator[None]:
        """Inside, this thread's transactions do not wait for the disk, and `after_sync` does nothing yet."""
        self._own.deferred = left
        try:
            yield
        finally:
            self._own.deferred = None

    def after_sync(self, callback: Callable[[], None]) -> None:
        """After a transaction: have this called once it is on the disk."""
        deferred: Deferred | None = getattr(self._own, "deferred", None)
        if deferred is None:
            callback()
        else:
            deferred.then.append(callback)

    def after_commit(self, callback: Callable[[], None]) -> None:
        """Has `callback` called by this thread after the running transaction has ended well, before the sync."""
        self._after.append(callback)

    def erase_soon(self) -> None:
        """Inside a transaction that deletes what nobody is to find in the files, after a while."""
        self._erasure.want()

    def sync(self) -> None:
        """Return once every transaction that has ended is on the disk."""
        deferred: Deferred | None = getattr(self._own, "deferred", None)
        if deferred is not None:
            deferred.sync = True
        elif self._durable:
            self._current.log.wait()

    def renew(self) -> None:
        """Have the log begin anew, in the next generation of the files. Others write meanwhile."""
        with self._renewing:
            self._erasure.begin()
            try:
                with self._turn:
                    current = self._current
                    self._current = generations.next_of(current, self._turn, durable=self._durable, ending=self._ending)
            except BaseException:
                self._erasure.end(well=False)
                raise
            self._retired.add(current)
            self._erasure.end(well=True)

    def close(self) -> None:
        """Nobody may use it any more."""
        self._ending.set()
        self._renewer.join()
        self._threads.close()
        with self._turn:
            self._current.close()
        self._retired.close()
        self._lock.release()

    def _renew_often(self) -> None:
        seconds = LOOK_SECONDS
        while not self._ending.wait(seconds):
            seconds = LOOK_SECONDS
            try:
                if self._current.has_long_log or self._erasure.due:
                    self.renew()
                self._retired.remove_old()
            except generations.Ended:
                return
            except (OSError, sqlite3.Error, StoreError) as error:
                log_failure("housekeeping of the store's database", error)
                seconds = PATIENCE_SECONDS


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
