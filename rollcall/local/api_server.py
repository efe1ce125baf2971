"""The HTTP API beside the local cloud: the same application as on AWS, in its own process."""

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

from rollcall.api.recognizers.messages import RECOGNIZER_REPLACED, UNDONE, Undone
from rollcall.contracts.errors import RollcallError
from rollcall.local.aws import HOST
from rollcall.local.health import why_not
from rollcall.local.interrupts import interrupts_held
from rollcall.local.lambda_host.guard import Guard
from rollcall.local.lambda_host.process_environment import LOCAL_CREDENTIALS, REGION
from rollcall.local.lambda_host.processes import describe_exit
from rollcall.local.listening import listen, url_of
from rollcall.local.store.credentials import Credentials
from rollcall.pipeline.description import describe
from rollcall.pipeline.settings import Settings
from rollcall.runtime.local_requests import is_loopback

START_SECONDS = 90.0
LOOK_SECONDS = 0.05
STOP_SECONDS = 0.7  # for photos that wait to be answered and kept; `rollcall up` has to end within two
KILL_SECONDS = 1.0
PROBE_SECONDS = 0.2
LOG_LINES = 5


def listen_for_api(port: int, host: str = HOST) -> socket.socket:
    """The port is bound here: one in use is an error of this process, and early requests wait."""
    return listen(host, port, option="--api-port", backlog=1024)


class ApiFailed(RollcallError):
    """The HTTP API did not start."""


class ApiServer:
    """A context manager: inside it answers at `url`; at its end no process is left.

    Where `listener` is not for this machine alone, it asks for API keys, and `uploads_port` is where others upload.
    `tls_options` are those of `rollcall.api`. `undone` is what it left undone when it was closed; None if it could not
    say so itself.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        listener: socket.socket,
        endpoint_url: str,
        model_dir: Path,
        credentials: Credentials = LOCAL_CREDENTIALS,
        tls_options: Sequence[str] = (),
        uploads_port: int | None = None,
    ) -> None:
        self.undone: Undone | None = Undone()
        host, self.port = listener.getsockname()[:2]
        self.url = url_of(host, self.port, tls=bool(tls_options))
        self._tls_options = tls_options
        self._environment = api_environment(
            settings, endpoint_url=endpoint_url, model_dir=model_dir, credentials=credentials
        ) | _reached(host, uploads_port)
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - it lives as long as the server
        self._read_to = 0
        # it stays open in this process, so that requests wait for the next one as well
        self._listener = listener
        self._guard = Guard()
        with interrupts_held():
            self._process = self._start()

    def _start(self) -> subprocess.Popen[bytes]:
        descriptor = str(self._listener.fileno())
        process = subprocess.Popen(
            [
                *(sys.executable, "-P", "-m", "rollcall.api"),
                *("--socket", descriptor, "--stop-seconds", str(STOP_SECONDS)),
                *self._tls_options,
            ],
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
            pass_fds=[self._listener.fileno()],
            start_new_session=True,  # Ctrl-C is for the command, which ends this process before the local cloud
        )
        self._guard.watch(process.pid)
        return process

    def __enter__(self) -> Self:
        try:
            self._wait()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """The exit code as `subprocess` gives it; None while the process runs."""
        return self._process.poll()

    def restart(self) -> str:
        """Starts it again after it has ended. Returns at once, with a sentence on what is lost."""
        self._guard.forget(self._process.pid)
        with interrupts_held():
            self._process = self._start()
        return "the HTTP API starts; photos that it had answered last may not be kept"

    def refuse(self) -> None:
        """Closes the port, so that nobody waits for a server that is not started again."""
        self._listener.close()

    def serving(self) -> bool:
        return self._answers(PROBE_SECONDS)

    def replaced_recognizers(self) -> list[str]:
        """Why recognizers were replaced since the last call."""
        return [str(line.get("reason", "")) for line in self._new_lines(RECOGNIZER_REPLACED)]

    def close(self) -> None:
        if self._log.closed:
            return
        self._listener.close()
        self._process.terminate()
        try:
            self._process.wait(timeout=KILL_SECONDS)
        except subprocess.TimeoutExpired:
            self.undone = None
            self._process.kill()
            self._process.wait()
        for line in self._new_lines(UNDONE):
            self.undone = Undone.model_validate(line)
        self._guard.close()
        self._log.close()

    def _wait(self) -> None:
        end = time.monotonic() + START_SECONDS
        while self._process.poll() is None and time.monotonic() < end:
            if self._answers(1.0):
                return
            time.sleep(LOOK_SECONDS)
        last = self._read_log(0).decode(errors="replace").splitlines()[-LOG_LINES:]
        raise ApiFailed(f"the HTTP API did not start: {' | '.join([self._state(), *last])}")

    def _state(self) -> str:
        code = self._process.poll()
        if code is not None:
            return f"it ended ({describe_exit(code)})"
        return f"no answer within {START_SECONDS:g} s; try again when this machine is less busy"

    def _answers(self, seconds: float) -> bool:
        return why_not(f"{self.url}/healthz", seconds=seconds) is None

    def _new_lines(self, message: str) -> list[dict[str, Any]]:
        """The lines with this message that it has logged since the last call."""
        whole, end, _ = self._read_log(self._read_to).rpartition(b"\n")
        self._read_to += len(whole) + len(end)
        lines = [_parse(line) for line in whole.splitlines() if message.encode() in line]
        return [line for line in lines if line.get("message") == message]

    def _read_log(self, start: int) -> bytes:
        # without moving the position, which the server writes at
        return os.pread(self._log.fileno(), max(0, os.fstat(self._log.fileno()).st_size - start), start)


def _reached(host: str, uploads_port: int | None) -> dict[str, str]:
    """What it has to know of who may ask, and of how they reach the local AWS."""
    if is_loopback(host):
        return {"AUTH": "loopback"}
    return {"AUTH": "keys"} | ({} if uploads_port is None else {"UPLOADS_PORT": str(uploads_port)})


def _parse(line: bytes) -> dict[str, Any]:
    try:
        parsed = json.loads(line)
    except ValueError:
        return {}
    return parsed if isinstance(parsed, dict) else {}


def api_environment(
    settings: Settings, *, endpoint_url: str, model_dir: Path, credentials: Credentials = LOCAL_CREDENTIALS
) -> dict[str, str]:
    api = describe(replace(settings, api="container")).api
    assert api is not None
    return api.environment | {
        "RECOGNIZERS": str(min(os.cpu_count() or 1, settings.max_concurrency)),
        "ROLLCALL_MODEL_DIR": str(model_dir),
        "AWS_ENDPOINT_URL": endpoint_url,
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ACCESS_KEY_ID": credentials.access_key,
        "AWS_SECRET_ACCESS_KEY": credentials.secret_key,
        "LANG": "C.UTF-8",
        "NO_PROXY": "*",
        "HOME": "/nonexistent",  # no AWS profile of the user's
    }
