"""docs/scale.md, from the outcomes."""

import math
from collections.abc import Iterator

from benchmarks.demand import Demand
from benchmarks.measured import Measured
from benchmarks.scale.scenarios import CLIP, bottleneck, percentiles, title
from benchmarks.scale.simulation import Outcome
from infra.pipeline import Function, Settings, describe

HEAD = (
    "| videos | median | 95 % | 99 % | last | most at once: split, recognize, lookup | longest queue | held back by |",
    "|---|---|---|---|---|---|---|---|",
)
REASONS = {
    "pollers": "how fast SQS's pollers grow",
    "ceiling": "maximum concurrency",
    "account": "the account's concurrency",
    "work itself": "the work itself",
}


def page(measured: Measured, demand: Demand, outcomes: list[Outcome]) -> str:
    return "\n".join(_lines(measured, demand, outcomes)) + "\n"


def row(outcome: Outcome) -> str:
    times = percentiles(outcome.latencies)
    peaks = ", ".join(str(record.peak) for record in outcome.stages.values())
    stage, reason = bottleneck(outcome)
    cells = [title(outcome), *(clock(time) for time in (times.median, times.p95, times.p99, times.last)), peaks]
    return f"| {' | '.join([*cells, stage, REASONS[reason]])} |"


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
        f"All videos are uploaded at once: {CLIP} frames a second, sampled {demand.frames_per_second:g} times a second,"
        f" in ranges of at most {Settings().range_seconds} s. Times are from upload to result. Nothing here ran on AWS:"
        " a discrete-event simulation (simpy) of the description in `infra/pipeline.py`, fed with what the functions"
        f" were measured to need here ({measured.date}) and with Lambda's and SQS's rules."
    )
    yield ""
    yield from measured.caution()
    yield from HEAD
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
    yield "| function | work | seconds | of its timeout | cold start, s |"
    yield "|---|---|---|---|---|"
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
    yield "## What it shows"
    yield ""
    for outcome in outcomes:
        yield f"- {title(outcome)}: {_story(demand, outcome)}"
    yield ""
    yield "The two pictures that tell most (`out/scale/`):"
    yield ""
    many = max(outcomes, key=lambda outcome: (outcome.scenario.videos, outcome.scenario.max_concurrency))
    yield f"- `concurrency-*.png` of {title(many)}: {_shape(many)}"
    yield (
        "- `latencies.png`, share of videos done over time (logarithmic): with everything uploaded at once the curve is"
        " nearly straight in linear time, because each queue is worked off evenly; it moves left in proportion to the"
        " maximum concurrency, until the pollers' growth is what remains."
    )
    yield ""


def _story(demand: Demand, outcome: Outcome) -> str:
    scenario, stages = outcome.scenario, outcome.stages
    busy = ", ".join(f"{name} {record.billed_seconds:,.0f} s" for name, record in stages.items())
    cold = sum(record.cold_starts for record in stages.values())
    total = sum(record.invocations for record in stages.values())
    speed = scenario.videos * scenario.seconds / outcome.latencies[-1]
    text = f"{speed:,.0f} s of video a second; billed: {busy}; {total:,} invocations, {cold} of them cold."
    units = math.ceil(demand.line(lambda run: run.job_item_bytes).at(scenario.seconds) / 1024)
    rate = units * outcome.hottest_item_writes
    limit = demand.rules["item_writes_per_second"]
    if rate > limit:
        text += (
            f" **One job's item would take {rate:,.0f} write units in its busiest second, DynamoDB gives an item"
            f" {limit:,.0f}**: writes are refused and tried again, so this is slower than shown."
        )
    return text


def _shape(outcome: Outcome) -> str:
    peaks = {name: max(record.busy, key=lambda point: point[1]) for name, record in outcome.stages.items()}
    order = sorted(peaks, key=lambda name: peaks[name])
    return "; ".join(f"{name} reaches {peaks[name][1]} after {clock(peaks[name][0])}" for name in order) + "."


def _basis() -> Iterator[str]:
    yield "## What it rests on"
    yield ""
    yield (
        "- Measured here: processor seconds, requests and sizes of each function (`benchmarks/measured.json`, made by"
        " `python -m benchmarks.service_times ../shared/data`)."
    )
    yield (
        "- From AWS's documents, with the titles of their pages, and assumed where they give no number:"
        " `benchmarks/aws_rules.json`, listed in docs/cost.md. A queue starts with 5 concurrent batches and gains 300 a"
        " minute; a function gains at most 1,000 environments in 10 s; the account has 1,000 in all; 1,769 MB buy a"
        " vCPU."
    )
    yield (
        "- Left out: failures and retries, notifications that come late or twice, throttled batches that come back only"
        " after their visibility timeout, environments that Lambda takes back, and pollers that scale down."
    )
    yield ""
    yield (
        "To repeat: `pip install -e '.[bench]'`, `python -m benchmarks.scale > docs/scale.md`. It takes some minutes,"
        " and writes its pictures to `out/scale/`."
    )
