"""Which faces are found, by how small they are, and what is found that is none."""

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from benchmarks.accuracy.material import FOUND_IOU, iou, read
from rollcall.engine.engine import Engine
from rollcall.engine.face import Box, Image
from rollcall.people.rates import rate

SIZES = (96, 64, 48, 40, 32, 28, 24, 20)  # pixels, the shorter side of the face
NOBODY = "dogs.jpg"


def detect(engine: Engine, folder: Path) -> dict[str, Any]:
    truth, photos = _material(folder)
    found, extra, total = found_in_photos(engine, folder)
    elsewhere = {name: len(engine.analyze([photo])[0]) for name, photo in photos.items() if name not in truth}
    faces = [(photos[name], box) for name, boxes in sorted(truth.items()) for box in boxes]
    return {
        "found": rate(found, total),
        "false_boxes": extra,
        "faces_in_photos_without_truth": elsewhere,
        "nobody_in": {NOBODY: elsewhere.get(NOBODY) == 0},
        "by_size": {f"{size} px": _recall(engine, faces, size) for size in SIZES},
    }


def found_in_photos(engine: Engine, folder: Path, *, min_face: int | None = None) -> tuple[int, int, int]:
    """Annotated faces that are found in their photos, boxes that are none of them, and how many faces there are.

    min_face: pixels; None: as the engine was made.
    """
    truth, photos = _material(folder)
    found, extra = 0, 0
    for name, expected in truth.items():
        boxes = [face.box for face in engine.analyze([photos[name]], min_face=min_face)[0]]
        found += sum(_is_found(face, boxes) for face in expected)
        extra += sum(not _is_found(box, expected) for box in boxes)
    return found, extra, sum(map(len, truth.values()))


def _material(folder: Path) -> tuple[dict[str, list[Box]], dict[str, Image]]:
    truth: dict[str, list[Box]] = json.loads((folder / "boxes.json").read_text())
    return truth, {photo.name: read(photo) for photo in sorted(folder.glob("*.jpg"))}


def _recall(engine: Engine, faces: list[tuple[Image, Box]], size: int) -> dict[str, Any]:
    """The faces that are found, each in its whole photo, made so small that the face has this size."""
    found = 0
    fitting = [(photo, box) for photo, box in faces if min(box[2:]) >= size]
    for photo, box in fitting:
        scale = size / min(box[2:])
        small = np.asarray(cv2.resize(photo, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), dtype=np.uint8)
        left, top, width, height = (side * scale for side in box)
        found += _is_found((left, top, width, height), [face.box for face in engine.analyze([small])[0]])
    return rate(found, len(fitting))


def _is_found(box: Box, among: list[Box]) -> bool:
    return max((iou(box, other) for other in among), default=0.0) > FOUND_IOU
