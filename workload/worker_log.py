"""Workers and backlog of each function over time, from the `workers.jsonl` that `rollcall up --log-dir` writes."""

import json
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

COUNTS = ("workers", "in_flight", "backlog")
LOOK_SECONDS = 0.5


class BadWorkerLog(ValueError):
    """A file that is none of workers; the message says where and what to do."""


@dataclass(frozen=True, kw_only=True)
class WorkerCount:
    """A function from this time on, until its next count."""

    seconds: float  # since the epoch in the file, since its start in a run
    function: str
    workers: int
    in_flight: int  # batches
    backlog: int  # messages


def read_worker_log(path: Path) -> list[WorkerCount]:
    """Entries in order of time; raises BadWorkerLog."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else error.reason
        raise BadWorkerLog(f"{path}: {reason}; start `rollcall up --log-dir DIR` and give DIR/workers.jsonl") from None
    whole_lines = text.split("\n")[:-1]  # what has no end yet is still being written
    counts = [_count(f"{path}, line {number}", line) for number, line in enumerate(whole_lines, start=1)]
    return sorted(counts, key=lambda count: count.seconds)


def within(counts: Sequence[WorkerCount], *, began: float, ended: float) -> list[WorkerCount]:
    """The entries of one run, with seconds from its start. Each function begins with its entry of that moment."""
    before = {count.function: replace(count, seconds=0.0) for count in counts if count.seconds <= began}
    during = [replace(count, seconds=count.seconds - began) for count in counts if began < count.seconds <= ended]
    for count in during:
        before.setdefault(count.function, replace(count, seconds=0.0, workers=0, in_flight=0, backlog=0))
    return [before[function] for function in sorted(before)] + during


def wait_until_gone(path: Path, *, seconds: float) -> None:
    """Until no function has workers any more, so that a run's plot shows them leave; for so long at most."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and any(count.workers for count in latest(read_worker_log(path)).values()):
        time.sleep(LOOK_SECONDS)


def latest(counts: Sequence[WorkerCount]) -> Mapping[str, WorkerCount]:
    return {count.function: count for count in counts}


def steps(counts: Sequence[WorkerCount], kind: str, *, ended: float) -> dict[str, list[tuple[float, float]]]:
    """The corners of a line for each function: a count holds until the next one."""
    lines: dict[str, list[tuple[float, float]]] = {}
    for count in counts:
        line = lines.setdefault(count.function, [])
        if line:
            line.append((count.seconds, line[-1][1]))
        line.append((count.seconds, getattr(count, kind)))
    return {function: [*line, (ended, line[-1][1])] for function, line in lines.items()}


def _count(where: str, line: str) -> WorkerCount:
    try:
        fields: Any = json.loads(line)
    except (ValueError, RecursionError):
        fields = None
    if not _is_count(fields):
        wanted = '{"time": 1795235539.5, "function": "name", "workers": 2, "in_flight": 1, "backlog": 7}'
        raise BadWorkerLog(f"{where}: expected {wanted}, found {line[:80]!r}; give the workers.jsonl of `rollcall up`")
    return WorkerCount(
        seconds=float(fields["time"]), function=fields["function"], **{name: fields[name] for name in COUNTS}
    )


def _is_count(fields: Any) -> bool:
    return (
        isinstance(fields, dict)
        and type(fields.get("time")) in (int, float)
        and math.isfinite(fields["time"])
        and isinstance(fields.get("function"), str)
        and all(type(fields.get(name)) is int and fields[name] >= 0 for name in COUNTS)
    )
