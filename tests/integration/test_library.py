"""Rollcall as a library: what README shows, with real photos."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

import rollcall

JOHNS = Path(__file__).parents[3] / "shared" / "data" / "johns"
ENROLLED, STRANGER = ("John_Salley", "John_Simm"), "John_Savage"

pytestmark = pytest.mark.skipif(not JOHNS.is_dir(), reason="../shared/data with its photos is not here")


def photos(person: str) -> list[Path]:
    return sorted((JOHNS / person).glob("*.jpg"))


@pytest.fixture(scope="module")
def engine() -> rollcall.Engine:
    return rollcall.load_engine()


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with three photos of each person enrolled."""
    folder = tmp_path_factory.mktemp("people")
    for person in ENROLLED:
        (folder / person).mkdir()
        for photo in photos(person)[:3]:
            shutil.copy(photo, folder / person)
    yield folder


def test_the_five_lines_of_the_readme(engine: rollcall.Engine, people: Path) -> None:
    gallery = rollcall.load_gallery(people, engine)

    answers = {
        person: [match.name for match in rollcall.name_faces(rollcall.find_faces(photos(person)[-1], engine), gallery)]
        for person in (*ENROLLED, STRANGER)
    }

    assert answers == {**{person: [person] for person in ENROLLED}, STRANGER: [None]}


def test_a_picture_in_memory_has_the_faces_of_its_file(engine: rollcall.Engine) -> None:
    photo = photos(STRANGER)[0]

    (face,) = rollcall.find_faces(np.asarray(cv2.imread(str(photo)), dtype=np.uint8), engine)
    (of_file,) = rollcall.find_faces(str(photo), engine)

    assert face.box == pytest.approx(of_file.box, abs=1)


def test_what_cannot_be_read_is_named_with_the_reason(engine: rollcall.Engine, tmp_path: Path) -> None:
    text = tmp_path / "letter.jpg"
    text.write_text("Dear Ann")

    with pytest.raises(rollcall.PhotoError, match="letter.jpg: "):
        rollcall.find_faces(text, engine)
    with pytest.raises(rollcall.PhotoError, match="none.jpg: "):
        rollcall.find_faces(tmp_path / "none.jpg", engine)
    with pytest.raises(rollcall.PhotoError, match=": Is a directory"):
        rollcall.find_faces(tmp_path, engine)
    with pytest.raises(rollcall.PhotoError, match="/dev/zero: a device, not a file"):  # it never ends
        rollcall.find_faces("/dev/zero", engine)
    with pytest.raises(rollcall.UsageError, match="nobody in it"):
        rollcall.load_gallery(tmp_path, engine)


@pytest.mark.parametrize("threshold", [0, 9, float("nan")])
def test_a_threshold_that_names_everybody_or_nobody_is_refused(
    engine: rollcall.Engine, people: Path, threshold: float
) -> None:
    with pytest.raises(ValueError, match="use 0.1 to 1.5"):
        rollcall.load_gallery(people, engine, threshold=threshold)


def test_what_opencv_gives_for_a_file_that_it_cannot_read_is_refused(engine: rollcall.Engine) -> None:
    with pytest.raises(ValueError, match="this is NoneType"):
        rollcall.find_faces(cv2.imread("none.jpg"), engine)  # type: ignore[arg-type]


def test_photos_that_are_left_out_are_logged(
    engine: rollcall.Engine, people: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (people / ENROLLED[0] / "letter.jpg").write_text("Dear Ann")

    with caplog.at_level("INFO", logger="rollcall"):
        rollcall.load_gallery([people], engine)

    assert "letter.jpg" in caplog.text


def test_the_package_loads_nothing_until_it_is_used(tmp_path: Path) -> None:
    program = "import sys, rollcall; print([name for name in ('numpy', 'cv2', 'openvino') if name in sys.modules])"

    ran = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True)

    assert ran.stdout.strip() == "[]"


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="nothing"):
        _ = rollcall.nothing
    assert set(rollcall.__all__) <= set(dir(rollcall))
