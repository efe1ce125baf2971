"""No speed-up may quietly change what is found in frames: the search for faces of 40 pixels and more, pinned."""

import json
import platform
from typing import Any

import numpy as np
import pytest

from rollcall.engine.engine import Engine, load_engine
from rollcall.people.tracks import overlaps
from rollcall.weights.folder import ensure_model_files
from tests.integration.engine.golden_frames import DATA, EMBEDDER, GOLDEN, MIN_FACE, faces_of, pictures

LEAST_OVERLAP = 0.9  # intersection over union: a box may move by a few pixels
# a bad photo of one person; two people are 0.6 apart. Pinned on x86_64: on arm64 OpenCV decodes and shrinks frames
# with other roundings.
MOST_APART = 0.1 if platform.machine() == "x86_64" else 0.15
# beyond doubt: what is smaller or less sure may come and go with the layout of the pyramid
SURE_SIZE, SURE_CONFIDENCE = 50, 0.95

pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="../shared/data with its clips is not here")

Faces = list[dict[str, Any]]


@pytest.fixture(scope="module")
def engine() -> Engine:
    return load_engine(ensure_model_files(), EMBEDDER, min_face=MIN_FACE)


def sure(faces: Faces) -> Faces:
    return [face for face in faces if min(face["box"][2:]) >= SURE_SIZE and face["confidence"] >= SURE_CONFIDENCE]


def missing(faces: Faces, among: Faces) -> list[str]:
    """The faces that are not among the others, and what is wrong."""
    complaints = []
    for face in faces:
        shared = overlaps([face["box"]], [other["box"] for other in among])[0] if among else np.zeros(1)
        if shared.max() < LEAST_OVERLAP:
            complaints.append(f"no face at {face['box']}, nearest overlaps by {shared.max():.2f}")
            continue
        apart = np.linalg.norm(np.subtract(face["embedding"], among[int(shared.argmax())]["embedding"]))
        if apart > MOST_APART:
            complaints.append(f"the face at {face['box']} is {apart:.3f} from what was pinned")
    return complaints


def test_faces_of_frames_are_those_pinned(engine: Engine) -> None:
    golden = json.loads(GOLDEN.read_text())
    seen = {name: faces_of(engine, picture) for name, picture in pictures()}

    assert seen.keys() == golden.keys()
    lost = {name: missing(sure(golden[name]), seen[name]) for name in golden}
    new = {name: missing(sure(seen[name]), golden[name]) for name in golden}
    assert not {name: complaints for name, complaints in lost.items() if complaints}
    assert not {name: complaints for name, complaints in new.items() if complaints}


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda face: [], "no face"),
        (lambda face: [face | {"box": [edge * 1.05 for edge in face["box"]]}], "no face"),
        (lambda face: [face | {"embedding": [number + 0.02 for number in face["embedding"]]}], "0.226 from"),
    ],
    ids=["lost", "moved", "another embedding"],
)
def test_a_change_beyond_the_tolerance_is_told(change: Any, complaint: str) -> None:
    (face,) = json.loads(GOLDEN.read_text())["detection/Tom_Cruise_avp_2014_4.jpg"]

    (told,) = missing([face], change(face))

    assert complaint in told


def test_a_change_within_the_tolerance_is_not() -> None:
    (face,) = json.loads(GOLDEN.read_text())["detection/Tom_Cruise_avp_2014_4.jpg"]
    changed = face | {
        "box": [edge + 2 for edge in face["box"]],
        "embedding": [number + 0.005 for number in face["embedding"]],
    }

    assert missing([face], [changed]) == []
