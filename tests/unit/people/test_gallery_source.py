import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rollcall.contracts.usage_error import UsageError
from rollcall.people.gallery_source import scan_gallery
from rollcall.people.photo_enrollment import enroll
from tests.unit.people.gallery_photos import LIMITS, Reader, face, ignore, photo, write

GOOD = [0.1] * 128


def test_a_json_list_gives_names_embeddings_and_their_source(tmp_path: Path) -> None:
    gallery = write(tmp_path / "g.json", [{"name": "Ann", "embedding": GOOD}, {"name": "Bo", "embedding": [1] * 128}])

    faces = scan_gallery([gallery], note=ignore).embeddings

    assert [(face.name, face.source, face.model) for face in faces] == [
        ("Ann", "g.json", "dlib-resnet"),
        ("Bo", "g.json", "dlib-resnet"),
    ]
    assert faces[0].embedding.dtype == np.float32
    np.testing.assert_array_equal(faces[1].embedding, np.ones(128, dtype=np.float32))


def test_a_folder_may_hold_photos_and_json_and_paths_add_up(tmp_path: Path) -> None:
    folder = tmp_path / "gallery"
    photo(folder / "Ann" / "1.JPG")
    photo(folder / "Ann" / "2.webp")
    photo(folder / "Bo" / "x.png")
    write(folder / "more.json", [{"name": "Cy", "embedding": GOOD}])
    other = write(tmp_path / "other.json", [{"name": "Ann", "embedding": GOOD}])

    source = scan_gallery([folder, other], note=ignore)

    assert {name: [path.name for path in photos] for name, photos in source.photos.items()} == {
        "Ann": ["1.JPG", "2.webp"],
        "Bo": ["x.png"],
    }
    assert [face.name for face in source.embeddings] == ["Cy", "Ann"]


def test_what_a_folder_holds_beside_photos_is_left_out_aloud(tmp_path: Path) -> None:
    photo(tmp_path / "Ann" / "1.jpg")
    photo(tmp_path / "Ann" / "old" / "deep.jpg")
    photo(tmp_path / "loose.jpg")
    photo(tmp_path / ".thumbnails" / "1.jpg")
    photo(tmp_path / "Ann" / "notes.txt")
    (tmp_path / "Ann" / "camera").write_bytes(b"\xff\xd8\xff\xe0 by its content")
    (tmp_path / "Ann" / "gone.jpg").symlink_to("nowhere")
    (tmp_path / "Empty").mkdir()
    notes: list[str] = []
    failures: list[str] = []

    source = scan_gallery([tmp_path], note=notes.append, fail=failures.append)

    assert {name: [path.name for path in photos] for name, photos in source.photos.items()} == {
        "Ann": ["1.jpg", "camera"]
    }
    expected = ("Ann/notes.txt: not a", "Ann/old: ", "Empty: no photo", "loose.jpg: a photo belongs", ".thumbnails")
    assert len(notes) == len(expected)
    assert all(any(part in line for line in notes) for part in expected)
    (failure,) = failures
    assert "gone.jpg: a link to something that does not exist" in failure


def test_json_of_something_else_beside_the_photos_is_left_out_aloud(tmp_path: Path) -> None:
    photo(tmp_path / "Ann" / "1.jpg")
    write(tmp_path / "groups.json", {"Ann": "white"})
    notes: list[str] = []

    source = scan_gallery([tmp_path], note=notes.append)

    assert list(source.photos) == ["Ann"]
    assert notes == [f"left out {tmp_path / 'groups.json'}: not a JSON list of embeddings"]


