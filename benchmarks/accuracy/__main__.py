"""Prints a table of accuracy, and writes OUT/accuracy.json and OUT/accuracy/*.png.

python -m benchmarks.accuracy ../shared/data [--photos FOLDER]... [--pairs FILE.csv]... [--out out]
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.accuracy.clips import clips
from benchmarks.accuracy.detection import detect
from benchmarks.accuracy.material import (
    Sample,
    clip_gallery,
    demo_people,
    people_in_folders,
    people_in_groups,
    templates_of,
    together,
)
from benchmarks.accuracy.open_set import by_condition, condition_distances, probes
from benchmarks.accuracy.table import lines
from benchmarks.accuracy.verification import PairDistances, pair_distances, verify, verify_pairs
from local.demo.photos import ensure_photos
from model.build.folder import ensure_model_files
from model.calibration import load_calibration
from model.engine import load_engine

ENROLLED_FACE = 60  # pixels: smaller faces are probes only; nobody enrols a face from a group photo's back row


def main() -> None:
    options = _options()
    engine = load_engine(ensure_model_files(progress=print), min_face=options.min_face, threads=options.threads)
    calibration = load_calibration(engine.identity.embedder_name, threshold=options.threshold)
    photos = ensure_photos(options.out / "photos", progress=print)
    johns, missed = people_in_folders(engine, options.data / "johns")
    others = people_in_groups(engine, options.data / "detection") + demo_people(engine, photos)
    sets: dict[str, tuple[list[Sample], list[str]]] = {"johns": (johns, missed), "all photos": (johns + others, missed)}
    sets |= {folder.name: people_in_folders(engine, folder) for folder in options.photos}

    gallery = clip_gallery(options.data)
    enrolled = together(templates_of([sample for sample in johns + others if _is_large(sample)]), gallery)
    probed = probes(engine, johns + others)
    report: dict[str, Any] = {
        "model": engine.identity.versions(),
        "min_face_px": options.min_face,
        "calibration": {name: getattr(calibration, name) for name in calibration.__slots__},
        "verification": {name: verify(samples, empty, calibration) for name, (samples, empty) in sets.items()}
        | {file.name: verify_pairs(engine, file, calibration) for file in options.pairs},
        "detection": detect(engine, options.data / "detection"),
        "open_set": by_condition(probed, enrolled, calibration),
        "pairs_by_condition": condition_distances(probed, enrolled, calibration),
        "clips": clips(
            engine,
            options.data,
            {
                "their gallery": gallery,
                "their gallery and johns": together(gallery, templates_of(johns)),
                "everybody": enrolled,
            },
            calibration,
        ),
    }
    print(*lines(report), sep="\n")
    options.out.mkdir(parents=True, exist_ok=True)
    file = options.out / "accuracy.json"
    file.write_text(json.dumps(report, indent=2, ensure_ascii=False, default=float))
    print(f"\nwritten: {file}")
    _plot(
        options.out / "accuracy", {name: samples for name, (samples, _) in sets.items()}, report, calibration.threshold
    )


def _is_large(sample: Sample) -> bool:
    return sample.face.quality.size >= ENROLLED_FACE


def _plot(folder: Path, sets: dict[str, Sequence[Sample]], report: dict[str, Any], threshold: float) -> None:
    try:
        from benchmarks.accuracy.plots import plot_all  # noqa: PLC0415 - the numbers need no matplotlib
    except ImportError:
        print("no plots: matplotlib is not installed (pip install -e '.[bench]')")
        return
    pairs: dict[str, PairDistances] = {name: pair_distances(samples) for name, samples in sets.items()}
    print("plots:", *plot_all(folder, pairs, report, threshold=threshold))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--photos", type=Path, action="append", default=[], help="a folder NAME/*.jpg; repeatable")
    parser.add_argument("--pairs", type=Path, action="append", default=[], help="CSV: file_x,file_y,same; repeatable")
    parser.add_argument("--out", type=Path, default=Path("out"))
    parser.add_argument("--min-face", type=int, default=20, help="pixels (default 20)")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--threshold", type=float, help="instead of the shipped one")
    return parser.parse_args()


if __name__ == "__main__":
    main()
