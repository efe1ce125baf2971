"""Faces of fixed pictures as frames of a video are searched, pinned in `golden_frames.json`.

To pin them anew after a change that is meant to move them: python -m tests.integration.engine.golden_frames
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from rollcall.engine.engine import Engine, load_engine
from rollcall.engine.face import Image
from rollcall.weights.folder import ensure_model_files

DATA = Path(__file__).parents[4] / "shared" / "data"
GOLDEN = Path(__file__).with_suffix(".json")
MIN_FACE = 40  # pixels, as the pipeline searches frames
EMBEDDER = "dlib-resnet"  # tells of moved landmarks whatever the default is
CLIPS = tuple(f"videos/test_{number}.mp4" for number in (0, 1, 2, 4, 5, 6, 7, 8))
FRAMES = (0, 30)
PHOTOS = tuple(
    f"detection/{name}.jpg"
    for name in ("2008_001009", "2008_001322", "2008_002506", "2009_004587", "Tom_Cruise_avp_2014_4", "dogs")
)


def pictures() -> Iterator[tuple[str, Image]]:
    for clip in CLIPS:
        capture = cv2.VideoCapture(str(DATA / clip))
        for number in range(max(FRAMES) + 1):
            if capture.grab() and number in FRAMES:
                yield f"{clip}#{number}", np.asarray(capture.retrieve()[1], dtype=np.uint8)
    for photo in PHOTOS:
        yield photo, np.asarray(cv2.imread(str(DATA / photo)), dtype=np.uint8)


def faces_of(engine: Engine, picture: Image) -> list[dict[str, Any]]:
    return [
        {
            "box": [round(edge, 1) for edge in face.box],
            "confidence": round(face.confidence, 3),
            "embedding": [round(float(number), 4) for number in face.embedding],
        }
        for face in engine.analyze([picture])[0]
    ]


def main() -> None:
    engine = load_engine(ensure_model_files(progress=print), EMBEDDER, min_face=MIN_FACE)
    pinned = {name: faces_of(engine, picture) for name, picture in pictures()}
    lines = (f"{json.dumps(name)}: {json.dumps(faces)}" for name, faces in pinned.items())
    GOLDEN.write_text("{\n" + ",\n".join(lines) + "\n}\n")
    print(f"{sum(map(len, pinned.values()))} faces of {len(pinned)} pictures pinned in {GOLDEN}")


if __name__ == "__main__":
    main()
