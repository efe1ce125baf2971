"""docs/scale.md, from the outcomes."""

import math
from collections.abc import Iterator

from benchmarks.demand import Demand
from benchmarks.markdown import table, wrapped
from benchmarks.measured import Measured
from benchmarks.scale.scenarios import CLIP, bottleneck, percentiles, title
from benchmarks.scale.simulation import Outcome
from rollcall.pipeline.description import Function, describe
from rollcall.pipeline.settings import Settings

HEAD = ("videos", "max", "median", "95 %", "99 %", "last", "most at once", "longest queue", "held back by")
REASONS = {
    "pollers": "SQS's pollers",
    "ceiling": "maximum concurrency",
    "account": "the account's concurrency",
    "work itself": "the work itself",
}


def page(measured: Measured, demand: Demand, outcomes: list[Outcome]) -> str:
    return "\n".join(wrapped(_lines(measured, demand, outcomes))) + "\n"


def row(outcome: Outcome) -> str:
    times = percentiles(outcome.latencies)
    peaks = ", ".join(str(record.peak) for record in outcome.stages.values())
    stage, reason = bottleneck(outcome)
    waits = [clock(time) for time in (times.median, times.p95, times.p99, times.last)]
    return f"| {' | '.join([*_scenario(outcome), *waits, peaks, stage, REASONS[reason]])} |"


def _scenario(outcome: Outcome) -> tuple[str, str]:
    scenario = outcome.scenario
    ranges = "" if scenario.range_seconds == Settings().range_seconds else f", ranges of {scenario.range_seconds:g} s"
    return f"{scenario.videos:,} × {scenario.seconds / 60:g} min{ranges}", str(scenario.max_concurrency)


def clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"


def _lines(measured: Measured, demand: Demand, outcomes: list[Outcome]) -> Iterator[str]:
    yield "# The pipeline at scale, simulated"
    yield ""
    yield "<!-- Written by `python -m benchmarks.scale > docs/scale.md`; a test repeats the small scenarios. -->"
    yield ""
    yield (
        "For people who want to know how long many videos take, and what holds them back. After reading you can choose"
        " the setting `max_concurrency`. Nothing here ran on AWS: these are results of a simulation."
    )
    yield ""
    yield (
        f"All videos are uploaded at once: {CLIP} frames a second, sampled {demand.frames_per_second:g} times a second,"
        f" in ranges of at most {Settings().range_seconds} s. Times are from upload to result. *Max* is the setting"
        " `max_concurrency`. *Most at once* counts invocations of split, recognize and lookup."
    )
    yield ""
    yield from measured.caution()
    yield from table(HEAD, ())
    yield from (row(outcome) for outcome in outcomes)
    yield ""
    yield from _service(demand)
    yield from _reading(demand, outcomes)
    yield from _basis()


def _service(demand: Demand) -> Iterator[str]:
    functions = pipeline_functions()
    seconds = Settings().range_seconds
    split, recognize, lookup = functions
    yield "## What one invocation takes"
    yield ""
    yield from table(("function", "work", "seconds", "of its timeout", "cold start, s"), ())
    for function, work, time in (
        (split, f"a range of {seconds} s", demand.split_seconds(split, seconds)),
        (recognize, "a GoP pack", demand.recognize_seconds(recognize)),
        (lookup, f"a video of {seconds} s", demand.lookup_seconds(lookup, seconds)),
    ):
        cold = demand.rules["placement_seconds"] + demand.init_seconds(function)
        yield f"| {function.component} | {work} | {time:.1f} | {time / function.timeout:.0%} | {cold:.1f} |"
    yield ""


def pipeline_functions() -> tuple[Function, ...]:
    return describe(Settings()).functions


def _reading(demand: Demand, outcomes: list[Outcome]) -> Iterator[str]:
    yield "## What is billed"
    yield ""
    yield "Billed seconds of the three functions, and how many invocations there were:"
    yield ""
    head = ("videos", "max", "video a second, s", "video_split, s", "face_recognition, s", "lookup, s", "invocations")
    yield from table([*head, "cold"], (_bill(outcome) for outcome in outcomes))
    yield ""
    yield from _hot_items(demand, outcomes)
    yield "The two pictures that tell most (`out/scale/`):"
    yield ""
    many = max(outcomes, key=lambda outcome: (outcome.scenario.videos, outcome.scenario.max_concurrency))
    yield f"- `concurrency-*.png` of {title(many)}: {_shape(many)}"
    yield (
        "- `latencies.png`: the share of videos done over time (logarithmic). Each queue is worked off evenly, so the"
        " curve is nearly straight in linear time. It moves left in proportion to the maximum concurrency, until the"
        " growth of the pollers remains."
    )
    yield ""


def _bill(outcome: Outcome) -> list[str]:
    scenario, stages = outcome.scenario, outcome.stages.values()
    speed = scenario.videos * scenario.seconds / outcome.latencies[-1]
    counts = (sum(record.invocations for record in stages), sum(record.cold_starts for record in stages))
    figures = (speed, *(record.billed_seconds for record in stages), *counts)
    return [*_scenario(outcome), *(f"{figure:,.0f}" for figure in figures)]


def _hot_items(demand: Demand, outcomes: list[Outcome]) -> Iterator[str]:
    limit = demand.rules["item_writes_per_second"]
    for outcome in outcomes:
        units = math.ceil(demand.line(lambda run: run.job_item_bytes).at(outcome.scenario.seconds) / 1024)
        if (rate := units * outcome.hottest_item_writes) > limit:
            yield (
                f"**{title(outcome)}: one job's item would take {rate:,.0f} write units in its busiest second.**"
                f" DynamoDB gives an item {limit:,.0f}. Refused writes are tried again, so this is slower than shown."
            )
            yield ""


def _shape(outcome: Outcome) -> str:
    peaks = {name: max(record.busy, key=lambda point: point[1]) for name, record in outcome.stages.items()}
    order = sorted(peaks, key=lambda name: peaks[name])
    return " ".join(f"{name} reaches {peaks[name][1]} after {clock(peaks[name][0])}." for name in order)


def _basis() -> Iterator[str]:
    yield "## What it rests on"
    yield ""
    yield "- The simulation (simpy) runs the description of the pipeline in `rollcall/pipeline/description.py`."
    yield (
        "- Measured here: processor seconds, requests and sizes of each function (`benchmarks/measured.json`, made by"
        " `python -m benchmarks.service_times ../shared/data`)."
    )
    yield (
        "- From AWS's documents, or assumed where they give no number:"
        " [aws_rules.json](../benchmarks/aws_rules.json). A queue starts with 5 concurrent batches and gains 300 a"
        " minute. A function gains at most 1,000 environments in 10 s. The account has 1,000 in all, and 1,769 MB buy a"
        " vCPU."
    )
    yield (
        "- Left out: failures and retries, notifications that come late or twice, and environments that Lambda takes"
        " back. Throttled batches that come back only after their visibility timeout, and pollers that scale down, are"
        " left out too."
    )
    yield ""
    yield (
        "To repeat: `pip install -e '.[bench]'`, then `python -m benchmarks.scale > docs/scale.md`. It takes some"
        " minutes."
    )
