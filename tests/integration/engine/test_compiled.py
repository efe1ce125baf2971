"""Networks that were compiled once are read, and whatever is wrong with what is kept, the faces are the same."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from rollcall.engine.compiled import FOLDER
from rollcall.engine.sessions import OpenVinoSession, runtime
from rollcall.weights.folder import ensure_model_files

FILE = "detector-onet.onnx"
PICTURES = np.random.default_rng(0).integers(0, 255, (3, 48, 48, 3), dtype=np.uint8)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    shutil.copy2(ensure_model_files() / FILE, tmp_path)
    return tmp_path / FILE


def answers(file: Path, threads: int = 1) -> list[np.ndarray]:
    return [np.array(output) for output in OpenVinoSession(runtime(), file, threads=threads).run(PICTURES)]


def kept(file: Path) -> list[Path]:
    return sorted((file.parent / FOLDER).iterdir())


def same(one: list[np.ndarray], other: list[np.ndarray]) -> bool:
    return all(np.array_equal(*pair) for pair in zip(one, other, strict=True))


def test_what_is_read_gives_the_same_numbers_with_any_number_of_threads(file: Path) -> None:
    compiled = answers(file)
    (blob,) = kept(file)
    written = blob.stat().st_mtime_ns

    assert same(answers(file), compiled)
    assert same(answers(file, threads=2), compiled)
    assert [each.stat().st_mtime_ns for each in kept(file)] == [written]


def test_what_is_damaged_is_compiled_anew(file: Path) -> None:
    compiled = answers(file)
    (blob,) = kept(file)
    whole = blob.read_bytes()
    for damaged in (b"", whole[:1000], b"not a network"):
        blob.write_bytes(damaged)

        assert same(answers(file), compiled)
        assert kept(file) == [blob]
        assert len(blob.read_bytes()) > 0.9 * len(whole)


def test_another_model_file_of_the_same_name_is_compiled_and_the_former_is_not_kept(file: Path) -> None:
    before = answers(file)
    (former,) = kept(file)
    shutil.copy(ensure_model_files() / FILE, file)  # with another time

    assert same(answers(file), before)
    (now,) = kept(file)
    assert now != former


def test_what_a_killed_process_left_half_written_goes_with_the_next_writing(file: Path) -> None:
    (file.parent / FOLDER).mkdir()
    left = file.parent / FOLDER / f".writing-{file.stem}-killed"
    left.write_bytes(b"half a network")

    answers(file)

    assert not left.exists()
    assert len(kept(file)) == 1


def test_a_folder_that_cannot_be_written_is_no_obstacle(file: Path) -> None:
    (file.parent / FOLDER).write_bytes(b"in the way")

    assert len(answers(file)) == 3
