"""Measure, print a table, and write out/bench.json. Nothing here is asserted: machines differ.

python -m benchmarks ../shared/data [--only engine --only pipeline …] [--runs 5] [--soak-frames 20000]
"""

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.cold_start import cold_starts
from benchmarks.decoding import measure_decoding
from benchmarks.engine import measure_engine
from benchmarks.machine import describe_machine
from benchmarks.peers.compare import measure_peers
from benchmarks.pipeline import measure_match, measure_pipeline
from benchmarks.soak import measure_soak
from rollcall.weights.folder import ensure_model_files

PEERS_PYTHON = Path(".venv-parity") / "bin" / "python"  # the peers stay out of the product's environment
OUT = Path("out") / "bench.json"


WORKERS = (1, 2)


def main() -> int:
    options = _options()
    if not (options.data / "videos").is_dir():
        print(f"{options.data}/videos is not here: there is nothing to measure on", file=sys.stderr)
        return 2
    model_dir = ensure_model_files(progress=note)
    report: dict[str, Any] = {"machine": describe_machine(), "runs": options.runs}
    measurements = _measurements(options.data, model_dir, runs=options.runs, soak_frames=options.soak_frames)
    for number, name in enumerate(options.only or measurements, start=1):
        note(f"{number}/{len(options.only or measurements)} {name}")
        report[name] = measurements[name]()
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(json.dumps(report, indent=2) + "\n")
    print(json.dumps(report, indent=2))
    print(f"written to {OUT}")
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, help="folder with videos/, gallery/ and johns/")
    parser.add_argument("--runs", type=int, default=5, help="of each measurement; medians are shown")
    parser.add_argument("--soak-frames", type=int, default=20_000, help="through one engine (default: 20000)")
    parser.add_argument("--only", action="append", choices=_measurements(Path(), Path(), runs=1, soak_frames=1))
    return parser.parse_args()


def _measurements(data: Path, model_dir: Path, *, runs: int, soak_frames: int) -> dict[str, Callable[[], Any]]:
    photo = min((data / "johns").glob("*/*.jpg"), default=Path())
    return {
        "engine": lambda: measure_engine(data, model_dir, rounds=2 * runs),
        "peers": lambda: measure_peers(data, model_dir, python=PEERS_PYTHON, rounds=max(2, runs // 2)),
        "decode": lambda: measure_decoding(data / "videos", runs=runs),
        "match": lambda: measure_match(runs=200),
        "cold_start": lambda: cold_starts(model_dir, photo, runs=runs),
        "pipeline": lambda: measure_pipeline(data, model_dir, workers=WORKERS, runs=max(2, runs // 2)),
        "soak": lambda: measure_soak(data, model_dir, count=soak_frames),
    }


def note(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
