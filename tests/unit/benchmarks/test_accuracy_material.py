"""Material that users bring to the accuracy benchmark: one clear line for whatever is wrong with it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.accuracy.material import pairs, photos_of_people

HEADER = "file_x,file_y,same\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "b").mkdir()
    for name in ("a.jpg", "b/c.jpg", "d.jpg"):
        (tmp_path / name).write_bytes(b"a photo is not opened to read the pairs")
    return tmp_path


def test_pairs_are_read_from_their_own_folder(folder: Path) -> None:
    # as a spreadsheet writes it: a mark at the start, another order, one column more, blanks
    (folder / "pairs.csv").write_text(
        "\ufeffsame,file_x,file_y,note\n1,a.jpg, b/c.jpg ,\nFalse,a.jpg,d.jpg,x\nYES,a.jpg,a.jpg,\n", encoding="utf-8"
    )

    a, c, d = (folder / name for name in ("a.jpg", "b/c.jpg", "d.jpg"))
    assert pairs(folder / "pairs.csv") == [(a, c, True), (a, d, False), (a, a, True)]


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("", "expected the columns file_x, file_y and same"),
        (HEADER, "and a row for each pair"),
        ("file_x,file_y\na.jpg,d.jpg\n", "expected the columns file_x, file_y and same"),
        (HEADER + "a.jpg,d.jpg,1\na.jpg,gone.jpg,0\n", "pair 2: there is no photo"),
        (HEADER + "a.jpg,,1\n", "pair 1: there is no photo"),
        (HEADER + "a.jpg\n", "pair 1: same is None"),
        (HEADER + "a.jpg,d.jpg,1\na.jpg,d.jpg,maybe\n", "pair 2: same is 'maybe'; expected one of 1, true, yes"),
        ("\x00\x00\x00", "pairs.csv: "),
    ],
    ids=["empty", "no row", "no column same", "missing photo", "no name", "a short row", "no truth", "no text"],
)
def test_a_file_of_broken_pairs_is_refused_in_one_line(folder: Path, content: str, complaint: str) -> None:
    (folder / "pairs.csv").write_text(content)

    with pytest.raises(SystemExit) as refusal:
        pairs(folder / "pairs.csv")

    assert complaint in str(refusal.value)
    assert str(folder / "pairs.csv") in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_pairs_that_are_no_text_or_not_there_are_refused(folder: Path) -> None:
    (folder / "photo.csv").write_bytes(b"\xff\xd8\xff\xe0" * 100)

    for name in ("photo.csv", "gone.csv"):
        with pytest.raises(SystemExit, match=f"{name}: cannot be read as a CSV"):
            pairs(folder / name)


def test_photos_are_found_whatever_their_ending(folder: Path) -> None:
    for name in ("b/1.JPG", "b/2.png", "b/3.webp", "b/notes.txt"):
        (folder / name).write_bytes(b"")

    assert [path.name for path in photos_of_people(folder)] == ["1.JPG", "2.png", "3.webp", "c.jpg"]


@pytest.mark.parametrize("make", [lambda path: None, Path.mkdir, Path.touch], ids=["missing", "empty", "a file"])
def test_a_folder_without_people_is_refused(tmp_path: Path, make: Callable[[Path], None]) -> None:
    make(tmp_path / "people")

    with pytest.raises(SystemExit, match=r"people: expected a folder for each person"):
        photos_of_people(tmp_path / "people")
