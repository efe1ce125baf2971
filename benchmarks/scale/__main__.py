"""Simulate the scenarios; print docs/scale.md, and draw pictures into out/scale/.

python -m benchmarks.scale > docs/scale.md
"""

import sys
import time
from pathlib import Path

from benchmarks.demand import demand_of
from benchmarks.measured import load
from benchmarks.scale.plots import plot_concurrency, plot_latencies
from benchmarks.scale.report import page
from benchmarks.scale.scenarios import CLIP, run, scenarios
from rollcall.pipeline.settings import Settings

OUT = Path("out") / "scale"


def main() -> int:
    measured = load()
    demand = demand_of(measured, CLIP, Settings().frames_per_second)
    OUT.mkdir(parents=True, exist_ok=True)
    outcomes = []
    for scenario in scenarios():
        started = time.perf_counter()
        outcome = run(scenario, demand)
        outcomes.append(outcome)
        name = (
            f"{scenario.videos}-of-{scenario.seconds:g}s-in-{scenario.range_seconds:g}s-at-{scenario.max_concurrency}"
        )
        plot_concurrency(outcome, OUT / f"concurrency-{name}.png")
        print(f"{name}: simulated in {time.perf_counter() - started:.1f} s", file=sys.stderr, flush=True)
    plot_latencies([outcome for outcome in outcomes if outcome.scenario.videos > 1], OUT / "latencies.png")
    print(page(measured, demand, outcomes), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
