"""Print docs/cost.md from the measured figures and the list prices.

python -m benchmarks.cost > docs/cost.md
"""

import json
import sys
from collections.abc import Iterator
from itertools import product

from benchmarks.bill import DAYS_A_MONTH, GIGABYTE, HOUR, PRICES, Bill, Entry, bill_of, load_prices, monthly
from benchmarks.demand import demand_of, load_rules
from benchmarks.markdown import table, wrapped
from benchmarks.measured import Measured, load
from rollcall.pipeline.deployment_settings import Deployment

AIM = 0.02  # dollars an hour of video at 1 frame a second
AIM_FACTOR = 300  # times cheaper than Rekognition
RATES = (1.0, 2.0)
ARCHITECTURES = ("x86_64", "arm64")
TYPICAL = "1080p 30"
ALARMS = 18  # infra/constructs/alarms.py: two for each queue, four for each function
# What an ordinary upload counts and times, by function (rollcall/runtime/observability.py)
METRICS = {
    "video_split": ("ColdStart", "SplitTime", "StoreTime"),
    "face_recognition": (
        *("ColdStart", "Gops", "Frames", "Faces"),
        *("FetchTime", "RecognizeTime", "DecodeTime", "DetectTime", "EmbedTime", "StoreTime"),
    ),
    "lookup": ("ColdStart", "Results", "People", "Unknowns", "FetchTime", "LookupTime", "StoreTime", "TotalTime"),
}
HOURS_A_MONTH = 24 * DAYS_A_MONTH
SHARES_SHOWN = 3


def main() -> int:
    print(page(load()), end="")
    return 0


def page(measured: Measured) -> str:
    return "\n".join(wrapped(_lines(measured))) + "\n"


def _lines(measured: Measured) -> Iterator[str]:
    prices = json.loads(PRICES.read_text())
    yield "# What an hour of video costs on AWS"
    yield ""
    yield "<!-- Written by `python -m benchmarks.cost > docs/cost.md`; a test holds that it is up to date. -->"
    yield ""
    yield (
        "For people who decide whether Rollcall is cheap enough, and who want to lower the bill. After reading you know"
        " what an hour of video costs, which part costs most, and which setting changes it."
    )
    yield ""
    yield (
        f"Prices are those of {prices['region']}, read {prices['read']}. {prices['note']}"
        f" The work was measured on {measured.date}: {_machine(measured)}. To write the page again:"
        " `python -m benchmarks.cost > docs/cost.md`."
    )
    yield ""
    yield from measured.caution()
    yield from _totals(measured)
    yield from _breakdown(measured)
    yield from _levers(measured)
    yield from _beside(measured)
    yield from _idle()
    yield from _basis(measured)


def _totals(measured: Measured) -> Iterator[str]:
    rekognition = _rekognition()
    yield "## Dollars for an hour of video"
    yield ""
    heads = [f"{rate:g}/s {architecture}" for rate, architecture in product(RATES, ARCHITECTURES)]
    yield from table(
        ["video", *heads, "cheaper than Rekognition"],
        (
            [
                f"{clip.name} ({clip.megabits_per_second:g} Mb/s)",
                *(_dollars(_bill(measured, clip.name, *case).total) for case in product(RATES, ARCHITECTURES)),
                f"{rekognition / _bill(measured, clip.name, 1.0, 'x86_64').total:,.0f} times",
            ]
            for clip in measured.clips
        ),
    )
    yield ""
    yield (
        "The columns give frames a second that are looked at, and the processor. Amazon Rekognition's face search in"
        f" stored video costs {_dollars(rekognition)} an hour, at $0.10 a minute. The last column compares it at 1/s on"
        " x86_64."
    )
    yield ""
    typical = _bill(measured, TYPICAL, 1.0, "x86_64").total
    yield (
        f"The aim is at most {_dollars(AIM)} an hour at 1/s, {AIM_FACTOR} times cheaper than Rekognition"
        f" ({_dollars(rekognition / AIM_FACTOR)}). {TYPICAL} on x86_64: {_verdict(typical, rekognition)}"
    )
    yield ""


def _verdict(total: float, rekognition: float) -> str:
    met = "met" if total <= AIM else f"**missed** by {total / AIM - 1:.0%}"
    times = rekognition / total
    cheaper = "met" if times >= AIM_FACTOR else "**missed**"
    return f"{_dollars(total)}, {met}; {times:,.0f} times cheaper, {cheaper}."


