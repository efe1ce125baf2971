"""One change: a transaction, and the work on files that follows it."""

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from rollcall.local.store.database import Database
from rollcall.local.store.s3.files.assembly import Assemblies
from rollcall.local.store.s3.files.blobs import Blobs
from rollcall.local.store.s3.files.journal import Journal
from rollcall.local.store.s3.files.plain_view import PlainView
from rollcall.local.store.s3.uploads.intake import Received

TURNS = 64


@dataclass(frozen=True)
class Queues:
    """SQS, as S3 sees it: queues by their ARN. Both are called inside a transaction, and belong to it."""

    exists: Callable[[sqlite3.Connection, str], bool]
    notify: Callable[[sqlite3.Connection, str, str], None]


@dataclass
class Placed:
    """The file of an upload, before and after a transaction refers to it."""

    blob: str
    content: bytes | None  # of a small one: it goes into the transaction
    place: int | None = None  # of a part inside of an assembly
    committed: bool = False

    def commit(self) -> None:
        self.committed = True


@dataclass
class Change:
    connection: sqlite3.Connection
    database: Database
    journal: Journal
    work: list[Callable[[], None]] = field(default_factory=list)

    def note(
        self, bucket: str, key: str | None = None, *, placed: Placed | None = None, dropped: str | None = None
    ) -> None:
        """Notes what to do after the transaction: show the key in the plain view, and remove a blob."""
        content = placed.content if placed else None
        blob = placed.blob if placed else None
        if not self.journal.durable:
            content = None
        if dropped is not None:
            self.database.erase_soon()
        if placed is not None:
            self.database.after_commit(placed.commit)
        number = self.journal.note(self.connection, bucket, key, blob=blob, content=content, dropped=dropped)
        self.work.append(lambda: self.journal.do(number, bucket, key, dropped))


@dataclass(frozen=True)
class Storage:
    database: Database
    blobs: Blobs
    view: PlainView
    journal: Journal
    assemblies: Assemblies
    queues: Queues
    clock: Callable[[], float]
    turns: tuple[threading.Lock, ...] = field(default_factory=lambda: tuple(threading.Lock() for _ in range(TURNS)))

    @contextmanager
    def change(self) -> Iterator[Change]:
        with self.database.transaction() as connection:
            change = Change(connection, self.database, self.journal)
            yield change
        for work in change.work:
            self.database.after_sync(work)

    def turn(self, name: str) -> threading.Lock:
        return self.turns[hash(name) % len(self.turns)]

    @contextmanager
    def placed(self, received: Received) -> Iterator[Placed]:
        """The file is complete inside, and removed unless a change inside refers to it."""
        if received.blob is not None:
            received.blob.keep()
            placed = Placed(received.blob.name, None, received.blob.place)
        else:
            new = self.blobs.new_name()
            self.blobs.write(new, received.content or b"")
            placed = Placed(new, received.content)
        try:
            yield placed
        finally:
            if not placed.committed and placed.place is None:
                self.blobs.drop(placed.blob)
