"""`rollcall calibrate` as a user runs it, on real photos with real weights."""

import json
import shutil
from pathlib import Path

import pytest
from PIL import Image

from rollcall.people.calibration import load_calibration
from tests.commands import run_here

JOHNS = Path(__file__).parents[4] / "shared" / "data" / "johns"

pytestmark = pytest.mark.skipif(not JOHNS.is_dir(), reason="needs the photos of ../shared/data")


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three photos each of three people; one of them under a second name too; and a file that is no photo."""
    folder = tmp_path_factory.mktemp("people")
    for person in ("John_Simm", "John_Savage", "John_Salley"):
        (folder / person).mkdir()
        for photo in sorted((JOHNS / person).glob("*.jpg"))[:3]:
            shutil.copy(photo, folder / person)
    (folder / "Simms_Twin").mkdir()
    shutil.copy(sorted((JOHNS / "John_Simm").glob("*.jpg"))[3], folder / "Simms_Twin")
    (folder / "John_Simm" / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 no photo")
    (folder / "groups.json").write_text("{}")
    return folder


def test_a_folder_of_people_gives_rates_pairs_a_plot_and_a_file_that_faces_takes(people: Path, tmp_path: Path) -> None:
    out = tmp_path / "mine.json"

    answer = run_here("calibrate", people, "--false-match-rate", "0.2", "--out", out)

    assert answer.returncode == 0, answer.stderr
    assert "10 photos of 4 people" in answer.stdout
    assert "broken.jpg" in answer.stderr and "groups.json" in answer.stderr
    assert "reading 11 photos of 4 people" in answer.stderr
    (pair,) = [line for line in answer.stdout.splitlines() if "Simms_Twin" in line and "John_Simm" in line]
    assert "Simms_Twin/" in pair or "John_Simm/" in pair
    content = json.loads(out.read_text())
    assert content["embedder"] == "fused" and (content["people"], content["photos"]) == (4, 10)
    assert not any(name in out.read_text() for name in ("Simm", "Savage", "Salley")), "the file holds nobody's name"
    assert len(content["rates"]) >= 11
    with Image.open(tmp_path / "mine.png") as picture:
        assert picture.format == "PNG"

    photo = next((people / "John_Salley").glob("*.jpg"))
    shutil.copytree(people / "John_Savage", tmp_path / "gallery" / "John_Savage")
    line = run_here("faces", photo, "--gallery", tmp_path / "gallery", "--calibration", out)
    assert json.loads(line.stdout)["faces"][0]["threshold"] == content["threshold"]


def test_people_without_lookalikes_keep_the_shipped_threshold(people: Path, tmp_path: Path) -> None:
    apart = tmp_path / "apart"
    shutil.copytree(people, apart, ignore=shutil.ignore_patterns("Simms_Twin", "*.json"))

    answer = run_here("calibrate", apart, "--out", tmp_path / "mine.json", "--plot", tmp_path / "rates.txt")

    assert answer.returncode == 0, answer.stderr
    assert json.loads((tmp_path / "mine.json").read_text())["threshold"] == load_calibration("fused").threshold
    assert "too few to show a rate of 0.100%" in answer.stdout
    assert "Nobody resembles anybody else too much" in answer.stdout
    with Image.open(tmp_path / "rates.txt") as picture:
        assert picture.format == "PNG", "whatever its name"


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["gone"], "gone"),
        (["{people}", "--out", "{people}"], "cannot be written there"),
        (["{people}", "--out", "{people}/gone/mine.json"], "cannot be written there"),
        (["{people}", "--plot", "{people}"], "cannot be written there"),
        (["{people}", "--out", "mine.png"], "would be one file"),
        (["{people}", "--out", "."], "it is a folder"),
        (["{people}", "--out", ""], "it is a folder"),
        (["{people}", "--out", "x" * 300], "the name is too long"),
        (["{people}", "--out", "/dev/full"], "it is no file"),
        (["{people}", "--plot", "{people}/John_Simm/broken.jpg"], "one of the files that are read"),
        (["{people}/groups.json"], "nobody in it"),
        (["{people}", "--false-match-rate", "0"], "--false-match-rate"),
    ],
)
def test_what_cannot_be_done_is_told_in_one_line_before_the_work(
    people: Path, arguments: list[str], complaint: str
) -> None:
    answer = run_here("calibrate", *(argument.format(people=people) for argument in arguments))

    assert answer.returncode == 2
    assert "reading" not in answer.stderr
    assert complaint in answer.stderr.splitlines()[-1]
    assert "Traceback" not in answer.stderr
