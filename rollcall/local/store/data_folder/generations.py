"""The files of the database, made so that a copy of them is always whole.

SQLite would write its log back into the database file. Whoever copies both meanwhile gets a mixture. Here a file never
changes once it is in use, and its log only grows. So a copy of the two, in any order and while others write, is the
database as it was at one moment. A log that has become long is joined with its file to the next generation: a new file
beside them. The old ones stay a while for those who are copying them.
"""

import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from rollcall.contracts.errors import RollcallError
from rollcall.local.store import disk
from rollcall.local.store.data_folder.log_sync import LogSync
from rollcall.local.store.store_errors import StoreError

FOLDER = Path(".store") / "base"
SUFFIX = ".db"
UNFINISHED = ".new"
CACHE_KIBIBYTES = 16 * 1024  # of a connection
LOG_BYTES = 64 * 1024 * 1024  # a longer log is joined with its file, unless the file is more than twice as long
STEP_PAGES = 256  # of 4 KiB, that are copied while nobody can write
STEP_SECONDS = 0.003  # between two steps: for those who write
SYNC_STEPS = 16
MOST_ROUNDS = 4  # after so many times the pages of the file, others wait until the copy is complete
KEEP_SECONDS = 30.0
KEEP_RATE = 10 * 1024 * 1024  # bytes a second that a slow copier reads


class Generation:
    """One file with its log, and the connections to them. Raises StoreError: it is no database."""

    def __init__(self, path: Path, *, durable: bool) -> None:
        self.path = path
        self._durable = durable
        self._open: list[sqlite3.Connection] = []
        self.writer = self.connect()
        self.log = LogSync(log_of(path))
        if durable:
            disk.sync_folder(path.parent)

    def connect(self) -> sqlite3.Connection:
        try:
            connection = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False, timeout=30)
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.DatabaseError as error:
            raise StoreError(f"{self.path} cannot be opened ({error}): choose another folder with --data") from error
        # NORMAL: SQLite itself syncs where the file would else be damaged; LogSync does the rest
        connection.execute(f"PRAGMA synchronous = {'NORMAL' if self._durable else 'OFF'}")
        connection.execute(f"PRAGMA cache_size = -{CACHE_KIBIBYTES}")
        connection.execute("PRAGMA wal_autocheckpoint = 0")
        connection.execute("PRAGMA temp_store = MEMORY")
        connection.execute("PRAGMA secure_delete = ON")
        self._open.append(connection)
        return connection

    @property
    def has_long_log(self) -> bool:
        return log_of(self.path).stat().st_size > max(LOG_BYTES, self.path.stat().st_size // 2)

    @property
    def keep_seconds(self) -> float:
        """The seconds for which somebody may still be copying it."""
        return KEEP_SECONDS + self.path.stat().st_size / KEEP_RATE

    def close(self) -> None:
        """The last connection would write the log back; one that only reads cannot."""
        with suppress(sqlite3.Error), closing(read_only(self.path)) as last:
            last.execute("SELECT 1 FROM sqlite_schema").fetchone()
            for connection in self._open:
                connection.close()
        self._open.clear()
        self.log.close()


def files(data: Path) -> list[Path]:
    """The oldest first."""
    return sorted((data / FOLDER).glob(f"*{SUFFIX}"))


def log_of(path: Path) -> Path:
    return path.with_name(f"{path.name}-wal")


def read_only(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, check_same_thread=False)


def remove(path: Path) -> None:
    for file in (path, log_of(path), path.with_name(f"{path.name}-shm")):
        file.unlink(missing_ok=True)


def open_newest(data: Path, *, durable: bool) -> Generation:
    folder = data / FOLDER
    for private in (data, folder.parent, folder):
        private.mkdir(exist_ok=True, mode=0o700)
    for left in folder.glob(f"*{UNFINISHED}*"):
        left.unlink()
    found = files(data)
    return Generation(found[-1] if found else _first(data, durable=durable), durable=durable)


def next_of(generation: Generation, turn: threading.Lock, *, durable: bool, ending: threading.Event) -> Generation:
    """Called with the turn to write, which others get in between. Raises Ended when `ending` is set."""
    with _unfinished(_path(generation.path.parent, int(generation.path.stem) + 1)) as (beside, path):
        with closing(sqlite3.connect(beside, isolation_level=None, check_same_thread=False)) as copy:
            copy.execute("PRAGMA journal_mode = OFF")
            copy.execute("PRAGMA synchronous = OFF")
            copying = _Copying(beside, turn, durable=durable, ending=ending)
            generation.writer.backup(copy, pages=STEP_PAGES, progress=copying.step)
        _keep(beside, path, durable=durable)
    return Generation(path, durable=durable)


class Ended(RollcallError):
    """The store is being closed."""


class _Copying:
    def __init__(self, beside: Path, turn: threading.Lock, *, durable: bool, ending: threading.Event) -> None:
        self._beside = beside
        self._turn = turn
        self._durable = durable
        self._ending = ending
        self._steps = 0

    def step(self, status: int, _remaining: int, pages: int) -> None:
        """Let others write; SQLite brings their changes into the copy."""
        self._steps += 1
        if status == sqlite3.SQLITE_DONE or self._steps * STEP_PAGES > MOST_ROUNDS * pages + STEP_PAGES:
            return
        if self._ending.is_set():
            raise Ended("the store is being closed")
        self._turn.release()
        try:
            if self._durable and self._steps % SYNC_STEPS == 0:
                _sync(self._beside)  # little by little, so that little is left for the end
            time.sleep(STEP_SECONDS)
        finally:
            self._turn.acquire()


def first_path(data: Path) -> Path:
    return _path(data / FOLDER, 1)


def _first(data: Path, *, durable: bool) -> Path:
    with _unfinished(first_path(data)) as (beside, path):
        with closing(sqlite3.connect(beside, isolation_level=None)) as connection:
            connection.execute("PRAGMA journal_mode = WAL")
        _keep(beside, path, durable=durable)
    return path


def _path(folder: Path, number: int) -> Path:
    return folder / f"{number:010d}{SUFFIX}"


@contextmanager
def _unfinished(path: Path) -> Iterator[tuple[Path, Path]]:
    beside = path.with_suffix(UNFINISHED)
    try:
        yield beside, path
    finally:
        beside.unlink(missing_ok=True)


def _keep(beside: Path, path: Path, *, durable: bool) -> None:
    beside.chmod(0o600)
    if durable:
        _sync(beside)
    beside.rename(path)
    if durable:
        disk.sync_folder(path.parent)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        disk.sync(descriptor)
    finally:
        os.close(descriptor)


class Retired:
    """Generations that nobody uses any more, until those who copy them have done so."""

    def __init__(self, found: list[Path], clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._waiting: list[tuple[float, Path, Generation | None]] = [(clock() + KEEP_SECONDS, p, None) for p in found]

    def add(self, generation: Generation) -> None:
        self._waiting.append((self._clock() + generation.keep_seconds, generation.path, generation))

    def remove_old(self) -> None:
        while self._waiting and self._waiting[0][0] <= self._clock():
            _, path, generation = self._waiting.pop(0)
            if generation is not None:
                generation.close()
            remove(path)

    def close(self) -> None:
        """The next start removes them."""
        for _, _, generation in self._waiting:
            if generation is not None:
                generation.close()
        self._waiting.clear()
