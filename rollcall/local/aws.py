"""S3, SQS and DynamoDB on one port: a moto server in a process of its own."""

import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Self

from rollcall.local.interrupts import interrupts_held
from rollcall.local.lambda_host.guard import Guard
from rollcall.local.listening import listen


class AwsServer:
    """The host's side: starts the process, knows its address, ends it."""

    def __init__(
        self,
        *,
        host: str,
        port: int,
        log_file: Path,
        guard: Guard,
        python: Path = Path(sys.executable),
        restartable: bool = False,
        options: Sequence[str] = (),
    ) -> None:
        """`restartable`: the port is kept if the server ends, so that its clients wait for the next one.

        `options` are those of `rollcall.local.moto_server`.
        """
        self.log_file = log_file
        self._guard = guard
        self._python = python
        self._host = host
        self._options = options
        # bound here, so that a port in use is an error of this process, and early requests simply wait
        self._listener = listen(host, port, option="--port", backlog=128)
        self.endpoint_url = f"http://{host}:{self._listener.getsockname()[1]}"
        with interrupts_held():
            self._process = self._start()
        if not restartable:
            self._listener.close()

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    @property
    def exit_code(self) -> int | None:
        """The exit code as `subprocess` gives it; None while the process runs."""
        return self._process.poll()

    def restart(self, set_up: Callable[[str], None]) -> None:
        """Starts an empty server; everything that was in the old one is gone.

        `set_up` gets an address of its own to fill it again. Nobody else is served until `set_up` returns.
        """
        self._end()
        with socket.create_server((self._host, 0)) as setup:
            with interrupts_held():
                self._process = self._start(setup)
            url = f"http://{self._host}:{setup.getsockname()[1]}"
        assert self._process.stdin is not None
        with self._process.stdin as told:
            set_up(url)
            told.write(b"\n")

    def close(self) -> None:
        self._listener.close()  # first: who connects now is refused, and does not wait
        self._end()

    def _start(self, setup: socket.socket | None = None) -> subprocess.Popen[bytes]:
        sockets = [self._listener.fileno()] if setup is None else [self._listener.fileno(), setup.fileno()]
        given = zip(("--socket", "--setup-socket"), map(str, sockets), strict=False)
        options = [*(part for pair in given for part in pair), *self._options]
        with self.log_file.open("ab") as log:
            process = subprocess.Popen(
                [str(self._python), "-P", "-m", "rollcall.local.moto_server", *options],
                env={"LANG": "C.UTF-8", "TMPDIR": tempfile.gettempdir()},
                stdin=subprocess.DEVNULL if setup is None else subprocess.PIPE,
                stdout=log,
                stderr=log,
                pass_fds=sockets,
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
