"""The HTTP API beside the local cloud: the same application as on AWS, in its own process, for this machine only."""

import os
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Self

from functions.common.errors import RollcallError
from infra.pipeline import Settings, describe
from local.lambda_host.environment import ACCESS_KEY, REGION, SECRET_KEY
from local.lambda_host.guard import Guard
from local.listening import listen

HOST = "127.0.0.1"
START_SECONDS = 90.0
LOOK_SECONDS = 0.05
STOP_SECONDS = 60.0  # what still waits to be kept is written then
LOG_LINES = 5


class ApiFailed(RollcallError):
    """The HTTP API did not start."""


class ApiServer:
    """A context manager: inside it answers at `url`; at its end no process is left."""

    def __init__(self, settings: Settings, *, port: int, endpoint_url: str, model_dir: Path) -> None:
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - it lives as long as the server
        # bound here, so that a port in use is an error of this process, and early requests simply wait
        with listen(HOST, port, option="--api-port", backlog=1024) as listener:
            self.url = f"http://{HOST}:{listener.getsockname()[1]}"
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "functions.api", "--socket", str(listener.fileno())],
                env=api_environment(settings, endpoint_url=endpoint_url, model_dir=model_dir),
                stdin=subprocess.DEVNULL,
                stdout=self._log,
                stderr=self._log,
                pass_fds=[listener.fileno()],
                start_new_session=True,  # Ctrl-C is for the command, which ends this process before the local cloud
            )
        self._guard = Guard()
        self._guard.watch(self._process.pid)

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

    def close(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(timeout=STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._guard.close()
        self._log.close()

    def _wait(self) -> None:
        end = time.monotonic() + START_SECONDS
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        while self._process.poll() is None and time.monotonic() < end:
            with suppress(urllib.error.URLError, TimeoutError), opener.open(f"{self.url}/healthz", timeout=1):
                return
            time.sleep(LOOK_SECONDS)
        self._log.seek(0)
        last = self._log.read().decode(errors="replace").splitlines()[-LOG_LINES:]
        raise ApiFailed(f"the HTTP API did not start: {' | '.join(last)}")


def api_environment(settings: Settings, *, endpoint_url: str, model_dir: Path) -> dict[str, str]:
    api = describe(replace(settings, api="container")).api
    assert api is not None
    return api.environment | {
        "AUTH": "loopback",
        "RECOGNISERS": str(min(os.cpu_count() or 1, settings.max_concurrency)),
        "ROLLCALL_MODEL_DIR": str(model_dir),
        "AWS_ENDPOINT_URL": endpoint_url,
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ACCESS_KEY_ID": ACCESS_KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
        "LANG": "C.UTF-8",
        "NO_PROXY": "*",
        "HOME": "/nonexistent",  # no AWS profile of the user's
    }
