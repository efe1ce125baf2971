"""The accuracy benchmark on a user's own photos and pairs, with real weights."""

import shutil
from pathlib import Path

import pytest

from benchmarks.accuracy.material import pairs, people_in_folders, read
from benchmarks.accuracy.verification import verify, verify_pairs
from rollcall.contracts.embedder_kinds import DEFAULT_EMBEDDER
from rollcall.engine.engine import Engine
from rollcall.people.calibration import load_calibration

DATA = Path(__file__).parents[4] / "shared" / "data"

pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="../shared/data with its photos is not here")


@pytest.fixture
def people(tmp_path: Path) -> Path:
    for person in ("John_Simm", "John_Savage"):
        (tmp_path / person).mkdir()
        for photo in sorted((DATA / "johns" / person).glob("*.jpg"))[:2]:
            shutil.copy(photo, tmp_path / person)
    shutil.copy(DATA / "detection" / "dogs.jpg", tmp_path / "John_Simm")
    return tmp_path


def test_folders_of_photos_are_measured_and_a_photo_without_a_face_is_named(engine: Engine, people: Path) -> None:
    samples, missed = people_in_folders(engine, people)

    found = verify(samples, missed, load_calibration(DEFAULT_EMBEDDER))

    assert (found["photos"], found["people"], found["without_a_face"]) == (5, 2, ["John_Simm/dogs.jpg"])
    assert (found["rank_1"]["count"], found["rank_1"]["of"]) == (4, 4)
    assert (found["pair_accuracy"]["count"], found["pair_accuracy"]["of"]) == (6, 6)


def test_pairs_are_measured_and_a_photo_without_a_face_matches_nobody(engine: Engine, people: Path) -> None:
    one, other = (f"John_Simm/{path.name}" for path in sorted((people / "John_Simm").glob("0*.jpg")))
    rows = [(one, other, 1), (one, "John_Simm/dogs.jpg", 1), (other, "John_Simm/dogs.jpg", 0)]
    text = "".join(f"{x},{y},{same}\n" for x, y, same in rows)
    (people / "pairs.csv").write_text(f"file_x,file_y,same\n{text}")

    found = verify_pairs(engine, pairs(people / "pairs.csv"), load_calibration(DEFAULT_EMBEDDER))

    assert (found["pairs"], found["without_a_face"]) == (3, ["dogs.jpg"])
    assert (found["false_non_match_rate"]["count"], found["false_match_rate"]["count"]) == (1, 0)
    assert found["same"]["p100"] < 1.2, "a face that is not there has no distance"


def test_folders_in_which_nobody_has_a_face_are_refused(engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "Dog").mkdir()
    shutil.copy(DATA / "detection" / "dogs.jpg", tmp_path / "Dog")

    with pytest.raises(SystemExit, match="no face found in any of its 1 photos"):
        people_in_folders(engine, tmp_path)


def test_a_file_that_is_no_photo_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.jpg").write_bytes(b"no photo")

    with pytest.raises(SystemExit, match=r"x\.jpg cannot be read as a photo"):
        read(tmp_path / "x.jpg")