def test_a_folder_name_is_composed_so_that_it_equals_the_record_s_name(tmp_path: Path) -> None:
    photo(tmp_path / "Zoe\u0308" / "1.jpg")

    assert list(scan_gallery([tmp_path], note=ignore).photos) == ["Zo\u00eb"]


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("", "not valid JSON"),
        ("{not json", "not valid JSON"),
        ("[" * 100_000, "nested too deeply"),
        ({"name": "Ann", "embedding": GOOD}, "expected a JSON list"),
        ([], "empty list"),
        (["Ann"], "entry 1"),
        ([{"embedding": GOOD}], 'entry 1: "name" is missing'),
        ([{"name": 7, "embedding": GOOD}], "not text"),
        ([{"name": " ", "embedding": GOOD}], "1 to 100 characters"),
        ([{"name": "x" * 101, "embedding": GOOD}], "1 to 100 characters"),
        ([{"name": "a/b", "embedding": GOOD}], "slash"),
        ([{"name": "a\nb", "embedding": GOOD}], "control character"),
        ([{"name": "Unknown", "embedding": GOOD}], "reserved"),
        ([{"name": "no-face", "embedding": GOOD}], "reserved"),
        ([{"name": "..", "embedding": GOOD}], "reserved"),
        ([{"name": "Ann"}], '"embedding" is missing'),
        (
            [{"name": "Ann", "embedding": GOOD}, {"name": "Bo", "embedding": GOOD[1:]}],
            "entry 2 ('Bo'): the embedding has 127",
        ),
        ([{"name": "Ann", "embedding": [*GOOD[1:], "1"]}], "number 128"),
        ([{"name": "Ann", "embedding": [*GOOD[1:], True]}], "bool"),
        ([{"name": "Ann", "embedding": [*GOOD[1:], None]}], "NoneType"),
        ([{"name": "Ann", "embedding": [1e300, *GOOD[1:]]}], "out of range"),
        ([{"name": "Ann", "embedding": [10**350, *GOOD[1:]]}], "out of range"),
        (f'[{{"name": "Ann", "embedding": [{"1" * 4000}]}}]', "a number of 4000 digits"),
        (f'[{{"name": "Ann", "embedding": [-{"1" * 5000}]}}]', "a number of 5001 digits"),
        ('[{"name": "Ann", "embedding": [1e400]}]', "larger than any number"),
        ('[{"name": "Ann", "name": "Bo", "embedding": []}]', "'name' is there twice"),
        ([{"name": "\ud800", "embedding": GOOD}], "control character"),
        ('[{"name": "Ann", "embedding": [NaN]}]', "NaN is not a JSON number"),
        ('[{"name": "Ann", "embedding": [-Infinity]}]', "Infinity is not a JSON number"),
        ([{"name": "Ann", "embedding": GOOD, "model": 3}], '"model"'),
        (
            [{"name": "Ann", "embedding": GOOD, "model": "arcface"}],
            "'arcface', not the name of an embedder: fused",
        ),
        ([{"name": "Ann", "embedding": GOOD * 4}], "has 512 numbers, those of dlib-resnet have 128"),
        ([{"name": "Ann", "embedding": GOOD, "model": "facenet"}], "has 128 numbers, those of facenet have 512"),
    ],
)
def test_a_broken_list_is_refused_with_file_and_entry(tmp_path: Path, content: Any, complaint: str) -> None:
    gallery = write(tmp_path / "gallery.json", content)

    with pytest.raises(UsageError) as refusal:
        scan_gallery([gallery], note=ignore)

    assert str(gallery) in str(refusal.value)
    assert complaint in str(refusal.value)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-be"])
def test_json_that_is_not_utf_8_is_refused(tmp_path: Path, encoding: str) -> None:
    gallery = tmp_path / "gallery.json"
    gallery.write_bytes(json.dumps([{"name": "Ann", "embedding": GOOD}]).encode(encoding))

    with pytest.raises(UsageError, match="save it as UTF-8"):
        scan_gallery([gallery], note=ignore)


@pytest.mark.parametrize("make", [lambda path: None, lambda path: path.mkdir()])
def test_a_missing_or_empty_gallery_is_refused(tmp_path: Path, make: Callable[[Path], None]) -> None:
    make(tmp_path / "gallery")

    with pytest.raises(UsageError, match="^gallery /"):  # and not --gallery, which `rollcall enroll` does not have
        scan_gallery([tmp_path / "gallery"], note=ignore)


def test_a_bad_photo_is_left_out_aloud_when_the_person_has_a_good_one(tmp_path: Path) -> None:
    for name in ("good.jpg", "broken.jpg", "crowd.jpg", "wall.jpg"):
        photo(tmp_path / "Ann" / name)
    reader = Reader(
        {"good.jpg": [face(100)], "broken.jpg": "cannot be decoded", "crowd.jpg": [face(60), face(50)], "wall.jpg": []}
    )
    notes: list[str] = []

    faces = enroll(scan_gallery([tmp_path], note=ignore), reader, LIMITS, note=notes.append)

    assert [(face.name, face.source, face.weight) for face in faces] == [("Ann", "good.jpg", 0.5)]
    assert len(notes) == 3
    assert any("crowd.jpg" in line and "2 faces" in line for line in notes)
    assert any("wall.jpg" in line and "no face" in line for line in notes)
    assert any("broken.jpg" in line and "cannot be decoded" in line for line in notes)


def test_of_several_faces_one_of_twice_the_area_is_meant(tmp_path: Path) -> None:
    photo(tmp_path / "Ann" / "1.jpg")
    large, small = face(100, seed=1), face(70, seed=2)  # 10,000 against 4,900 pixels

    (enrolled,) = enroll(scan_gallery([tmp_path], note=ignore), Reader({"1.jpg": [large, small]}), LIMITS, note=ignore)

    np.testing.assert_array_equal(enrolled.embedding, large.embedding)


def test_a_photo_of_somebody_else_is_left_out_aloud(tmp_path: Path) -> None:
    for number in range(3):
        photo(tmp_path / "Ann" / f"{number}.jpg")
    ann, other = face(100, seed=1), face(100, seed=2)
    reader = Reader({"0.jpg": [ann], "1.jpg": [other], "2.jpg": [ann]})
    notes: list[str] = []

    faces = enroll(scan_gallery([tmp_path], note=ignore), reader, LIMITS, note=notes.append)

    assert [face.source for face in faces] == ["0.jpg", "2.jpg"]
    (line,) = notes
    assert "1.jpg" in line and "does not look like" in line


