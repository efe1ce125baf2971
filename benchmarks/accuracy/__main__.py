"""Prints a table of accuracy, and writes OUT/accuracy.json, OUT/accuracy/*.png and tables of the documentation.

python -m benchmarks.accuracy ../shared/data [--photos FOLDER]... [--pairs FILE.csv]... [--out out] [--embedder facenet]
    [--page docs/accuracy.md]

A folder of photos, NAME/*.jpg, may hold a groups.json, {"NAME": "GROUP"}: then every rate is told for each group too.
"""

import argparse
import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.accuracy.clips import clips
from benchmarks.accuracy.conditions import CONDITIONS, RUINED
from benchmarks.accuracy.detection import detect
from benchmarks.accuracy.group_tables import group_lines
from benchmarks.accuracy.groups import by_group
from benchmarks.accuracy.material import (
    Sample,
    clip_gallery,
    demo_people,
    enrolled_faces,
    pairs,
    people_in_folders,
    people_in_groups,
    photos_of_people,
)
from benchmarks.accuracy.open_set import by_condition, condition_distances, probes
from benchmarks.accuracy.pages import ACCURACY, accuracy_page, put
from benchmarks.accuracy.people import people_of, read_groups, read_relatives
from benchmarks.accuracy.refused_photos import refused_photos
from benchmarks.accuracy.table import lines
from benchmarks.accuracy.verification import PairDistances, pair_distances, verify, verify_pairs
from rollcall.cli.demo.demo_photos import ensure_photos
from rollcall.contracts.embedder_kinds import DEFAULT_EMBEDDER, EMBEDDERS
from rollcall.engine.engine import load_engine
from rollcall.people.calibration import load_calibration
from rollcall.people.gallery_store import EnrolledFace
from rollcall.people.odd_faces import load_enrollment_limits
from rollcall.weights.folder import ensure_model_files

HARMFUL_PERCENTILE = "p95"  # of the distances of two photos of one person in johns
DIVERSE = "diverse"  # of the data: people of several groups
ENROLLED_FACE = 60  # pixels: smaller faces are probes only; nobody enrolls a face from a group photo's back row


def main() -> None:
    options = _options()
    listed = {file.name: pairs(file) for file in options.pairs}  # what is wrong with them is told before the long work
    folders = _folders(options)
    groups = {folder.name: read_groups(folder) for folder in folders}
    relatives = read_relatives(options.relatives)
    engine = load_engine(
        ensure_model_files(progress=print), options.embedder, min_face=options.min_face, threads=options.threads
    )
    embedder = engine.identity.embedder_name
    calibration = load_calibration(embedder, threshold=options.threshold)
    photos = ensure_photos(options.out / "photos", progress=print)
    johns, missed = people_in_folders(engine, options.data / "johns")
    others = people_in_groups(engine, options.data / "detection") + demo_people(engine, photos)
    sets: dict[str, tuple[list[Sample], list[str]]] = {"johns": (johns, missed), "all photos": (johns + others, missed)}
    sets |= {folder.name: people_in_folders(engine, folder) for folder in folders}
    grouped = {
        name: people_of(sets[name][0], of_groups, relatives, embedder=embedder)
        for name, of_groups in groups.items()
        if of_groups is not None
    }

    gallery = clip_gallery(options.data, embedder)
    enrolled = enrolled_faces([sample for sample in johns + others if _is_large(sample)], embedder) + gallery
    made_bad = probes(engine, johns + others, CONDITIONS | RUINED)
    probed = [probe for probe in made_bad if probe.condition in CONDITIONS]
    verified = {name: verify(samples, empty, calibration) for name, (samples, empty) in sets.items()}
    report: dict[str, Any] = {
        "model": engine.identity.versions(),
        "min_face_px": options.min_face,
        "calibration": dataclasses.asdict(calibration),
        "groups": {name: by_group(people, calibration) for name, people in grouped.items()},
        "verification": verified | {name: verify_pairs(engine, found, calibration) for name, found in listed.items()},
        "enrollment": refused_photos(
            made_bad,
            johns + others,
            load_enrollment_limits(embedder),
            harmful=verified["johns"]["same"][HARMFUL_PERCENTILE],
        ),
        "detection": detect(engine, options.data / "detection"),
        "open_set": by_condition(probed, enrolled, calibration),
        "pairs_by_condition": condition_distances(probed, enrolled, calibration),
        "clips": clips(engine, options.data, _galleries(gallery, johns, enrolled, embedder), calibration),
    }
    print(*group_lines(report["groups"]), *lines(report), sep="\n")
    options.out.mkdir(parents=True, exist_ok=True)
    file = options.out / "accuracy.json"
    file.write_text(json.dumps(report, indent=2, ensure_ascii=False, default=float))
    if options.page:
        put(options.page, ACCURACY, accuracy_page(report))
    print(f"\nwritten: {file}")
    _plot(
        options.out / "accuracy", {name: samples for name, (samples, _) in sets.items()}, report, calibration.threshold
    )


def _folders(options: argparse.Namespace) -> list[Path]:
    """The folders of people's photos; what is wrong with them is told before the long work."""
    diverse: Path = options.data / DIVERSE
    folders: list[Path] = ([diverse] if diverse.is_dir() else []) + options.photos
    for folder in folders:
        photos_of_people(folder)
    return folders


def _galleries(
    gallery: Sequence[EnrolledFace], johns: Sequence[Sample], enrolled: Sequence[EnrolledFace], embedder: str
) -> dict[str, Sequence[EnrolledFace]]:
    if not gallery:
        return {"everybody": enrolled}
    return {
        "their gallery": gallery,
        "their gallery and johns": [*gallery, *enrolled_faces(johns, embedder)],
        "everybody": enrolled,
    }


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
    parser.add_argument(
        "--relatives", type=Path, help='JSON: families who do not count as strangers, [["NAME", "NAME"]]'
    )
    parser.add_argument("--pairs", type=Path, action="append", default=[], help="CSV: file_x,file_y,same; repeatable")
    parser.add_argument("--embedder", choices=list(EMBEDDERS), default=DEFAULT_EMBEDDER)
    parser.add_argument("--page", type=Path, help="of the documentation, to write tables into")
    parser.add_argument("--out", type=Path, default=Path("out"))
    parser.add_argument("--min-face", type=int, default=20, help="pixels (default 20)")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--threshold", type=float, help="instead of the shipped one")
    return parser.parse_args()


if __name__ == "__main__":
    main()
