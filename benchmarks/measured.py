"""The committed figures that the simulation and the cost page are made of, and what they mean per video."""

import datetime
from collections.abc import Iterator
from pathlib import Path

from pydantic import BaseModel

BUSY = (
    "**The machine was busy with other work while this was measured.** Processor seconds rise when two threads share a"
    " core and its caches, so the figures of Lambda's time here are too high: measure again on an idle machine."
)
PATH = Path(__file__).parent / "measured.json"


class Work(BaseModel):
    """What one function did for one video."""

    messages: int = 0
    cpu_seconds: float = 0.0  # of the handler and of the processes it started
    wall_seconds: float = 0.0  # with the local cloud beside it on the same machine: for comparison only
    log_bytes: int = 0
    log_lines: int = 0
    requests: dict[str, int] = {}  # "S3 PutObject": how many


class Run(BaseModel):
    """One video through the three functions."""

    seconds: int
    frames_per_second: float
    frames: int
    gops: int
    faces: int
    pack_bytes: int
    faces_bytes: int
    output_bytes: int
    job_item_bytes: int
    work: dict[str, Work]


class Clip(BaseModel):
    name: str
    megabits_per_second: float
    runs: list[Run]


class Measured(BaseModel):
    date: datetime.date
    machine: dict[str, str | int | float]
    cold_start_cpu_seconds: dict[str, float]
    clips: list[Clip]

    def caution(self) -> Iterator[str]:
        """Lines for a page, where the figures are worse than those of an idle machine."""
        if float(self.machine["load_at_start"]) > float(self.machine["cores"]):
            yield BUSY
            yield ""


def load() -> Measured:
    return Measured.model_validate_json(PATH.read_text())
