"""What each setting costs and brings: writes OUT/settings.json, and the tables of a page of the documentation.

python -m benchmarks.settings ../shared/data [--page docs/decisions/0030-defaults-of-settings.md] [--workers 1 2]
    [--rounds 3]
"""

import argparse
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from benchmarks.accuracy.clips import against
from benchmarks.accuracy.detection import found_in_photos
from benchmarks.accuracy.material import (
    Sample,
    clip_gallery,
    enrolled_faces,
    frames,
    people_in_folders,
    people_in_groups,
)
from benchmarks.accuracy.open_set import Probe, answers
from benchmarks.accuracy.verification import at_threshold, pair_distances
from benchmarks.engine import fastest, sample
from benchmarks.machine import describe_machine
from benchmarks.pipeline import measure_pipeline
from rollcall.engine.engine import Engine, load_engine
from rollcall.engine.face import Image
from rollcall.people.calibration import Calibration, load_calibration
from rollcall.people.gallery_store import EnrolledFace
from rollcall.people.tracks import Sighting
from rollcall.weights.folder import ensure_model_files

SMALLEST_FACES = (20, 30, 40, 60, 80)  # pixels
RATES = (0.5, 1, 2, 4)  # frames a second; each divides the last
THRESHOLD_STEPS = (-3, -2, -1, 0, 1, 2, 3)  # from the shipped one, in similarity scales: each changes the odds by e
DEFAULT_RATE, DEFAULT_SMALLEST_FACE = 2, 40
PHOTO_SMALLEST_FACE = 20
MEASURED = "<!-- below: written by benchmarks.settings -->\n"

Row = dict[str, Any]


def main() -> None:
    options = _options()
    model_dir = ensure_model_files(progress=print)
    engine = load_engine(model_dir, min_face=DEFAULT_SMALLEST_FACE, threads=options.threads)
    thorough = load_engine(model_dir, min_face=PHOTO_SMALLEST_FACE, threads=options.threads)
    calibration = load_calibration(engine.identity.embedder_name)
    images = list(sample(options.data / "videos"))
    by_face = [
        smallest_face(engine, options.data, images, calibration, size=size, rounds=options.rounds)
        for size in SMALLEST_FACES
    ]
    frame_ms = next(row["ms_a_frame"] for row in by_face if row["min_face_px"] == DEFAULT_SMALLEST_FACE)
    report: dict[str, Any] = {
        "machine": describe_machine(),
        "threads": options.threads,
        "min_face": by_face,
        "frames_a_second": list(rates(engine, options.data, calibration, frame_ms)),
        "threshold": list(thresholds(engine, thorough, options.data, calibration)),
        "workers": workers(options.data, model_dir, options.workers),
    }
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "settings.json").write_text(json.dumps(report, indent=2, default=float))
    text = tables(report)
    print(text)
    if options.page:
        before = options.page.read_text().partition(MEASURED)[0]
        options.page.write_text(before + MEASURED + text)


def smallest_face(
    engine: Engine, data: Path, images: Sequence[Image], calibration: Calibration, *, size: int, rounds: int
) -> Row:
    """Time is the median over frames of each frame's fastest round: other work on the machine only ever adds."""
    seconds = [fastest(partial(engine.analyze, [image], min_face=size), rounds=rounds) for image in images]
    found, extra, total = found_in_photos(engine, data / "detection", min_face=size)
    seen = _clips(engine, data, rate=DEFAULT_RATE, min_face=size)
    return {
        "min_face_px": size,
        "ms_a_frame": round(1e3 * float(np.median(seconds)), 1),
        "faces_found": f"{found} of {total}",
        "false_boxes": extra,
        **_named(data, seen, calibration),
    }


def rates(engine: Engine, data: Path, calibration: Calibration, frame_ms: float) -> Iterator[Row]:
    most = max(RATES)
    seen = _clips(engine, data, rate=most, min_face=DEFAULT_SMALLEST_FACE)
    for rate in RATES:
        step = round(most / rate)
        kept = {
            clip: [_thinned(face, step) for face in faces if face.frame % step == 0] for clip, faces in seen.items()
        }
        yield {
            "frames_a_second": rate,
            "recognition_ms_a_second_of_video": round(frame_ms * rate, 1),
            "resolution_s": 1 / rate,
            **_named(data, kept, calibration),
        }


