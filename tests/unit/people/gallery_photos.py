"""Galleries of photos that no engine looks at: a reader knows what is in each."""

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from rollcall.engine.face import Face, Quality
from rollcall.people.odd_faces import load_enrollment_limits
from rollcall.people.photo_enrollment import PhotoError

LIMITS = load_enrollment_limits("dlib-resnet")


def ignore(_line: str) -> None:
    pass


def write(path: Path, content: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


def photo(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"its content is the reader's business")
    return path


def face(side: float, seed: int = 0) -> Face:
    generator = np.random.default_rng(seed)
    return Face(
        box=(0.0, 0.0, side, side),
        confidence=1.0,
        landmarks=np.zeros((5, 2), dtype=np.float32),
        embedding=generator.normal(size=128).astype(np.float32),
        quality=Quality(size=side, sharpness=1.0, yaw=0.0, roll=0.0, exposure=1.0, weight=0.5),
    )


class Reader:
    """Knows what is in each photo by its file name."""

    embedder = "dlib-resnet"

    def __init__(self, content: dict[str, list[Face] | str]) -> None:
        self._content = content

    def faces(self, photo: Path) -> list[Face]:
        content = self._content[photo.name]
        if isinstance(content, str):
            raise PhotoError(content)
        return content


def near(known: Face, distance: float) -> Face:
    return replace(known, embedding=known.embedding + np.float32(distance / math.sqrt(128)))
