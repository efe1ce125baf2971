"""How well the engine finds and tells faces apart, on the real material of `../shared/data`.

python -m benchmarks.accuracy ../shared/data --models FOLDER
"""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from model.engine import Engine, load_engine
from model.faces import Box, Face, Image

FOUND_IOU = 0.3
PERCENTILES = (0, 1, 5, 50, 95, 99, 100)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("data", type=Path)
    parser.add_argument("--models", type=Path, required=True)
    parser.add_argument("--min-face", type=int, default=20, help="pixels")
    parser.add_argument("--every", type=int, default=6, help="look at each n-th frame of a clip")
    options = parser.parse_args()
    engine = load_engine(options.models, min_face=options.min_face)
    report = {
        "detection": detection(engine, options.data / "detection"),
        "johns": verification(engine, options.data / "johns"),
        "videos": clips(engine, options.data, every=options.every),
    }
    print(json.dumps(report, indent=2))


def detection(engine: Engine, folder: Path) -> dict[str, Any]:
    truth: dict[str, list[Box]] = json.loads((folder / "boxes.json").read_text())
    found, extra, others = 0, 0, {}
    for photo in sorted(folder.glob("*.jpg")):
        boxes = [face.box for face in engine.analyze([read(photo)])[0]]
        if photo.name not in truth:
            others[photo.name] = len(boxes)
            continue
        overlaps = np.array([[iou(box, expected) for box in boxes] for expected in truth[photo.name]])
        found += int((overlaps.max(axis=1, initial=0) > FOUND_IOU).sum())
        extra += int((overlaps.max(axis=0, initial=0) <= FOUND_IOU).sum())
    return {"faces": sum(map(len, truth.values())), "found": found, "extra": extra, "faces_elsewhere": others}


def verification(engine: Engine, folder: Path) -> dict[str, Any]:
    """Every photo against every other: nearest neighbour, and all pairs."""
    photos = sorted(folder.glob("*/*.jpg"))
    faces = [engine.analyze([read(photo)])[0] for photo in photos]
    names = np.array([photo.parent.name for photo, seen in zip(photos, faces, strict=True) if seen])
    embeddings = np.array([seen[0].embedding for seen in faces if seen])
    distances = np.linalg.norm(embeddings[:, None] - embeddings[None], axis=2)
    nearest = (distances + np.diag(np.full(len(distances), np.inf))).argmin(axis=1)
    pairs = np.triu_indices(len(distances), 1)
    same, values = (names[:, None] == names[None])[pairs], distances[pairs]
    edges = np.unique(values)
    # pairs decided right when everything up to an edge counts as the same person
    right = np.array([(same == (values <= edge)).mean() for edge in edges])
    return {
        "photos": len(photos),
        "one_face": sum(len(seen) == 1 for seen in faces),
        "rank_1": int((names[nearest] == names).sum()),
        "best_pair_accuracy": float(right.max()),
        "best_thresholds": [float(edges[right.argmax()]), float(values[~same].min())],
        "same": spread(values[same]),
        "different": spread(values[~same]),
    }


def clips(engine: Engine, data: Path, *, every: int) -> dict[str, Any]:
    """Distances of each clip's person to their own gallery entry and to the nearest of the others."""
    gallery = json.loads((data / "gallery" / "embeddings.json").read_text())
    names = [entry["name"] for entry in gallery]
    enrolled = np.array([entry["embedding"] for entry in gallery], dtype=np.float32)
    expected = json.loads((data / "videos" / "expected.json").read_text())
    report = {}
    for clip in sorted((data / "videos").glob("*.mp4")):
        own = names.index(expected[clip.name]["person"])
        faces = [face for image in frames(clip, every=every) for face in _nearest(engine, image, enrolled[own])]
        distances = np.array([np.linalg.norm(enrolled - face.embedding, axis=1) for face in faces])
        weights = np.array([face.quality.weight for face in faces])
        mean = np.average([face.embedding for face in faces], axis=0, weights=weights)
        to_mean = np.linalg.norm(enrolled - mean, axis=1)
        report[clip.name] = {
            "frames": len(faces),
            "own": spread(distances[:, own]),
            "nearest_other": spread(np.delete(distances, own, axis=1).min(axis=1)),
            "track_own": round(float(to_mean[own]), 3),
            "track_nearest_other": round(float(np.delete(to_mean, own).min()), 3),
        }
    return report


def _nearest(engine: Engine, image: Image, embedding: NDArray[np.float32]) -> list[Face]:
    faces = engine.analyze([image])[0]
    return sorted(faces, key=lambda face: float(np.linalg.norm(face.embedding - embedding)))[:1]


def frames(clip: Path, *, every: int) -> Iterator[Image]:
    capture = cv2.VideoCapture(str(clip))
    number = 0
    while capture.grab():
        if number % every == 0:
            yield np.asarray(capture.retrieve()[1], dtype=np.uint8)
        number += 1


def read(photo: Path) -> Image:
    image = cv2.imread(str(photo))
    if image is None:
        raise SystemExit(f"{photo} cannot be read as a photo")
    return np.asarray(image, dtype=np.uint8)


def iou(one: Box, other: Box) -> float:
    width = min(one[0] + one[2], other[0] + other[2]) - max(one[0], other[0])
    height = min(one[1] + one[3], other[1] + other[3]) - max(one[1], other[1])
    common = max(width, 0) * max(height, 0)
    return common / (one[2] * one[3] + other[2] * other[3] - common)


def spread(values: NDArray[np.float32]) -> dict[str, float]:
    return {f"p{percent}": round(float(np.percentile(values, percent)), 3) for percent in PERCENTILES}


if __name__ == "__main__":
    main()
