"""Measure, print a table, and write out/bench.json. Nothing here is asserted: machines differ.

python -m benchmarks ../shared/data
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from benchmarks.cold_start import cold_starts
from benchmarks.decoding import measure_decoding
from benchmarks.engine import measure_engine
from benchmarks.machine import describe_machine
from benchmarks.pipeline import default_workers, measure_match, measure_pipeline
from model.build.folder import ensure_model_files

OUT = Path("out") / "bench.json"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("data", type=Path, help="folder with videos/, gallery/ and johns/")
    parser.add_argument("--runs", type=int, default=5, help="of each measurement; medians are shown")
    options = parser.parse_args()
    if not (options.data / "videos").is_dir():
        print(f"{options.data}/videos is not here: there is nothing to measure on", file=sys.stderr)
        return 2
    model_dir = ensure_model_files(progress=note)
    report = measure(options.data, model_dir, runs=options.runs)
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(json.dumps(report, indent=2) + "\n")
    print(json.dumps(report, indent=2))
    print(f"written to {OUT}")
    return 0


def measure(data: Path, model_dir: Path, *, runs: int) -> dict[str, Any]:
    report: dict[str, Any] = {"machine": describe_machine(), "runs": runs}
    note("the engine, on real frames")
    report["engine"] = measure_engine(data, model_dir, rounds=runs)
    note("decoding")
    report["decode"] = measure_decoding(data / "videos", runs=runs)
    note("matching")
    report["match"] = measure_match(runs=200)
    note("cold starts")
    report["cold_start"] = cold_starts(model_dir, runs=runs)
    note("the whole pipeline")
    report["pipeline"] = measure_pipeline(data, model_dir, workers=default_workers(), runs=max(2, runs // 2))
    return report


def note(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
