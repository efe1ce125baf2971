"""Records workers and backlog: a JSON line whenever those of a function change."""

import json
import time
from pathlib import Path

from rollcall.local.lambda_host.logs import FunctionLog


class WorkerRecord:
    def __init__(self, path: Path) -> None:
        self._log = FunctionLog(path)
        self._last: dict[str, dict[str, int]] = {}

    def note(self, function: str, *, workers: int, in_flight: int, backlog: int) -> int:
        """The number of workers in the last line of this function."""
        now = {"workers": workers, "in_flight": in_flight, "backlog": backlog}
        before = self._last.get(function, dict.fromkeys(now, 0))
        if now != before:
            self._last[function] = now
            self._log.write(json.dumps({"time": round(time.time(), 3), "function": function, **now}))
        return before["workers"]

    def close(self) -> None:
        self._log.close()
