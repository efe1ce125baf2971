"""A function's log file, in Lambda's own lines, and the figures of each invocation."""

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import IO

MAX_LINE_BYTES = 256 * 1024  # CloudWatch's limit of an event


@dataclass(frozen=True, kw_only=True)
class Report:
    """One invocation. `init_ms` (process start to the first request for work) is there for cold starts only.
    `max_memory_mb` is the peak of resident memory since the worker started, its child processes included."""

    function: str
    request_id: str
    messages: int
    duration_ms: float
    init_ms: float | None
    memory_mb: int
    max_memory_mb: float
    error: str | None

    def line(self) -> str:
        fields = [
            f"REPORT RequestId: {self.request_id}",
            f"Duration: {self.duration_ms:.2f} ms",
            f"Memory Size: {self.memory_mb} MB",
            f"Max Memory Used: {self.max_memory_mb:.0f} MB",
        ]
        if self.init_ms is not None:
            fields.append(f"Init Duration: {self.init_ms:.2f} ms")
        if self.error is not None:
            fields.append(f"Status: error\tError Type: {self.error}")
        return "\t".join(fields)


class FunctionLog:
    """Lines of several workers, never mixed within a line."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = Lock()
        self._file = path.open("ab", buffering=0)

    def write(self, line: str) -> None:
        self._append(line.encode() + b"\n")

    def copy_lines(self, stream: IO[bytes]) -> None:
        """Copies lines until the stream ends."""
        while line := stream.readline(MAX_LINE_BYTES):
            # awslambdaric joins the lines of a traceback with carriage returns
            self._append(line.rstrip(b"\n").replace(b"\r", b"\n") + b"\n")

    def close(self) -> None:
        with self._lock:
            self._file.close()

    def _append(self, text: bytes) -> None:
        with self._lock:
            if not self._file.closed:
                with suppress(OSError):  # a full disk costs lines of the log, and no work
                    self._file.write(text)
