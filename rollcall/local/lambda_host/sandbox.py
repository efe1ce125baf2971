"""One worker: a function in a process of its own under `awslambdaric`, ended together with all its children."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Event, Lock, Thread

import psutil

from rollcall.local.lambda_host.guard import Guard
from rollcall.local.lambda_host.logs import FunctionLog
from rollcall.local.lambda_host.process_environment import (
    ACCOUNT,
    RUNTIME_API_VARIABLE,
    WorkerSettings,
    worker_environment,
)
from rollcall.local.lambda_host.processes import describe_exit, peak_megabytes, processes_with
from rollcall.local.lambda_host.runtime_api import (
    FunctionError,
    InitError,
    Invocation,
    Message,
    Ready,
    Response,
    RuntimeApi,
)
from rollcall.pipeline.description import Function

INIT_SECONDS = 60  # AWS allows 10; a laptop that starts several workers at once is slower
LOG_SECONDS = 1  # a process that escaped may hold the log's pipe open for ever


@dataclass(frozen=True)
class Exited:
    """The worker process ended, by itself or killed."""

    code: int


@dataclass(frozen=True, kw_only=True)
class Failure:
    error: str  # its type, as AWS names it
    message: str


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """`init_ms` (process start to the first request for work) is there for a worker's first invocation only."""

    result: bytes | Failure
    duration_ms: float
    init_ms: float | None


class Sandbox:
    """`invoke` takes one event at a time; a sandbox that is not `reusable` after it has to be closed and replaced."""

    def __init__(
        self,
        function: Function,
        *,
        settings: WorkerSettings,
        scratch: Path,
        log: FunctionLog,
        guard: Guard,
        died: Callable[[str], None] = lambda _how: None,
    ) -> None:
        """`died` is told how the worker ended, unless it was ended from here."""
        self.function = function
        self._arn = f"arn:aws:lambda:{settings.region}:{ACCOUNT}:function:{function.name}"
        self.scratch = scratch
        self.busy = False
        self.max_memory_mb = 0.0
        self._guard = guard
        self._log = log
        self._messages: SimpleQueue[Message | Exited] = SimpleQueue()
        self.initialized = False
        self._reason: Failure | None = None
        self._init_ms: float | None = None
        self._died = died
        self._ended_here = False
        self._reaping = Lock()
        self._exited = Event()
        self._api = RuntimeApi(self._messages.put)
        self._started = time.monotonic()
        try:
            self._process = self._start(settings)
        except OSError:
            self._api.close()
            raise
        guard.watch(self.pid)
        self._log_thread = Thread(target=self._copy_log, daemon=True)
        self._exit_thread = Thread(target=self._await_exit, daemon=True)
        self._log_thread.start()
        self._exit_thread.start()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def alive(self) -> bool:
        return not self._exited.is_set()

    @property
    def reusable(self) -> bool:
        return self.alive and self.initialized and self._reason is None

    def invoke(self, event: bytes, *, request_id: str) -> Outcome:
        self.busy = True
        try:
            failure = None if self.initialized else self._initialize()
            if failure is not None:
                return Outcome(result=failure, duration_ms=0.0, init_ms=self._init_ms)
            return self._run(event, request_id)
        finally:
            self.busy = False

    def end_for(self, failure: Failure) -> None:
        """Ends the worker, which has broken a limit; its invocation fails for this reason."""
        self._reason = self._reason or failure
        self.kill()

    def kill(self) -> None:
        with self._reaping:
            if self.alive:
                self._ended_here = True
                os.killpg(self.pid, signal.SIGKILL)

    def close(self) -> None:
        self.kill()
        self._exit_thread.join()
        self._log_thread.join(LOG_SECONDS)
        self._api.close()
        shutil.rmtree(self.scratch, ignore_errors=True)

    def _start(self, settings: WorkerSettings) -> subprocess.Popen[bytes]:
        self.scratch.mkdir(parents=True)
        environment = worker_environment(
            self.function, settings=settings, runtime_api=self._api.address, scratch=self.scratch
        )
        start = settings.launch(self.function, environment, self.scratch)
        return subprocess.Popen(
            start.command,
            cwd=start.folder,
            env=start.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def _copy_log(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as stream:
            self._log.copy_lines(stream)

    def _await_exit(self) -> None:
        if hasattr(os, "waitid"):  # until it is reaped nobody else can be given its process group's number
            os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT)
        else:
            self._process.wait()
        with self._reaping:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, signal.SIGKILL)
            code = self._process.wait()
            self._exited.set()
        self._guard.forget(self.pid)
        # those that went into a session of their own; their parent is gone, but they still have its environment
        for process in processes_with(RUNTIME_API_VARIABLE, self._api.address):
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        self._messages.put(Exited(code))
        if not self._ended_here:
            self._died(describe_exit(code))

    def _initialize(self) -> Failure | None:
        message = self._next_message(self._started + INIT_SECONDS, (Ready, InitError, Exited))
        self._init_ms = 1000 * (time.monotonic() - self._started)
        if isinstance(message, Ready):
            self.initialized = True
            return None
        if message is None:
            self.end_for(
                Failure(error="Sandbox.InitTimedout", message=f"Not ready for work after {INIT_SECONDS} seconds")
            )
        return self._failure(message)

    def _run(self, event: bytes, request_id: str) -> Outcome:
        init_ms, self._init_ms = self._init_ms, None
        timeout = self.function.timeout
        start = time.monotonic()
        self._api.offer(
            Invocation(
                request_id=request_id,
                event=event,
                deadline_ms=int(1000 * (time.time() + timeout)),
                function_arn=self._arn,
            )
        )
        message = self._next_message(start + timeout, (Response, FunctionError, Exited))
        if message is None:
            self.end_for(Failure(error="Sandbox.Timedout", message=f"Task timed out after {timeout:.2f} seconds"))
        duration_ms = 1000 * (time.monotonic() - start)
        self.max_memory_mb = max(self.max_memory_mb, peak_megabytes(self.pid))
        result = message.body if isinstance(message, Response) else self._failure(message)
        return Outcome(result=result, duration_ms=duration_ms, init_ms=init_ms)

    def _next_message(self, end: float, kinds: tuple[type, ...]) -> Message | Exited | None:
        """The next message; None at `end`, a time of the monotonic clock. `Ready` also comes after each invocation."""
        while True:
            try:
                message = self._messages.get(timeout=max(0.0, end - time.monotonic()))
            except Empty:
                return None
            if isinstance(message, kinds):
                return message

    def _failure(self, message: Message | Exited | None) -> Failure:
        if self._reason is not None:
            return self._reason
        if isinstance(message, FunctionError | InitError):
            described = json.loads(message.body)
            return Failure(error=described.get("errorType") or "Unhandled", message=described.get("errorMessage", ""))
        assert isinstance(message, Exited)
        return Failure(error="Runtime.ExitError", message=f"Runtime exited with {describe_exit(message.code)}")