def _breakdown(measured: Measured) -> Iterator[str]:
    yield f"## By component: {TYPICAL} frames a second, sampled once a second"
    yield ""
    x86, arm = (_bill(measured, TYPICAL, 1.0, architecture) for architecture in ARCHITECTURES)
    total = x86.total
    yield from table(
        ["component", "quantity", "x86_64, $", "share", "arm64, $"],
        (
            [entry.component, _quantity(entry), f"{entry.dollars:.6f}", f"{entry.dollars / total:.0%}", f"{other:.6f}"]
            for entry, other in zip(x86.entries(), (entry.dollars for entry in arm.entries()), strict=True)
        ),
    )
    yield ""
    dearest = sorted(x86.entries(), key=lambda entry: -entry.dollars)[:SHARES_SHOWN]
    shares = ", ".join(f"{entry.component} {entry.dollars / total:.0%}" for entry in dearest)
    yield f"What dominates: {shares}."
    yield ""
    yield from _seconds(x86)


def _seconds(bill: Bill) -> Iterator[str]:
    yield "Where the billed seconds of an hour of video go:"
    yield ""
    yield from table(
        ["function", "memory, MB", "invocations", "billed, s", "processor, s", "waiting for AWS, s"],
        (
            [
                function.component,
                str(function.memory_mb),
                str(bill.invocations(function)),
                f"{bill.billed_seconds(function):.0f}",
                f"{bill.demand.cpu(function.component).at(HOUR):.0f}",
                f"{bill.demand.waits(function.component).at(HOUR):.0f}",
            ]
            for function in bill.pipeline.functions
        ),
    )
    yield ""


def _levers(measured: Measured) -> Iterator[str]:
    yield "## What changes the bill"
    yield ""
    now = _bill(measured, TYPICAL, 1.0, "x86_64")
    seconds = now.demand.line(lambda run: run.work["video_split"].cpu_seconds).slope * HOUR
    frames = now.demand.line(lambda run: run.frames).at(HOUR)
    recognized = now.demand.cpu("face_recognition").at(HOUR)
    gops = now.demand.gops(HOUR)
    per_gop = sum(entry.dollars for entry in _per_gop(now))
    yield (
        f"- **Packs**: at 1 frame a second a pack holds up to 32 s and 32 frames. The {gops} packs of an hour cost"
        f" {_dollars(per_gop)} in requests, waits and traces. With packs of 10 s it was three times as much."
    )
    yield (
        f"- **Decoding**: reading the stream takes {seconds:.0f} processor seconds an hour at any sampling rate. Frames"
        " that no other frame refers to are already left out. Decoding key frames alone would cost a small part of it,"
        " but the encoder would choose the times."
    )
    yield (
        f"- **Recognition**: a frame takes {1e3 * recognized / frames:.0f} ms of processor. Its JPEG is decoded,"
        " and its face found, embedded and cut out. This grows with the sampling rate; decoding does not."
    )
    yield (
        "- **arm64**: a second costs a fifth less. How many seconds it takes was not measured. arm64 costs more once a"
        " function takes over 25 % longer there."
    )
    processor = _processor_dollars(now)
    others = now.total - processor
    yield (
        f"- **What is in reach**: {_dollars(processor)} of the {_dollars(now.total)} are processor time, and"
        f" {_dollars(others)} the rest. The aim of {_dollars(AIM)} leaves room for {_share(AIM - others, processor)} of"
        " that processor time."
    )
    yield ""


def _processor_dollars(bill: Bill) -> float:
    price = bill.prices[f"lambda_{bill.architecture}_gb_second"]
    return price * sum(
        function.memory_mb
        / 1024
        * bill.demand.seconds(function, cpu=bill.demand.cpu(function.component).at(HOUR), waits=0.0)
        for function in bill.pipeline.functions
    )


def _share(part: float, whole: float) -> str:
    return f"{part / whole:.0%}" if part > 0 else "less than nothing"