def test_embeddings_of_a_person_count_but_are_not_judged(tmp_path: Path) -> None:
    photo(tmp_path / "Ann" / "1.jpg")
    photo(tmp_path / "Ann" / "2.jpg")
    write(tmp_path / "ann.json", [{"name": "Ann", "embedding": GOOD}])
    ann = face(100, seed=1)

    faces = enroll(scan_gallery([tmp_path], note=ignore), Reader({"1.jpg": [ann], "2.jpg": [ann]}), LIMITS, note=ignore)

    assert [face.source for face in faces] == ["ann.json", "1.jpg", "2.jpg"]


def test_a_person_without_any_usable_photo_is_refused_with_the_reasons(tmp_path: Path) -> None:
    photo(tmp_path / "Ann" / "1.jpg")
    photo(tmp_path / "Ann" / "2.jpg")

    with pytest.raises(UsageError) as refusal:
        enroll(scan_gallery([tmp_path], note=ignore), Reader({"1.jpg": [], "2.jpg": "unreadable"}), LIMITS, note=ignore)

    assert all(part in str(refusal.value) for part in ("Ann/1.jpg", "no face", "2.jpg", "unreadable"))


def test_people_without_any_usable_photo_are_all_told_and_the_others_enrolled(tmp_path: Path) -> None:
    reader = Reader({"1.jpg": [], "2.jpg": "unreadable", "3.jpg": [face(100)]})
    for name in ("Ann/1.jpg", "Bo/2.jpg", "Cy/3.jpg", "no-face/3.jpg"):
        photo(tmp_path / name)
    notes: list[str] = []
    failures: list[str] = []

    source = scan_gallery([tmp_path], note=notes.append, fail=failures.append)
    faces = enroll(source, reader, LIMITS, note=notes.append, fail=failures.append)

    assert [each.name for each in faces] == ["Cy"]
    assert [line.partition(": ")[0].rpartition("/")[2] for line in notes] == ["1.jpg", "2.jpg"]
    assert ["'no-face' is reserved" in failures[0], "Ann" in failures[1], "Bo" in failures[2]] == [True] * 3


@pytest.mark.parametrize("content", ["[", "[]", [{"name": "Bo"}], "[" * 100_000])
def test_a_broken_list_beside_others_loses_nobody_else(tmp_path: Path, content: Any) -> None:
    good = write(tmp_path / "good.json", [{"name": "Ann", "embedding": GOOD}])
    broken = write(tmp_path / "broken.json", content)

    for paths in ([tmp_path], [broken, good]):
        notes: list[str] = []
        failures: list[str] = []
        source = scan_gallery(paths, note=notes.append, fail=failures.append)

        assert [face.name for face in source.embeddings] == ["Ann"]
        (line,) = failures
        assert line.startswith(f"failed {broken}: ") and line.count(str(broken)) == 1
        assert not notes


def test_a_message_quotes_no_more_than_the_beginning(tmp_path: Path) -> None:
    for value in ("x" * 10_000, ["x"] * 10_000, "\x1b" * 10_000):
        gallery = write(tmp_path / "gallery.json", [{"name": "Ann", "embedding": GOOD, "model": value}])

        with pytest.raises(UsageError) as refusal:
            scan_gallery([gallery], note=ignore)

        assert len(str(refusal.value)) < len(str(gallery)) + 300


def test_one_bad_path_of_several_does_not_lose_the_others(tmp_path: Path) -> None:
    gallery = write(tmp_path / "g.json", [{"name": "Ann", "embedding": GOOD}])
    failures: list[str] = []

    source = scan_gallery([tmp_path / "nowhere", gallery], note=ignore, fail=failures.append)

    assert [each.name for each in source.embeddings] == ["Ann"]
    assert failures == [f"failed {tmp_path / 'nowhere'}: no such file or folder"]


def test_a_person_with_an_embedding_needs_no_usable_photo(tmp_path: Path) -> None:
    photo(tmp_path / "Ann" / "1.jpg")
    write(tmp_path / "ann.json", [{"name": "Ann", "embedding": GOOD}])

    faces = enroll(scan_gallery([tmp_path], note=ignore), Reader({"1.jpg": []}), LIMITS, note=ignore)

    assert [face.source for face in faces] == ["ann.json"]


def test_embeddings_of_a_real_face_survive_json(tmp_path: Path) -> None:
    embedding = face(1).embedding
    gallery = write(tmp_path / "g.json", [{"name": "Ann", "embedding": [float(x) for x in embedding]}])

    (enrolled,) = scan_gallery([gallery], note=ignore).embeddings

    np.testing.assert_array_equal(enrolled.embedding, embedding)
    assert math.isfinite(float(enrolled.embedding.sum()))
