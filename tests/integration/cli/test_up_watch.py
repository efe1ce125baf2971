"""`rollcall up --watch`: a clip and photos that appear in a folder, and their results beside them."""

import json
import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.videos import COLLINS, OBAMA, Videos
from tests.integration import throwaway
from tests.integration.cli.running_up import Up

BUCKET = "lives-input"
until = partial(throwaway.until, patience=150)  # each answer may need workers that start first


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def folder(tmp_path: Path, videos: Videos) -> Path:
    """What is there before the start."""
    folder = tmp_path / "watched"
    (folder / "2026" / "with space").mkdir(parents=True)
    shutil.copy2(videos.obama(2), folder / "2026" / "clip.mp4")
    shutil.copy2(videos.photos / "astronaut.png", folder / "2026" / "with space" / "Grüße.png")
    shutil.copy2(videos.photos / "biden.jpg", folder / "takeout.jpg")
    (folder / "takeout.jpg.json").write_text('{"title": "mine"}')
    return folder


@pytest.fixture
def started(data: Path, folder: Path, videos: Videos) -> Iterator[Up]:
    up = Up("--data", data, "--watch", folder, "--results-beside", "--gallery", videos.gallery())
    yield up
    up.close()
    print(*up.lines, sep="\n")  # shown where the test fails


def people(result: Path) -> list[str]:
    return [person["name"] for person in json.loads(result.read_text())["people"]]


def versions(up: Up) -> dict[str, int]:
    found: dict[str, int] = {}
    for version in up.s3.list_object_versions(Bucket=BUCKET).get("Versions", []):
        found[version["Key"]] = found.get(version["Key"], 0) + 1
    return found


def beside(path: Path) -> set[str]:
    return {other.name.removeprefix(path.name) for other in path.parent.glob(f"{path.name}.*")}


def test_files_are_uploaded_once_and_have_their_results_beside_them(
    started: Up, data: Path, folder: Path, videos: Videos
) -> None:
    clip, photo = folder / "2026" / "clip.mp4", folder / "2026" / "with space" / "Grüße.png"
    for path, name in ((clip, OBAMA), (photo, COLLINS)):
        until(lambda path=path: beside(path) == {".json", ".csv", ".vtt"})  # type: ignore[misc]
        assert people(path.with_name(f"{path.name}.json")) == [name]

    # somebody's own file of that name stays, and a line says so
    assert "takeout.jpg.json is there" in started.wait_for(
        f"failed {folder / 'takeout.jpg'}: its results are not written"
    )
    assert (folder / "takeout.jpg.json").read_text() == '{"title": "mine"}'

    # a half-copied file waits, one under a temporary name too, and what is renamed into place comes
    content = (videos.photos / "obama2.jpg").read_bytes()
    with (folder / "copied.jpg").open("wb") as copy:
        copy.write(content[:1000])
        copy.flush()
        (folder / "renamed.jpg.part").write_bytes(content)
        (folder / "renamed.jpg.part").rename(folder / "renamed.jpg")
        until((folder / "renamed.jpg.json").exists)
        assert "copied.jpg" not in versions(started)
        copy.write(content[1000:])
    until((folder / "copied.jpg.json").exists)
    assert people(folder / "copied.jpg.json") == people(folder / "renamed.jpg.json") == [OBAMA]

    # a changed file comes anew, one with new times alone does not; the results of a deleted one stay
    (folder / "copied.jpg").write_bytes((videos.photos / "astronaut.png").read_bytes())
    (folder / "renamed.jpg").touch()
    clip.unlink()
    until(lambda: people(folder / "copied.jpg.json") == [COLLINS])
    expected = {"2026/clip.mp4": 1, "2026/with space/Grüße.png": 1, "takeout.jpg": 1, "renamed.jpg": 1, "copied.jpg": 2}
    assert versions(started) == expected
    assert people(clip.with_name("clip.mp4.json")) == [OBAMA]
    started.close()

    shutil.copy2(videos.photos / "obama3.jpg", folder / "new.jpg")
    again = Up("--data", data, "--watch", folder, "--results-beside")
    try:
        until((folder / "new.jpg.json").exists)
        assert versions(again) == expected | {"new.jpg": 1}
        assert not [line for line in again.lines if "Traceback" in line]
    finally:
        again.close()


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--watch", "none"], "--watch none: no such file or folder; name a folder that can be read"),
        (["--watch", "data/in", "--data", "data"], "--watch data/in: is inside of --data"),
        (["--results-beside"], "--results-beside: beside the files of which folder? Name it with --watch"),
    ],
)
def test_what_cannot_be_watched_is_refused_at_once(
    options: list[Any], told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from rollcall.cli.main import main  # noqa: PLC0415

    (tmp_path / "data" / "in").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)

    assert main(["up", *options]) == 2
    assert told in capsys.readouterr().err