def _per_gop(bill: Bill) -> Iterator[Entry]:
    """What each pack costs beside the work on its frames."""
    prices, rules, gops = bill.prices, bill.demand.rules, bill.demand.gops(HOUR)
    by_name = {function.component: function for function in bill.pipeline.functions}
    waits = sum(
        bill.demand.waits(name).slope * HOUR * by_name[name].memory_mb / 1024
        for name in ("video_split", "face_recognition")
    )
    yield Entry("waits", waits, "GB-s", waits * prices[f"lambda_{bill.architecture}_gb_second"])
    yield Entry("requests", 2 * gops, "PUT", 2 * gops * prices["s3_put"])
    yield Entry("traces", gops, "traces", gops * prices["trace"])
    logs = gops * rules["platform_log_bytes"] / 1e9
    yield Entry("logs", logs, "GB", logs * prices["logs_gb"])


def _beside(measured: Measured) -> Iterator[str]:
    prices = load_prices()
    metrics = sum(len(names) for names in METRICS.values())
    clip = next(clip for clip in measured.clips if clip.name == TYPICAL)
    gigabytes = clip.megabits_per_second * 1e6 / 8 * HOUR / GIGABYTE
    yield "## What comes on top"
    yield ""
    month, days = gigabytes * prices["s3_gb_month"], Deployment().input_days
    yield (
        f"- **The upload itself**, kept for `input_days`: an hour of {TYPICAL} is {gigabytes:.2f} GB. It costs"
        f" {_dollars(month)} a month, and {_dollars(month * days / DAYS_A_MONTH)} for the {days} days of the default."
        " That is more than all else together. Set `input_days` to what you need."
    )
    yield (
        f"- **Custom metrics**: CloudWatch charges the {metrics} of the pipeline for each hour in which they are"
        f" written: {_dollars(metrics * prices['metric_month'] / HOURS_A_MONTH)} for an hour in which anything is done."
        " AWS's free tier covers ten metrics."
    )
    yield ""


def _idle() -> Iterator[str]:
    entries = monthly(load_prices(), load_rules(), alarms=ALARMS)
    yield "## A deployment that has nothing to do, a month"
    yield ""
    yield from table(
        ["component", "quantity", "$"],
        ([entry.component, _quantity(entry), f"{entry.dollars:.2f}"] for entry in entries),
    )
    yield ""
    yield (
        f"Together {_dollars(sum(entry.dollars for entry in entries))} before AWS's free tiers, which cover most of it."
    )
    yield ""


def _basis(measured: Measured) -> Iterator[str]:
    yield "## What the figures rest on"
    yield ""
    yield (
        "- **Measured here** (`python -m benchmarks.service_times ../shared/data`): processor seconds of each handler"
        " and of ffmpeg, every request to AWS, log bytes, and sizes of packs and results. Each clip was measured at two"
        " lengths, which gives what a video costs and what a second of it costs."
        f" {_faces(measured)}"
    )
    yield (
        "- **Turned into Lambda's seconds**: processor seconds are divided by the vCPUs that the memory buys, never by"
        " more than the threads at work. Every request is waited for in full, though ffmpeg decodes meanwhile. Lambda's"
        " vCPU is taken to be as fast as one core here."
    )
    yield (
        "- **Counted high**: one message an invocation, every environment new, every invocation traced, and items as"
        " large as at their end."
    )
    yield (
        "- **From AWS's documents, or assumed** where they give no number:"
        " [aws_rules.json](../benchmarks/aws_rules.json), each with the title of its page."
    )
    yield "- **Prices**: [prices.json](../benchmarks/prices.json), each with the title of its page."


def _faces(measured: Measured) -> str:
    shares = ", ".join(f"{clip.name} {clip.runs[-1].faces / clip.runs[-1].frames:.1f}" for clip in measured.clips)
    return f"Faces a frame: {shares}."


def _bill(measured: Measured, clip: str, rate: float, architecture: str) -> Bill:
    return bill_of(demand_of(measured, clip, rate), architecture)


def _rekognition() -> float:
    return 60 * load_prices()["rekognition_minute"]


def _machine(measured: Measured) -> str:
    machine = measured.machine
    return f"{machine['cores']} cores of {machine['processor']}, load {machine['load_at_start']} at the start"


def _quantity(entry: Entry) -> str:
    return f"{entry.quantity:,.0f} {entry.unit}" if entry.quantity >= 10 else f"{entry.quantity:.3g} {entry.unit}"


def _dollars(dollars: float) -> str:
    return f"${dollars:.4f}" if dollars < 1 else f"${dollars:.2f}"


if __name__ == "__main__":
    sys.exit(main())
