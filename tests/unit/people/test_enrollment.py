from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from rollcall.engine.face import Face, Quality
from rollcall.people.enrollment import NotEnrolled, enrollable_face, normal_name
from rollcall.people.odd_faces import foreign_ones, load_enrollment_limits, odd_ones

LIMITS = load_enrollment_limits("dlib-resnet")
GOOD = Quality(size=100.0, sharpness=1.0, yaw=0.0, roll=0.0, exposure=1.0, weight=1.0)


@pytest.mark.parametrize(
    "name",
    [
        *("unknown", "Unknown", "unknown-1", "UNKNOWN-12", "no-face", "..", " ", "a/b", "a\nb"),
        *("no\u2010face", "unknown\u20111", "unknown\u22121", "unknown-\u0661"),  # other hyphens, other digits
    ],
)
def test_names_that_results_use_or_files_cannot_have_are_refused(name: str) -> None:
    with pytest.raises(NotEnrolled):
        normal_name(name)


@pytest.mark.parametrize("name", ["Ann", "unknown soldier", "unknown-x", "Zoë", "李雷"])
def test_other_names_stay_as_they_are(name: str) -> None:
    assert normal_name(name) == name


def test_an_accent_is_stored_in_one_form_however_it_was_typed() -> None:
    assert normal_name("Zoe\u0308") == "Zo\u00eb"


def seen(side: float = 100.0, confidence: float = 1.0, **quality: Any) -> Face:
    landmarks, embedding = np.zeros((5, 2), dtype=np.float32), np.zeros(128, dtype=np.float32)
    return Face((0.0, 0.0, side, side), confidence, landmarks, embedding, replace(GOOD, **quality))


@pytest.mark.parametrize(
    ("faces", "code"),
    [
        ([], "no-face"),
        ([seen(100), seen(80)], "many-faces"),
        ([seen(size=LIMITS.least_size - 1)], "too-small"),
        ([seen(sharpness=LIMITS.least_sharpness - 0.01)], "blurred"),
        ([seen(exposure=LIMITS.least_exposure / 2)], "bad-light"),
        ([seen(yaw=LIMITS.most_yaw + 1)], "turned-away"),
        ([seen(yaw=-LIMITS.most_yaw - 1)], "turned-away"),
        ([seen(confidence=LIMITS.least_confidence - 0.01)], "unclear-face"),
    ],
)
def test_a_photo_that_would_spoil_a_person_is_refused_in_one_line_that_says_what_to_do(
    faces: list[Face], code: str
) -> None:
    with pytest.raises(NotEnrolled) as refusal:
        enrollable_face(faces, LIMITS)

    assert refusal.value.code == code
    assert "use a" in str(refusal.value) or "crop" in str(refusal.value)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    "faces",
    [
        [seen(100), seen(70)],
        [seen(size=LIMITS.least_size)],
        [seen(sharpness=LIMITS.least_sharpness, exposure=LIMITS.least_exposure, yaw=LIMITS.most_yaw)],
        [seen(), seen(10, size=10.0, confidence=0.1)],
    ],
    ids=["half the area", "just large enough", "just good enough", "only the main face counts"],
)
def test_a_photo_at_the_limit_is_used(faces: list[Face]) -> None:
    assert enrollable_face(faces, LIMITS) == 0


@pytest.mark.parametrize(
    ("places", "odd"),
    [
        ([], []),
        ([0.0], []),
        ([0.0, 9.0], []),
        ([0.0, 0.5, 9.0], [2]),
        ([9.0, 0.0, 0.5], [0]),
        ([0.0, 0.9, 1.8, 9.0], [3]),
        ([0.0, 0.5, 9.0, 9.5], []),
        ([0.0, 0.5, 0.7, 9.0, 9.5], [3, 4]),
        ([0.0, 5.0, 9.0], []),
    ],
    ids=["none", "one", "one against one", "one of three", "the first", "by way of others", "two against two",
         "three against two", "nobody agrees"],
)  # fmt: skip
def test_a_photo_unlike_the_others_is_odd_where_the_others_agree(places: list[float], odd: list[int]) -> None:
    embeddings = np.zeros((len(places), 128), dtype=np.float32)
    embeddings[:, 0] = places

    assert odd_ones(embeddings, most_apart=1.0) == odd


@pytest.mark.parametrize(
    ("people", "trusted", "foreign"),
    [
        ([], 0, {}),
        ([("Ann", 0.0), ("Bob", 9.0)], 0, {}),
        ([("Ann", 0.0), ("Ann", 0.0)], 0, {}),
        ([("Ann", 0.0), ("Bob", 0.1)], 0, {1: 0}),
        ([("Ann", 0.0), ("Bob", 0.0), ("Bob", 0.3)], 0, {0: 1}),
        ([("Ann", 0.0), ("Bob", 0.1), ("Bob", 9.0)], 0, {1: 0}),
        ([("Ann", 0.0), ("Ann", 0.1), ("Bob", 0.4), ("Bob", 0.5)], 0, {}),
        ([("Ann", 0.0), ("Ann", 0.2), ("Ann", 0.4), ("Bob", 0.12), ("Bob", 0.31)], 0, {3: 1, 4: 2}),
        ([("Ann", 0.0), ("Bob", 0.1)], 2, {}),
        ([("Ann", 0.0), ("Bob", 0.15), ("Bob", 0.2)], 1, {}),
        ([("Ann", 0.0), ("Bob", 0.4), ("Bob", 0.0)], 1, {1: 0, 2: 0}),
    ],
    ids=["none", "apart", "twice under one name", "one photo each", "one among the photos of another, given first",
         "of a person's two photos", "neighbors nearer to their own", "a whole person", "all trusted",
         "nearer to its own", "one given before"],
)  # fmt: skip
def test_a_photo_of_somebody_who_has_another_name_is_foreign(
    people: list[tuple[str, float]], trusted: int, foreign: dict[int, int]
) -> None:
    embeddings = np.zeros((len(people), 128), dtype=np.float32)
    embeddings[:, 0] = [place for _, place in people]

    found = foreign_ones([name for name, _ in people], embeddings, trusted=trusted, alike=0.5, most_apart=0.6)

    assert found == foreign


@pytest.mark.parametrize(
    ("face", "shown"),
    [
        ({"size": 23.6}, "23.6 pixels wide; use a photo in which it has 24 or more"),
        ({"size": 23.9996}, "23.9996 pixels wide; use a photo in which it has 24 or more"),
        ({"size": 12.3}, "12 pixels wide; use a photo in which it has 24 or more"),
        ({"yaw": -45.02}, "about 45.02°, more than 45°"),
    ],
)
def test_a_rounded_number_never_contradicts_the_rule(face: dict[str, float], shown: str) -> None:
    limits = replace(LIMITS, least_size=24, most_yaw=45)

    with pytest.raises(NotEnrolled) as refusal:
        enrollable_face([seen(**face)], limits)

    assert shown in str(refusal.value)
