"""Transactions for code on an event loop: run by threads, in order, and answered once they are on the disk."""

import asyncio
import threading
from collections.abc import Callable
from queue import SimpleQueue
from sqlite3 import Connection
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rollcall.local.store.database import Database

THREADS = 2  # one writes while the other waits for the disk
MOST_AT_ONCE = 256

Work = Callable[[Connection], Any]


class WriteThreads:
    def __init__(self, database: "Database") -> None:
        self._database = database
        self._waiting: SimpleQueue[_Job | None] = SimpleQueue()
        self._threads = [threading.Thread(target=self._run, name=f"write-{n}", daemon=True) for n in range(THREADS)]
        for thread in self._threads:
            thread.start()

    def submit(self, work: Work, *, durable: bool) -> asyncio.Future[Any]:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Any] = loop.create_future()
        self._waiting.put(_Job(work, loop, future, durable))
        return future

    def close(self) -> None:
        for _ in self._threads:
            self._waiting.put(None)
        for thread in self._threads:
            thread.join()

    def _run(self) -> None:
        while True:
            jobs = self._next()
            for job in jobs:
                if job is not None:
                    job.run(self._database)
            done = [job for job in jobs if job is not None]
            _answer([job for job in done if not job.durable])
            waiting = [job for job in done if job.durable]
            if waiting:
                self._sync(waiting)
                _answer(waiting)
            if len(done) < len(jobs):
                return

    def _next(self) -> "list[_Job | None]":
        jobs = [self._waiting.get()]
        while jobs[-1] is not None and len(jobs) < MOST_AT_ONCE and not self._waiting.empty():
            jobs.append(self._waiting.get())
        return jobs

    def _sync(self, jobs: "list[_Job]") -> None:
        try:
            self._database.sync()
        except OSError as error:
            for job in jobs:
                job.error = error


class _Job:
    def __init__(self, work: Work, loop: asyncio.AbstractEventLoop, future: asyncio.Future[Any], durable: bool) -> None:
        self.durable = durable
        self.loop = loop
        self.error: BaseException | None = None
        self._work = work
        self._future = future
        self._result: Any = None

    def run(self, database: "Database") -> None:
        try:
            with database.transaction(durable=False) as connection:
                self._result = self._work(connection)
        except Exception as error:  # noqa: BLE001 - whoever waits for it gets it
            self.error = error
            self.durable = False

    def answer(self) -> None:
        if self._future.done():  # whoever asked has gone
            return
        if self.error is None:
            self._future.set_result(self._result)
        else:
            self._future.set_exception(self.error)


def _answer(jobs: list[_Job]) -> None:
    """One call for all: each wakes the event loop."""
    for loop in {job.loop for job in jobs}:
        mine = [job for job in jobs if job.loop is loop]
        try:
            loop.call_soon_threadsafe(_answer_here, mine)
        except RuntimeError:
            continue  # that loop has ended


def _answer_here(jobs: list[_Job]) -> None:
    for job in jobs:
        job.answer()
