"""Real photos, good ones and ones made bad, as `rollcall enroll` and `rollcall run --gallery` take them."""

import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pytest

from benchmarks.accuracy.conditions import CONDITIONS, RUINED, cut_out
from rollcall.contracts.embedder_kinds import DEFAULT_EMBEDDER
from rollcall.engine.engine import Engine
from rollcall.engine.face import Image
from rollcall.people.enrollment import NotEnrolled, enrollable_face
from rollcall.people.gallery_source import scan_gallery
from rollcall.people.odd_faces import foreign_ones, load_enrollment_limits, odd_ones
from rollcall.people.photo_enrollment import enroll
from rollcall.people.photo_reader import EnginePhotoReader

DATA = Path(__file__).parents[4] / "shared" / "data"
JOHNS = DATA / "johns"
LIMITS = load_enrollment_limits(DEFAULT_EMBEDDER)
TIGHT = ("150×150, filled", "150×150, filled, tilted")

pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="../shared/data with its photos is not here")
Notes = list[str]


def photo(path: Path) -> Image:
    return np.asarray(cv2.imread(str(path)), dtype=np.uint8)


def judged(engine: Engine, image: Image) -> str | None:
    """The code of the refusal."""
    try:
        enrollable_face(engine.analyze([image])[0], LIMITS)
    except NotEnrolled as refusal:
        return refusal.code
    return None


def drowned(image: Image) -> Image:
    """Shrunk first: as large as it is, most of the noise would be gone in the face chip."""
    small = cv2.resize(image, None, fx=0.35, fy=0.35, interpolation=cv2.INTER_AREA)
    noise = np.random.default_rng(0).normal(0, 60, small.shape)
    return np.asarray(np.clip(small + noise, 0, 255), dtype=np.uint8)


def covered_photo(engine: Engine, image: Image, part: str) -> Image:
    """A part of the largest face painted over."""
    face, painted = engine.analyze([image])[0][0], image.copy()
    left, right, nose = face.landmarks[:3]
    across = float(np.linalg.norm(right - left))
    if part == "eyes":
        for eye in (right, left):
            cv2.ellipse(
                painted,
                np.rint(eye).astype(int).tolist(),
                (round(0.38 * across), round(0.28 * across)),
                0,
                0,
                360,
                (25, 22, 20),
                -1,
            )
    elif part == "mouth":
        top = round(nose[1] - 0.05 * across)
        painted[top : top + round(1.6 * across), round(nose[0] - across) : round(nose[0] + across)] = (205, 190, 170)
    else:
        painted = painted[:, : round(nose[0])]
    return painted


@pytest.mark.parametrize("part", ["eyes", "mouth", "side"])
def test_a_face_that_is_covered_is_refused_with_the_reason_and_weighs_little(engine: Engine, part: str) -> None:
    for path in sorted(JOHNS.glob("*/*.jpg"))[::11]:
        image = covered_photo(engine, photo(path), part)

        seen = [(face.quality.covered, face.quality.weight < 0.45) for face in engine.analyze([image])[0][:1]]

        assert seen in ([], [(part, True)]), path.name
        assert judged(engine, image) in ("covered", "unclear-face", "no-face"), path.name


def test_a_blurred_head_behind_a_face_is_not_meant(engine: Engine) -> None:
    image = photo(sorted((JOHNS / "John_Simm").glob("*.jpg"))[0])
    behind = cv2.GaussianBlur(photo(sorted((JOHNS / "John_Savage").glob("*.jpg"))[0]), (0, 0), 6)
    behind = cv2.resize(behind, (image.shape[1], image.shape[0]))

    assert judged(engine, np.hstack([image, behind])) is None


def test_no_ordinary_photo_is_refused(engine: Engine) -> None:
    for person in sorted(JOHNS.iterdir()):
        found = {path.name: engine.analyze([photo(path)])[0] for path in sorted(person.glob("*.jpg"))}
        assert {name: enrollable_face(faces, LIMITS) for name, faces in found.items()} == dict.fromkeys(found, 0)
        embeddings = np.array([faces[0].embedding for faces in found.values()])
        assert odd_ones(embeddings, most_apart=LIMITS.most_apart) == []


@pytest.mark.parametrize("condition", TIGHT)
def test_no_small_crop_that_the_face_fills_is_refused(engine: Engine, condition: str) -> None:
    for path in sorted(JOHNS.glob("*/*.jpg"))[::4]:
        (face,) = engine.analyze([photo(path)])[0]
        crop = CONDITIONS[condition](*cut_out(photo(path), face.box))

        assert crop.shape == (150, 150, 3)
        assert judged(engine, crop) is None, path.name


@pytest.mark.parametrize(
    ("ruin", "code"),
    [
        (RUINED["16 px"], "too-small"),
        (RUINED["blurred, 8 %"], "blurred"),
        (lambda image, box: drowned(image), "blurred"),
        (lambda image, box: np.asarray(image * 0.1, dtype=np.uint8), "bad-light"),
        (lambda image, box: np.hstack([image, image[:, ::-1]]), "many-faces"),
        (lambda image, box: np.full_like(image, 128), "no-face"),
    ],
    ids=["too small", "blurred", "noisy", "dark", "two faces", "no face"],
)
def test_a_photo_that_would_spoil_a_person_is_refused(
    engine: Engine, ruin: Callable[[Image, tuple[float, float, float, float]], Image], code: str
) -> None:
    image = photo(DATA / "detection" / "Tom_Cruise_avp_2014_4.jpg")
    (face,) = engine.analyze([image])[0]

    assert judged(engine, image) is None
    assert judged(engine, ruin(image, face.box)) == code


def test_bad_photos_and_photos_of_others_are_left_out_with_their_reasons(engine: Engine, tmp_path: Path) -> None:
    # Given a folder of three good photos, a blurred one and one of somebody else
    folder = tmp_path / "John Simm"
    folder.mkdir()
    good = sorted((JOHNS / "John_Simm").glob("*.jpg"))[:3]
    for path in good:
        shutil.copy(path, folder)
    shutil.copy(sorted((JOHNS / "John_Salley").glob("*.jpg"))[0], folder / "x-other.jpg")
    image = photo(DATA / "detection" / "Tom_Cruise_avp_2014_4.jpg")
    cv2.imwrite(str(folder / "y-blurred.jpg"), cv2.GaussianBlur(image, (0, 0), 30))
    notes: Notes = []

    faces = enroll(scan_gallery([tmp_path], note=pytest.fail), EnginePhotoReader(engine), LIMITS, note=notes.append)

    assert [face.source for face in faces] == [path.name for path in good]
    blurred, other, hint = notes
    assert "y-blurred.jpg: the face is blurred" in blurred
    assert "x-other.jpg: does not look like the person on the 3 others" in other
    assert "1 photo left out as too poor; --accept-poor-photos" in hint


def test_a_photo_of_somebody_under_another_name_is_refused_and_nobody_else_is(engine: Engine) -> None:
    paths = sorted(JOHNS.glob("*/*.jpg"))
    names = [path.parent.name for path in paths]
    embeddings = np.array([engine.analyze([photo(path)])[0][0].embedding for path in paths])
    judge = partial(foreign_ones, embeddings=embeddings, trusted=0, alike=LIMITS.alike, most_apart=LIMITS.most_apart)

    assert judge(names) == {}
    for number in range(0, len(paths), 5):
        renamed = [*names[:number], "Ann", *names[number + 1 :]]
        assert list(judge(renamed)) == [number]
