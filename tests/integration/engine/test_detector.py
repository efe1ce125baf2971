"""The detectors with their real weights: what is a face, what is none, in photos and in frames."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from benchmarks.accuracy.material import FOUND_IOU, iou
from rollcall.contracts.detector_names import DETECTOR_FILES
from rollcall.engine.engine import Engine, load_engine
from rollcall.engine.face import Image
from rollcall.engine.pyramid import Octaves
from rollcall.weights.folder import ensure_model_files

DATA = Path(__file__).parents[4] / "shared" / "data"
CASES = Path(__file__).parents[4] / "shared" / "cases" / "faces"
needs_data = pytest.mark.skipif(not DATA.is_dir(), reason="../shared/data with its photos is not here")
needs_cases = pytest.mark.skipif(not CASES.is_dir(), reason="../shared/cases with its faces is not here")

# hands, a coat and a poster that MTCNN takes for faces: frame of friends.mp4, and a box in it
TAKEN_FOR_FACES = {
    26: (704, 436, 111, 122),
    90: (617, 411, 135, 141),
    108: (1070, 531, 61, 68),
    386: (1078, 64, 71, 90),
    404: (592, 480, 103, 132),
    478: (726, 562, 169, 158),
    482: (394, 532, 82, 107),
    626: (435, 385, 81, 104),
}
PEOPLE_IN_FRAME = 2


@pytest.fixture(scope="module", params=DETECTOR_FILES)
def each(request: pytest.FixtureRequest) -> Engine:
    return load_engine(ensure_model_files(), detector=request.param, min_face=20)


def photo(path: Path) -> Image:
    return np.asarray(cv2.imread(str(path)), dtype=np.uint8)


@needs_data
def test_either_detector_finds_the_annotated_faces_and_nothing_else(each: Engine) -> None:
    truth = json.loads((DATA / "detection" / "boxes.json").read_text())

    for name, boxes in truth.items():
        faces = [face.box for face in each.analyze([photo(DATA / "detection" / name)])[0]]
        found = [max(iou(tuple(box), face) for face in faces) for box in boxes]
        assert min(found) > FOUND_IOU, name
        assert len(faces) == len(boxes), name
    assert each.analyze([photo(DATA / "detection" / "dogs.jpg")]) == [[]]


@needs_data
def test_the_detector_in_use_is_named(each: Engine) -> None:
    assert each.identity.detector.partition("@")[0] in DETECTOR_FILES


@needs_data
@pytest.mark.parametrize("pixels", [20, 24, 32])
def test_small_faces_are_found(engine: Engine, pixels: int) -> None:
    truth = json.loads((DATA / "detection" / "boxes.json").read_text())
    found = total = 0
    for name, boxes in truth.items():
        scale = pixels / min(min(box[2:]) for box in boxes)
        small = cv2.resize(photo(DATA / "detection" / name), None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        faces = [face.box for face in engine.analyze([np.asarray(small, dtype=np.uint8)])[0]]
        scaled = [tuple(side * scale for side in box) for box in boxes]
        found += sum(max((iou(box, face) for face in faces), default=0.0) > FOUND_IOU for box in scaled)
        total += len(boxes)

    assert found >= total - 1


@needs_cases
def test_a_cash_register_has_no_face(engine: Engine) -> None:
    assert engine.analyze([photo(CASES / "toy.jpg")]) == [[]]


@needs_cases
def test_a_face_that_leans_on_a_hand_is_found(engine: Engine) -> None:
    (face,) = engine.analyze([photo(CASES / "demo2.jpg")])[0]

    assert iou(face.box, (210, 44, 120, 150)) > FOUND_IOU


@needs_cases
def test_hands_in_a_scene_are_no_faces() -> None:
    engine = load_engine(ensure_model_files(), min_face=40)
    clip = cv2.VideoCapture(str(CASES / "friends.mp4"))
    for number in range(max(TAKEN_FOR_FACES) + 1):
        clip.grab()
        if number not in TAKEN_FOR_FACES:
            continue
        faces = engine.analyze([np.asarray(clip.retrieve()[1], dtype=np.uint8)])[0]
        assert len(faces) == PEOPLE_IN_FRAME, number
        assert max(iou(face.box, TAKEN_FOR_FACES[number]) for face in faces) < 0.001, number


@needs_data
@pytest.mark.parametrize("min_face", [20, 40])
def test_a_large_picture_has_the_faces_of_a_small_one(engine: Engine, min_face: int) -> None:
    group = photo(DATA / "detection" / "2009_004587.jpg")
    large = cv2.resize(group, None, fx=7, fy=7, interpolation=cv2.INTER_LINEAR)  # searched in parts

    faces = engine.analyze([group], min_face=min_face)[0]
    found = engine.analyze([np.asarray(large, dtype=np.uint8)], min_face=min_face)[0]

    boxes = [(x / 7, y / 7, width / 7, height / 7) for x, y, width, height in (face.box for face in found)]
    assert [face for face in faces if max(iou(face.box, box) for box in boxes) < 0.7] == []


@needs_data
def test_noise_does_not_hide_a_large_face(engine: Engine) -> None:
    noise = np.random.default_rng(0)
    photos = [photo(path) for path in sorted((DATA / "johns").glob("*/*.jpg"))[::4]]
    noisy = [np.clip(image + noise.normal(0, 40, image.shape), 0, 255).astype(np.uint8) for image in photos]

    assert sum(bool(faces) for faces in engine.analyze(noisy)) >= len(photos) - 1


@needs_data
def test_faces_do_not_depend_on_the_other_frames_of_a_pack() -> None:
    engine = load_engine(ensure_model_files(), min_face=40)
    names = ("2007_007763.jpg", "dogs.jpg", "2008_002079.jpg", "bald_guys.jpg")
    frames = [photo(DATA / "detection" / name) for name in names]
    detector = engine.detector  # type: ignore[attr-defined]

    together = detector.detect_each([Octaves(frame) for frame in frames], min_face=40)

    for frame, found in zip(frames, together, strict=True):
        alone = detector.detect(Octaves(frame), min_face=40)
        assert (found.corners == alone.corners).all()
        assert (found.confidence == alone.confidence).all()
