"""What is simulated, and what of each outcome is worth telling."""

import itertools
import statistics
from dataclasses import dataclass

from benchmarks.demand import Demand
from benchmarks.scale.simulation import Outcome, Scenario, simulate
from rollcall.pipeline.description import Pipeline, describe
from rollcall.pipeline.settings import Settings

CLIP = "1080p 30"
TEN_MINUTES, SIX_HOURS = 600.0, 6 * 3600.0
SCENARIOS = ((1, TEN_MINUTES), (100, TEN_MINUTES), (10_000, TEN_MINUTES), (1, SIX_HOURS))
# The default, and the most that three functions can have at once without taking from each other in a default account
CONCURRENCIES = (Settings().max_concurrency, 330)
SHORT_RANGE = 120.0  # seconds: what shorter ranges would do for one video
SMALL = 100  # videos: what a test can afford to repeat
NOTICED = 0.02  # of the time from upload to result: a shorter wait in a queue is no bottleneck


def scenarios() -> list[Scenario]:
    default = float(Settings().range_seconds)
    cases = [(*case, default, max_concurrency) for max_concurrency, case in itertools.product(CONCURRENCIES, SCENARIOS)]
    cases += [(1, TEN_MINUTES, SHORT_RANGE, max_concurrency) for max_concurrency in CONCURRENCIES]
    return [
        Scenario(videos=videos, seconds=seconds, range_seconds=range_seconds, max_concurrency=max_concurrency)
        for videos, seconds, range_seconds, max_concurrency in cases
    ]


def pipeline_of(scenario: Scenario) -> Pipeline:
    return describe(Settings(max_concurrency=scenario.max_concurrency))


def run(scenario: Scenario, demand: Demand) -> Outcome:
    return simulate(pipeline_of(scenario), demand, scenario)


def title(outcome: Outcome) -> str:
    scenario = outcome.scenario
    videos = "1 video" if scenario.videos == 1 else f"{scenario.videos:,} videos"
    ranges = "" if scenario.range_seconds == Settings().range_seconds else f", ranges of {scenario.range_seconds:g} s"
    return f"{videos} of {scenario.seconds / 60:g} min{ranges}, maximum concurrency {scenario.max_concurrency}"


@dataclass(frozen=True)
class Percentiles:
    median: float
    p95: float
    p99: float
    last: float


def percentiles(latencies: list[float]) -> Percentiles:
    def at(share: float) -> float:
        return latencies[min(len(latencies) - 1, int(share * len(latencies)))]

    return Percentiles(median=statistics.median(latencies), p95=at(0.95), p99=at(0.99), last=latencies[-1])


def bottleneck(outcome: Outcome) -> tuple[str, str]:
    """The function whose queue held a message longest on average, and what held it back; or ("none", "work itself")."""
    waits = {name: statistics.fmean(record.waits) for name, record in outcome.stages.items()}
    name = max(waits, key=lambda stage: waits[stage])
    held_back = outcome.stages[name].held_back
    if waits[name] < NOTICED * statistics.median(outcome.latencies):
        return "none", "work itself"
    return name, max(held_back, key=lambda reason: held_back[reason])
