"""What a video asks of AWS: measured figures drawn out to its length, and processor time turned into Lambda's time."""

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.measured import Clip, Measured, Run
from rollcall.pipeline.description import Function

RULES = Path(__file__).parent / "aws_rules.json"
THREADS = 1  # that a function keeps busy: ffmpeg decodes on one, the engine and the lookup run on one
LOOKUP_READERS = 8  # the lookup reads its GoPs so many at a time


def load_rules() -> dict[str, float]:
    """AWS's rules by name, from its documents; assumed where those give no number."""
    text = json.loads(RULES.read_text())
    return {name: entry["value"] for part in ("rules", "assumptions") for name, entry in text[part].items()}


@dataclass(frozen=True)
class Line:
    """A cost for each video and a cost for each second of it."""

    fixed: float
    slope: float

    @classmethod
    def through(cls, runs: list[Run], quantity: Callable[[Run], float]) -> "Line":
        short, long = runs[0], runs[-1]
        slope = max(0.0, (quantity(long) - quantity(short)) / (long.seconds - short.seconds))
        return cls(fixed=max(0.0, quantity(long) - slope * long.seconds), slope=slope)

    def at(self, seconds: float) -> float:
        return self.fixed + self.slope * seconds


@dataclass(frozen=True)
class Demand:
    """The demand of one kind of video, sampled at one rate."""

    clip: str
    frames_per_second: float
    runs: list[Run]  # shortest first
    cold_start_cpu_seconds: Mapping[str, float]
    rules: Mapping[str, float]

    def line(self, quantity: Callable[[Run], float]) -> Line:
        return Line.through(self.runs, quantity)

    def gops(self, seconds: float) -> int:
        return max(1, math.ceil(self.line(lambda run: run.gops).at(seconds)))

    def cpu(self, component: str) -> Line:
        return self.line(lambda run: run.work[component].cpu_seconds)

    def requests(self, component: str, service: str) -> Line:
        """All requests of the component to S3, DynamoDB or SQS."""
        return self.line(lambda run: _count(run.work[component].requests, service))

    def seconds(self, function: Function, *, cpu: float, waits: float) -> float:
        """How long Lambda bills: processor time at the share that the memory buys, then the time spent waiting."""
        vcpus = function.memory_mb / self.rules["vcpu_mb"]
        return cpu / min(vcpus, THREADS) + waits

    def waits(self, component: str) -> Line:
        """Seconds of waiting for AWS's services; nothing is taken off for what ffmpeg decodes meanwhile."""
        rules = self.rules
        s3 = self.requests(component, "S3")
        others = [
            (self.requests(component, "DynamoDB"), rules["dynamodb_seconds"]),
            (self.requests(component, "SQS"), rules["sqs_seconds"]),
        ]
        at_once = LOOKUP_READERS if component == "lookup" else 1
        lines = [(Line(s3.fixed, s3.slope / at_once), rules["s3_seconds"]), *others]
        return Line(
            fixed=sum(line.fixed * each for line, each in lines), slope=sum(line.slope * each for line, each in lines)
        )

    def split_seconds(self, function: Function, seconds: float) -> float:
        """One invocation of video_split over one time range."""
        name = function.component
        return self.seconds(function, cpu=self.cpu(name).at(seconds), waits=self.waits(name).at(seconds))

    def recognize_seconds(self, function: Function) -> float:
        """One GoP pack."""
        run, name = self.runs[-1], function.component
        work = run.work[name]
        waits = sum(
            _count(work.requests, service) * self.rules[f"{service.lower()}_seconds"]
            for service in ("S3", "DynamoDB", "SQS")
        )
        return self.seconds(function, cpu=work.cpu_seconds / run.gops, waits=waits / run.gops)

    def lookup_seconds(self, function: Function, seconds: float) -> float:
        name = function.component
        return self.seconds(function, cpu=self.cpu(name).at(seconds), waits=self.waits(name).at(seconds))

    def init_seconds(self, function: Function) -> float:
        """The start of a new environment as billed: the image's own start is Lambda's, imports and loading are ours."""
        cpu = self.cold_start_cpu_seconds[function.component]
        return self.seconds(function, cpu=cpu, waits=0.0)


def demand_of(measured: Measured, clip: str, frames_per_second: float) -> Demand:
    runs = [run for run in _clip(measured, clip).runs if run.frames_per_second == frames_per_second]
    if len(runs) < 2:
        raise ValueError(f"measured.json has no two runs of {clip!r} at {frames_per_second:g} a second; measure again")
    return Demand(
        clip=clip,
        frames_per_second=frames_per_second,
        runs=sorted(runs, key=lambda run: run.seconds),
        cold_start_cpu_seconds=measured.cold_start_cpu_seconds,
        rules=load_rules(),
    )


def _clip(measured: Measured, name: str) -> Clip:
    for clip in measured.clips:
        if clip.name == name:
            return clip
    raise ValueError(f"measured.json has no clip {name!r}; it has {', '.join(clip.name for clip in measured.clips)}")


def _count(requests: Mapping[str, int], service: str) -> int:
    return sum(count for request, count in requests.items() if request.split()[0] == service)
