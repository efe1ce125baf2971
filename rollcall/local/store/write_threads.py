"""What an event loop leaves to others: transactions that are not brief, and waiting for the disk, once for all."""

import asyncio
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rollcall.local.store.database import Database

MOST_AT_ONCE = 256


@dataclass
class Deferred:
    """What is left to do after transactions: to wait for the disk, and then to call these."""

    sync: bool = False
    then: list[Callable[[], None]] = field(default_factory=list)

    def end(self) -> None:
        for callback in self.then:
            callback()


class WriteThreads:
    """A thread for what takes long, and one that waits for the disk."""

    def __init__(self, database: "Database") -> None:
        self._database = database
        self._work: SimpleQueue[_Job | None] = SimpleQueue()
        self._unfinished: SimpleQueue[_Job | None] = SimpleQueue()
        self._threads = [
            threading.Thread(target=self._run, name="write", daemon=True),
            threading.Thread(target=self._finish, name="sync", daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    async def run(self, work: Callable[[], Any]) -> Any:
        """In another thread, after what came before."""
        job = _Job(asyncio.get_running_loop(), work=work)
        self._work.put(job)
        return await job.future

    async def finish(self, left: Deferred) -> None:
        """Done also where whoever waits goes away."""
        job = _Job(asyncio.get_running_loop(), left=left)
        self._unfinished.put(job)
        await job.future

    def close(self) -> None:
        for waiting, thread in zip((self._work, self._unfinished), self._threads, strict=True):
            waiting.put(None)
            thread.join()

    def _run(self) -> None:
        while (job := self._work.get()) is not None:
            try:
                with self._database.deferring(job.left):
                    job.result = job.work()
            except Exception as error:  # noqa: BLE001 - whoever waits for it gets it
                job.error = error
            self._unfinished.put(job)

    def _finish(self) -> None:
        jobs: list[_Job | None] = [None]
        while jobs := self._next():
            ended = jobs[-1] is None
            done = [job for job in jobs if job is not None]
            if any(job.left.sync for job in done):
                self._sync([job for job in done if job.left.sync])
            _answer(done)
            if ended:
                return

    def _next(self) -> "list[_Job | None]":
        jobs = [self._unfinished.get()]
        while jobs[-1] is not None and len(jobs) < MOST_AT_ONCE and not self._unfinished.empty():
            jobs.append(self._unfinished.get())
        return jobs

    def _sync(self, jobs: "list[_Job]") -> None:
        try:
            self._database.sync()
        except OSError as error:
            for job in jobs:
                job.error = error


class _Job:
    def __init__(
        self, loop: asyncio.AbstractEventLoop, *, work: Callable[[], Any] = lambda: None, left: Deferred | None = None
    ) -> None:
        self.loop = loop
        self.future: asyncio.Future[Any] = loop.create_future()
        self.work = work
        self.left = left or Deferred()
        self.result: Any = None
        self.error: BaseException | None = None

    def answer(self) -> None:
        if self.error is None:
            self._end()
        if self.future.done():  # whoever asked has gone
            return
        if self.error is None:
            self.future.set_result(self.result)
        else:
            self.future.set_exception(self.error)

    def _end(self) -> None:
        try:
            self.left.end()
        except Exception as error:  # noqa: BLE001 - whoever waits gets it
            self.error = error


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
