"""The workers of one function: as many as the scaling policy wants, from none to the ceiling and back."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Lock

from rollcall.contracts.errors import RollcallError
from rollcall.local.lambda_host.autoscaler import Autoscaler
from rollcall.local.lambda_host.sandbox import Sandbox
from rollcall.pipeline.scaling import Policy


class PoolClosed(RollcallError):
    """The host is ending; nothing new is started."""


class WorkerPool:
    def __init__(self, start: Callable[[], Sandbox], *, policy: Policy) -> None:
        self._start = start
        self._autoscaler = Autoscaler(policy)
        self._lock = Lock()
        self._busy: list[Sandbox] = []
        self._idle: list[Sandbox] = []  # longest idle first
        self._closed = False

    @property
    def sandboxes(self) -> list[Sandbox]:
        with self._lock:
            return [*self._busy, *self._idle]

    @property
    def idle(self) -> int:
        return len(self._idle)

    @property
    def in_flight(self) -> int:
        return len(self._busy)

    def acquire(self) -> Sandbox:
        """The worker that was used last, because its caches are warm, or a new one."""
        with self._lock:
            if self._closed:
                raise PoolClosed
            dead = self._take_dead()
            sandbox = self._idle.pop() if self._idle else self._start()
            self._busy.append(sandbox)
            self._observe(waiting=0)
        _close_all(dead)
        return sandbox

    def release(self, sandbox: Sandbox) -> None:
        with self._lock:
            self._observe(waiting=0)
            self._busy.remove(sandbox)
            keep = sandbox.reusable and not self._closed
            if keep:
                self._idle.append(sandbox)
        if not keep:
            sandbox.close()

    def scale(self, *, waiting: int) -> None:
        """Starts or ends idle workers until there are as many as the policy wants."""
        with self._lock:
            if self._closed:
                return
            ended = self._take_dead()
            surplus = len(self._busy) + len(self._idle) - self._observe(waiting=waiting)
            if surplus > 0:
                ended += self._idle[:surplus]
                self._idle = self._idle[surplus:]
            for _ in range(-surplus):
                self._idle.insert(0, self._start())  # those that are warm go first
        _close_all(ended)

    def close(self) -> None:
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
            for sandbox in self._busy:  # closed by `release`, as their invocations fail now
                sandbox.kill()
        _close_all(idle)

    def _observe(self, *, waiting: int) -> int:
        return self._autoscaler.observe(waiting=waiting, batches=len(self._busy), now=time.monotonic())

    def _take_dead(self) -> list[Sandbox]:
        """Idle workers that somebody else killed."""
        dead = [sandbox for sandbox in self._idle if not sandbox.alive]
        self._idle = [sandbox for sandbox in self._idle if sandbox.alive]
        return dead


def _close_all(sandboxes: list[Sandbox]) -> None:
    if sandboxes:
        with ThreadPoolExecutor(max_workers=len(sandboxes)) as executor:
            list(executor.map(Sandbox.close, sandboxes))
