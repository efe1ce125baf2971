"""Whom a photo of a gallery looks like, and how good it is: what is left out, and what is enrolled all the same."""

import re
from pathlib import Path

import pytest

from rollcall.contracts.usage_error import UsageError
from rollcall.people.gallery_source import scan_gallery
from rollcall.people.gallery_store import EnrolledFace
from rollcall.people.photo_enrollment import enroll
from tests.unit.people.gallery_photos import LIMITS, Reader, face, ignore, near, photo


def test_a_photo_of_somebody_who_has_another_name_is_left_out_aloud(tmp_path: Path) -> None:
    bob, ann = face(100, seed=1), face(100, seed=2)
    folder = {"Ann/1.jpg": near(bob, 0.3), "Ann/2.jpg": ann, "Bob/3.jpg": bob, "Bob/4.jpg": near(bob, 0.4)}
    for name in folder:
        photo(tmp_path / name)
    reader = Reader({Path(name).name: [shown] for name, shown in folder.items()})
    notes: list[str] = []

    faces = enroll(scan_gallery([tmp_path], note=ignore), reader, LIMITS, note=notes.append)

    assert [face.source for face in faces] == ["2.jpg", "3.jpg", "4.jpg"]
    (line,) = notes
    assert "Ann/1.jpg: looks like 'Bob'" in line


def test_one_face_under_two_names_keeps_the_first_and_says_so(tmp_path: Path) -> None:
    photo(tmp_path / "Ann" / "1.jpg")
    photo(tmp_path / "Bob" / "2.jpg")
    ann = face(100, seed=1)
    reader = Reader({"1.jpg": [ann], "2.jpg": [near(ann, 0.2)]})

    notes: list[str] = []

    (kept,) = enroll(scan_gallery([tmp_path], note=ignore), reader, LIMITS, note=notes.append)

    assert kept.name == "Ann"
    (note,) = notes
    assert re.search(r"left out .*Bob/2.jpg: looks like 'Ann'.* use one name", note)


def test_photos_are_compared_with_those_enrolled_before(tmp_path: Path) -> None:
    # Given a deployment that knows Ann from two photos and Bob from one
    ann, bob, other = face(100, seed=1), face(100, seed=2), face(100, seed=3)
    enrolled = [
        EnrolledFace(name=name, embedding=shown.embedding, source="")
        for name, shown in (("Ann", ann), ("Ann", near(ann, 0.3)), ("Bob", bob))
    ]
    # When the same photo of Ann comes again, and with it one of Bob, one of nobody known, and one more of her
    shown = {"1.jpg": ann, "2.jpg": near(bob, 0.2), "3.jpg": other, "4.jpg": near(ann, -0.2)}
    for name in shown:
        photo(tmp_path / "Ann" / name)
    notes: list[str] = []
    reader = Reader({name: [one] for name, one in shown.items()})
    faces = enroll(scan_gallery([tmp_path], note=ignore), reader, LIMITS, note=notes.append, enrolled=enrolled)

    # Then only hers are stored
    assert [face.source for face in faces] == ["1.jpg", "4.jpg"]
    assert ["does not look like" in line for line in notes] == [True, True]


def test_a_single_photo_of_somebody_enrolled_before_is_refused(tmp_path: Path) -> None:
    photo(tmp_path / "Ann" / "1.jpg")
    bob = face(100, seed=2)
    enrolled = [EnrolledFace(name="Bob", embedding=bob.embedding, source="")]
    reader = Reader({"1.jpg": [near(bob, 0.2)]})

    with pytest.raises(UsageError, match="looks like 'Bob'"):
        enroll(scan_gallery([tmp_path], note=ignore), reader, LIMITS, note=ignore, enrolled=enrolled)


def test_a_poor_photo_is_enrolled_with_a_warning_where_somebody_insists(tmp_path: Path) -> None:
    photo(tmp_path / "Ann" / "small.jpg")
    photo(tmp_path / "Bo" / "good.jpg")
    reader = Reader({"small.jpg": [face(LIMITS.least_size - 0.4, seed=1)], "good.jpg": [face(100, seed=2)]})
    source, notes = scan_gallery([tmp_path], note=ignore), list[str]()

    enrolled = enroll(source, reader, LIMITS, note=notes.append, accept_poor=True)

    assert [each.name for each in enrolled] == ["Ann", "Bo"]
    (warning,) = notes
    size = f"{LIMITS.least_size - 0.4:g} pixels wide"
    assert warning.startswith("warning: ")
    assert f"small.jpg: enrolled all the same, though the face is {size}" in warning


def test_whoever_is_left_out_for_a_poor_photo_is_told_how_to_insist(tmp_path: Path) -> None:
    photo(tmp_path / "Ann" / "small.jpg")
    photo(tmp_path / "Bo" / "good.jpg")
    reader = Reader({"small.jpg": [face(LIMITS.least_size - 0.4, seed=1)], "good.jpg": [face(100, seed=2)]})
    notes: list[str] = []

    enrolled = enroll(scan_gallery([tmp_path], note=ignore), reader, LIMITS, note=notes.append)

    assert [each.name for each in enrolled] == ["Bo"]
    assert "1 photo left out as too poor; --accept-poor-photos" in notes[-1]


def test_nobody_is_enrolled_from_a_photo_without_a_face_however_much_somebody_insists(tmp_path: Path) -> None:
    photo(tmp_path / "Ann" / "none.jpg")

    with pytest.raises(UsageError, match="nobody can be enrolled: .*none.jpg: no face found"):
        enroll(scan_gallery([tmp_path], note=ignore), Reader({"none.jpg": []}), LIMITS, note=ignore, accept_poor=True)
