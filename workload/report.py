"""The run as a table on the terminal, as JSON and as one HTML file with its plots inside."""

import html
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import cycle
from pathlib import Path

from workload.outcomes import Outcome, Sample, Summary, quantile, throughput
from workload.worker_log import WorkerCount, steps

WIDTH, HEIGHT, LEFT, BOTTOM = 720, 220, 56, 28
TICKS = 5
COLORS = ("#2563eb", "#d97706", "#059669", "#dc2626", "#7c3aed", "#0891b2")
Point = tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class Run:
    summary: Summary
    outcomes: Sequence[Outcome]
    samples: Sequence[Sample]
    command: str
    workers: Sequence[WorkerCount] = ()  # seconds from the run's start


def rows(run: Run) -> list[tuple[str, str]]:
    summary = run.summary
    accuracy = "unknown" if summary.accuracy is None else f"{summary.accuracy:.2%} of {summary.judged}"
    return [
        ("requests", str(summary.requests)),
        ("answered", str(summary.answered)),
        ("errors", ", ".join(f"{kind}: {count}" for kind, count in summary.errors.items()) or "none"),
        ("retries", str(summary.retries)),
        ("duration", f"{summary.seconds:.1f} s"),
        ("throughput", f"{summary.per_minute:.0f} a minute"),
        *((f"latency {name}", f"{seconds * 1000:.0f} ms") for name, seconds in summary.latency.items()),
        ("right answers", accuracy),
        *([("most workers", _most_workers(run.workers))] if run.workers else []),
    ]


def _most_workers(counts: Sequence[WorkerCount]) -> str:
    most: dict[str, int] = {}
    for count in counts:
        most[count.function] = max(count.workers, most.get(count.function, 0))
    return ", ".join(f"{function}: {workers}" for function, workers in most.items())


def print_table(run: Run) -> None:
    for name, value in rows(run):
        print(f"{name:16}{value}")
    for line in run.summary.wrong[:5]:
        print(f"{'':16}{line}")


def write_report(run: Run, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    samples = [asdict(sample) for sample in run.samples]
    content = {
        "command": run.command,
        "summary": run.summary.as_json(),
        "samples": samples,
        "workers": [asdict(count) for count in run.workers],
        "outcomes": [asdict(outcome) for outcome in run.outcomes],
    }
    (folder / "report.json").write_text(json.dumps(content, indent=1), encoding="utf-8")
    (folder / "report.html").write_text(_page(run), encoding="utf-8")


def _page(run: Run) -> str:
    table = "".join(f"<tr><th>{html.escape(name)}</th><td>{html.escape(value)}</td></tr>" for name, value in rows(run))
    wrong = "".join(f"<li>{html.escape(line)}</li>" for line in run.summary.wrong)
    answered = [outcome for outcome in run.outcomes if outcome.error is None]
    waiting: dict[str, Sequence[Point]] = {
        "backlog": [(sample.seconds, sample.backlog) for sample in run.samples],
        "in hand": [(sample.seconds, sample.in_hand) for sample in run.samples],
    }
    ended = max((count.seconds for count in run.workers), default=0.0)
    plots = (
        plot("Answers per second", {"answers": throughput(run.outcomes)}),
        plot("Backlog and work in hand", waiting),
        plot("Workers", steps(run.workers, "workers", ended=ended)),
        plot("Backlog of each function, in messages", steps(run.workers, "backlog", ended=ended)),
        plot("Latency of each answer, in seconds", {"latency": [(o.end, o.seconds) for o in answered]}, dots=True),
        plot("Latency by share of answers, in seconds", {"latency": _shares(answered)}),
    )
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>Load test</title><style>'
        "body{font:15px system-ui,sans-serif;max-width:760px;margin:2rem auto;padding:0 1rem;color:#1f2937}"
        "th{text-align:left;padding-right:2rem;font-weight:500}td{font-variant-numeric:tabular-nums}"
        "h2{font-size:1rem;margin:1.5rem 0 .3rem}svg text{font:11px system-ui,sans-serif;fill:#6b7280}</style>"
        f"<h1>Load test</h1><p><code>{html.escape(run.command)}</code></p><table>{table}</table>"
        f"{'<h2>Wrong answers</h2><ul>' + wrong + '</ul>' if wrong else ''}{''.join(plots)}</html>\n"
    )


def _shares(outcomes: Sequence[Outcome]) -> list[Point]:
    ordered = sorted(outcome.seconds for outcome in outcomes)
    return [(percent, quantile(ordered, percent / 100)) for percent in range(1, 101)] if ordered else []


def plot(title: str, series: Mapping[str, Sequence[Point]], *, dots: bool = False) -> str:
    points = [point for line in series.values() for point in line]
    if not points:
        return ""
    right = max(x for x, _ in points) or 1.0
    top = max(y for _, y in points) or 1.0

    def place(point: Point) -> Point:
        return LEFT + point[0] / right * (WIDTH - LEFT - 8), 12 + (1 - point[1] / top) * (HEIGHT - BOTTOM - 12)

    drawn = [
        _dots(map(place, line)) if dots else _line(list(map(place, line)), color)
        for line, color in zip(series.values(), cycle(COLORS), strict=False)
    ]
    legend = "".join(
        f'<text x="{LEFT + 8 + 180 * number}" y="10" style="fill:{color}">{html.escape(name)}</text>'
        for number, (name, color) in enumerate(zip(series, cycle(COLORS), strict=False))
    )
    return (
        f'<h2>{html.escape(title)}</h2><svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img">'
        f"{_axes(right, top)}{''.join(drawn)}{legend if len(series) > 1 else ''}</svg>"
    )


def _line(points: Sequence[Point], color: str) -> str:
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return f'<polyline points="{path}" fill="none" stroke="{color}" stroke-width="1.5"/>'


def _dots(points: "map[Point]") -> str:
    return "".join(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="1.5" fill="{COLORS[0]}" opacity=".5"/>' for x, y in points)


def _axes(right: float, top: float) -> str:
    parts = []
    for tick in range(TICKS + 1):
        share = tick / TICKS
        x, y = LEFT + share * (WIDTH - LEFT - 8), 12 + (1 - share) * (HEIGHT - BOTTOM - 12)
        parts.append(f'<line x1="{LEFT}" x2="{WIDTH - 8}" y1="{y:.1f}" y2="{y:.1f}" stroke="#e5e7eb"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{share * top:.3g}</text>')
        parts.append(f'<text x="{x:.1f}" y="{HEIGHT - 8}" text-anchor="middle">{share * right:.3g}</text>')
    return "".join(parts)