def thresholds(engine: Engine, thorough: Engine, data: Path, calibration: Calibration) -> Iterator[Row]:
    """Photos as they are, each asked about with its person's other photos enrolled and with that person left out.

    `thorough`: an engine that looks for the small faces of photos.
    """
    photos = people_in_folders(thorough, data / "johns")[0] + people_in_groups(thorough, data / "detection")
    enrolled = enrolled_faces(photos, calibration.embedder) + clip_gallery(data, calibration.embedder)
    pairs = pair_distances(photos)
    seen = _clips(engine, data, rate=DEFAULT_RATE, min_face=DEFAULT_SMALLEST_FACE)
    for step in THRESHOLD_STEPS:
        threshold = round(calibration.threshold + step * calibration.similarity_scale, 3)
        setting = replace(calibration, threshold=threshold)
        verified = at_threshold(pairs, threshold)
        yield {
            "threshold": threshold,
            "false_match_rate": verified["false_match_rate"]["share"],
            "false_non_match_rate": verified["false_non_match_rate"]["share"],
            **_asked(photos, enrolled, setting),
            **_named(data, seen, setting),
        }


def workers(data: Path, model_dir: Path, counts: Sequence[int]) -> list[Row]:
    return [
        {
            "workers_of_each_function": measured["workers_of_each_function"],
            "video_seconds_per_second": measured["video_seconds_per_second"],
            "first_minute_of_video_s": measured["cold_run_s"],
            "peak_mb_of_a_recognizer": measured["peak_memory_mb"].get("rollcall-face-recognition"),
        }
        for measured in measure_pipeline(data, model_dir, workers=counts, runs=1)
    ]


def _asked(photos: Sequence[Sample], enrolled: Sequence[EnrolledFace], calibration: Calibration) -> Row:
    probes = [Probe(photo.subject, photo.source, "as it is", photo.face) for photo in photos]
    told = answers(probes, enrolled, calibration)
    known = [(probe, one) for probe, one in told if one.enrolled]
    return {
        "known_lost": f"{sum(one.known != probe.subject for probe, one in known)} of {len(known)}",
        "strangers_named": f"{sum(one.stranger is not None for _, one in told)} of {len(told)}",
    }


def _named(data: Path, seen: dict[str, list[Sighting]], calibration: Calibration) -> Row:
    expected = json.loads((data / "videos" / "expected.json").read_text())
    found = against(
        seen, {clip: expected[clip]["person"] for clip in seen}, clip_gallery(data, calibration.embedder), calibration
    )
    right, strangers = found["clips_right"], found["strangers_named"]
    return {
        "clips_right": f"{right['count']} of {right['of']}",
        "stranger_tracks_named": f"{strangers['count']} of {strangers['of']}",
    }


def _clips(engine: Engine, data: Path, *, rate: float, min_face: int) -> dict[str, list[Sighting]]:
    expected = json.loads((data / "videos" / "expected.json").read_text())
    return {clip: list(_sightings(engine, data / "videos" / clip, rate, min_face)) for clip in sorted(expected)}


def _sightings(engine: Engine, clip: Path, rate: float, min_face: int) -> Iterator[Sighting]:
    every = max(1, round(cv2.VideoCapture(str(clip)).get(cv2.CAP_PROP_FPS) / rate))
    for number, frame in enumerate(frames(clip, every=every)):
        for face in engine.analyze([frame], min_face=min_face)[0]:
            yield Sighting(number, number / rate, face.box, face.quality.weight, face.embedding)


def _thinned(face: Sighting, step: int) -> Sighting:
    return replace(face, frame=face.frame // step)


def tables(report: dict[str, Any]) -> str:
    machine = report["machine"]
    heading = (
        f"\nMeasured by `python -m benchmarks.settings` on {machine['processor']}, {report['threads']} threads,"
        f" at a load of {machine['load_at_start']}.\n"
    )
    settings = ("min_face", "frames_a_second", "threshold", "workers")
    return heading + "".join(f"\n## {_words(setting)}\n\n{_table(report[setting])}" for setting in settings)


def _table(rows: Sequence[Row]) -> str:
    heads = [_words(name) for name in rows[0]]
    lines = [heads, ["---"] * len(heads), *([_cell(name, value) for name, value in row.items()] for row in rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _words(name: str) -> str:
    words = name.replace("_", " ").removesuffix(" px").removesuffix(" s")
    unit = {"px": ", px", "s": ", s"}.get(name.rpartition("_")[2], "")
    return f"{words[0].upper()}{words[1:]}{unit}"


def _cell(name: str, value: Any) -> str:
    return f"{value:.2%}" if name.endswith("match_rate") else f"{value:g}" if isinstance(value, float) else str(value)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--page", type=Path, help="of the documentation, to write the tables into")
    parser.add_argument("--out", type=Path, default=Path("out"))
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--workers", type=int, nargs="*", default=sorted({1, os.cpu_count() or 1}))
    return parser.parse_args()


if __name__ == "__main__":
    main()
