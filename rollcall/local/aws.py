"""S3, SQS, DynamoDB and EventBridge on one port: a server in a process of its own."""

import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from rollcall.contracts.errors import RollcallError
from rollcall.contracts.usage_error import UsageError
from rollcall.local.interrupts import interrupts_held
from rollcall.local.lambda_host.guard import Guard
from rollcall.local.listening import listen, url_of
from rollcall.local.store.store_errors import FAILED
from rollcall.runtime.local_requests import is_loopback

HOST = "127.0.0.1"
PROBE_SECONDS = 1.0  # for one answer; on a busy machine it takes several
LOOK_SECONDS = 0.02

ServerCommand = Callable[[Sequence[socket.socket]], Sequence[str]]


@dataclass(frozen=True, kw_only=True)
class StoreCommand:
    """How the store is started. `durable=False`: its folder goes with whoever started it."""

    folder: Path
    durable: bool = True
    options: Sequence[str] = field(default=())  # further ones of `rollcall.local.store`

    def __call__(self, listeners: Sequence[socket.socket]) -> Sequence[str]:
        sockets = [f"--socket={listener.fileno()}" for listener in listeners]
        unsynced = [] if self.durable else ["--unsynced"]
        module = [sys.executable, "-P", "-m", "rollcall.local.store"]
        return [*module, *sockets, "--data", str(self.folder), *unsynced, *self.options]


class AwsStopped(RollcallError):
    """The server behind S3, SQS and DynamoDB ended by itself; the message and its log say why."""


class AwsServer:
    """The host's side: starts the process, knows its address, ends it.

    `port` is that of `host`. Where that is not this machine's alone, this machine's own programs use another one, on
    which TLS is not needed.
    """

    def __init__(
        self,
        *,
        command: ServerCommand,
        port: int,
        log_file: Path,
        guard: Guard,
        host: str = HOST,
        restartable: bool = False,
    ) -> None:
        """`restartable`: the port is kept if the server ends, so that its clients wait for the next one."""
        self.log_file = log_file
        self._guard = guard
        self._command = command
        # bound here, so that a port in use is an error of this process, and early requests simply wait
        self._listeners = [listen(host, port, option="--port", backlog=128)]
        if not is_loopback(host):
            self._listeners.append(listen(HOST, 0, option="--port", backlog=128))
        own_host, own_port = self._listeners[-1].getsockname()[:2]
        self.endpoint_url = url_of(own_host, own_port)
        self.port: int = self._listeners[0].getsockname()[1]
        with interrupts_held():
            self._process = self._start()
        if not restartable:
            self._close_listeners()

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    @property
    def exit_code(self) -> int | None:
        """The exit code as `subprocess` gives it; None while the process runs."""
        return self._process.poll()

    def wait_until_serving(self) -> None:
        """Raises UsageError where the user can put right what keeps it from that, else AwsStopped."""
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        while self.running:
            try:
                with opener.open(self.endpoint_url, timeout=PROBE_SECONDS):
                    return
            except urllib.error.HTTPError:  # an answer
                return
            except OSError:
                time.sleep(LOOK_SECONDS)
        if self.exit_code == FAILED:
            raise UsageError(self._last_line())
        raise AwsStopped(self.stopped)

    def restart(self) -> None:
        self._end()
        with interrupts_held():
            self._process = self._start()

    def close(self) -> None:
        self._close_listeners()  # first: who connects now is refused, and does not wait
        self._end()

    def _close_listeners(self) -> None:
        for listener in self._listeners:
            listener.close()

    @property
    def stopped(self) -> str:
        """What is told once it has ended by itself."""
        return f"The local AWS server ended unexpectedly ({self._last_line()}): see {self.log_file}."

    def _last_line(self) -> str:
        with suppress(OSError):
            if line := self.log_file.read_text(errors="replace").rstrip().rpartition("\n")[2]:
                return line
        return "without a word"

    def _start(self) -> subprocess.Popen[bytes]:
        with self.log_file.open("ab") as log:
            process = subprocess.Popen(
                self._command(self._listeners),
                env={"LANG": "C.UTF-8", "TMPDIR": tempfile.gettempdir()},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=[listener.fileno() for listener in self._listeners],
                start_new_session=True,  # Ctrl-C is for the host, which ends this process last
            )
        self._guard.watch(process.pid)
        return process

    def _end(self) -> None:
        self._process.kill()
        self._process.wait()
        self._guard.forget(self._process.pid)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
