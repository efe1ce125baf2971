"""S3, SQS and DynamoDB on one port: a moto server in a process of its own."""

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Self

from local.lambda_host.guard import Guard
from local.listening import listen


class AwsServer:
    """The host's side: starts the process, knows its address, ends it."""

    def __init__(
        self, *, host: str, port: int, log_file: Path, guard: Guard, python: Path = Path(sys.executable)
    ) -> None:
        self.log_file = log_file
        self._guard = guard
        # bound here, so that a port in use is an error of this process, and early requests simply wait
        with (
            listen(host, port, option="--port", backlog=128) as listener,
            log_file.open("ab") as log,
        ):
            self.endpoint_url = f"http://{host}:{listener.getsockname()[1]}"
            self._process = subprocess.Popen(
                [str(python), "-P", "-m", "local.moto_server", "--socket", str(listener.fileno())],
                env={"LANG": "C.UTF-8", "TMPDIR": tempfile.gettempdir()},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=[listener.fileno()],
                start_new_session=True,  # Ctrl-C is for the host, which ends this process last
            )
        guard.watch(self._process.pid)

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        self._guard.forget(self._process.pid)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
