"""The workers of one function: as many as its batches need, warm for a while, then none."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Lock

from local.lambda_host.sandbox import Sandbox
from local.lambda_host.scaling import desired_workers


class PoolClosed(Exception):
    """The host is ending; nothing new is started."""


class WorkerPool:
    def __init__(self, start: Callable[[], Sandbox], *, ceiling: int, idle_timeout: float) -> None:
        self._start = start
        self._ceiling = ceiling
        self._idle_timeout = idle_timeout
        self._lock = Lock()
        self._busy: list[Sandbox] = []
        self._idle: list[tuple[Sandbox, float]] = []  # with the time since when; longest idle first
        self._closed = False

    @property
    def sandboxes(self) -> list[Sandbox]:
        with self._lock:
            return [*self._busy, *(sandbox for sandbox, _ in self._idle)]

    @property
    def in_flight(self) -> int:
        return len(self._busy)

    def acquire(self) -> Sandbox:
        """The worker that was used last, for its warm caches, or a new one."""
        with self._lock:
            if self._closed:
                raise PoolClosed
            dead = self._take_dead()
            sandbox = self._idle.pop()[0] if self._idle else self._start()
            self._busy.append(sandbox)
        _close_all(dead)
        return sandbox

    def release(self, sandbox: Sandbox) -> None:
        with self._lock:
            self._busy.remove(sandbox)
            keep = sandbox.reusable and not self._closed
            if keep:
                self._idle.append((sandbox, time.monotonic()))
        if not keep:
            sandbox.close()

    def scale_in(self) -> None:
        with self._lock:
            dead = self._take_dead()
            now = time.monotonic()
            desired = desired_workers(
                backlog=0,
                in_flight=len(self._busy),
                idle_seconds=tuple(now - since for _, since in self._idle),
                ceiling=self._ceiling,
                idle_timeout=self._idle_timeout,
            )
            surplus = len(self._busy) + len(self._idle) - desired
            ended, self._idle = self._idle[:surplus], self._idle[surplus:]
        _close_all(dead + [sandbox for sandbox, _ in ended])

    def close(self) -> None:
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
            for sandbox in self._busy:  # closed by `release`, as their invocations fail now
                sandbox.kill()
        _close_all([sandbox for sandbox, _ in idle])

    def _take_dead(self) -> list[Sandbox]:
        """Idle workers that somebody else killed."""
        dead = [sandbox for sandbox, _ in self._idle if not sandbox.alive]
        self._idle = [(sandbox, since) for sandbox, since in self._idle if sandbox.alive]
        return dead


def _close_all(sandboxes: list[Sandbox]) -> None:
    if sandboxes:
        with ThreadPoolExecutor(max_workers=len(sandboxes)) as executor:
            list(executor.map(Sandbox.close, sandboxes))
