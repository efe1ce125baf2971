"""What is left to do on the file system for a transaction, in the same transaction.

After a crash the work is done again from here: small files are written, old ones removed, the plain view follows.
Entries go once everything that they stand for is on the disk.
"""

import sqlite3
import threading

from rollcall.local.store.database import Database
from rollcall.local.store.s3.files.blobs import Blobs
from rollcall.local.store.s3.files.dropped_files import DroppedFiles
from rollcall.local.store.s3.files.plain_view import PlainView
from rollcall.local.store.store_failures import log_failure

SETTLE_SECONDS = 5.0
MANY = 1000  # entries: settle now


class Journal:
    def __init__(self, database: Database, blobs: Blobs, view: PlainView) -> None:
        self.durable = blobs.durable
        self._database = database
        self._blobs = blobs
        self._view = view
        self.dropped = DroppedFiles(blobs)
        self._wanted = threading.Event()
        self._ending = threading.Event()
        self._count = 0
        self._done: set[int] = set()
        self._turn = threading.Lock()
        self._thread = threading.Thread(target=self._settle_often, name="s3-journal", daemon=True)

    def start(self) -> None:
        self._replay()
        self._thread.start()

    def stop(self) -> None:
        self._ending.set()
        self._wanted.set()
        self._thread.join()

    def note(
        self,
        connection: sqlite3.Connection,
        bucket: str,
        key: str | None = None,
        *,
        blob: str | None = None,
        content: bytes | None = None,
        dropped: str | None = None,
    ) -> int:
        """Notes work on files inside the transaction; call `do` after it, with the number that this returns."""
        entry = connection.execute(
            "INSERT INTO s3_journal (bucket, key, blob, content, dropped) VALUES (?, ?, ?, ?, ?)",
            (bucket, key, blob, content, dropped),
        )
        return entry.lastrowid or 0

    def do(self, number: int, bucket: str, key: str | None, dropped: str | None) -> None:
        """Does the noted work after the transaction. What fails is done again at the next start."""
        try:
            if dropped is not None:
                self.dropped.add(dropped)
            if key is not None:
                self._view.show(bucket, key)
        except OSError as error:
            log_failure("work on a file of the store", error)
            return
        with self._turn:
            self._done.add(number)
            many = len(self._done) >= MANY
        if many:
            self._wanted.set()

    def _settle_often(self) -> None:
        while not self._ending.is_set():
            self._wanted.wait(SETTLE_SECONDS)
            self._wanted.clear()
            try:
                self._settle()
                self.dropped.remove_old()
            except (OSError, sqlite3.Error) as error:
                log_failure("housekeeping of the store's files", error)

    def _settle(self) -> None:
        with self._turn:
            done, self._done = self._done, set()
        if not done:
            return
        self._blobs.sync_everything()
        with self._database.transaction(durable=False) as connection:
            connection.executemany("DELETE FROM s3_journal WHERE id = ?", ((number,) for number in done))

    def _replay(self) -> None:
        """The work of a process that was killed, or of a machine that lost its power."""
        last = 0
        while (
            entry := self._database.read()
            .execute(
                "SELECT id, bucket, key, blob, content, dropped FROM s3_journal WHERE id > ? ORDER BY id LIMIT 1",
                (last,),
            )
            .fetchone()
        ):
            last, bucket, key, blob, content, dropped = entry
            if content is not None and self._is_wanted(blob):
                self._blobs.write_again(blob, content)
            self.do(last, bucket, key, dropped)
        self._settle()

    def _is_wanted(self, blob: str) -> bool:
        found = self._database.read().execute(
            "SELECT 1 FROM s3_objects WHERE blob = ? UNION ALL SELECT 1 FROM s3_parts WHERE blob = ?", (blob, blob)
        )
        return found.fetchone() is not None
