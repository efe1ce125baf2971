"""A watched folder: which files are meant, and when each of them has settled."""

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from rollcall.cli.watch.said_once import ALIKE, SaidOnce
from rollcall.cli.watch.watched_files import QUIET_SECONDS, UNSURE_SECONDS, Settling, WatchedFile, watched_files
from rollcall.media.folders import LeftOut


class Clock:
    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def settling(clock: Clock) -> Settling:
    return Settling(clock=clock)


def keys(root: Path, **options: Path) -> list[str]:
    return sorted(entry.key for entry in watched_files(root, **options) if isinstance(entry, WatchedFile))


def left_out(root: Path) -> dict[str, str]:
    return {entry.path.name: entry.reason for entry in watched_files(root) if isinstance(entry, LeftOut)}


def only(root: Path) -> WatchedFile:
    (found,) = watched_files(root)
    assert isinstance(found, WatchedFile)
    return found


def write(path: Path, content: bytes = b"content", *, old: bool = False) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    if old:
        os.utime(path, (1_000_000_000, 1_000_000_000))
    return path


def test_videos_and_photos_of_all_folders_are_meant(tmp_path: Path) -> None:
    for name in ("a.mp4", "Photo.JPG", "deep/er/b + c%.png", "Grüße 日本.heic"):
        write(tmp_path / name)

    assert keys(tmp_path) == sorted(["a.mp4", "Photo.JPG", "deep/er/b + c%.png", "Grüße 日本.heic"])


@pytest.mark.parametrize(
    "name",
    [".hidden.mp4", "a.mp4.part", "a.mp4~", "~a.mp4", "a.mp4.crdownload", "a.mp4.tmp", ".a.mp4.Xy12", "mp4", "a.txt",
     ".git/a.jpg", "@eaDir/a.jpg/thumb.jpg", "#recycle/a.jpg", "$RECYCLE.BIN/a.jpg", ".writing-a.jpg",
     "a.mp4.json", "a.mp4.csv", "a.mp4.vtt"],
)  # fmt: skip
def test_temporary_names_results_and_system_folders_are_not(tmp_path: Path, name: str) -> None:
    write(tmp_path / name)

    assert keys(tmp_path) == []


def test_links_are_followed_inside_of_the_folder_alone(tmp_path: Path) -> None:
    root = tmp_path / "watched"
    write(tmp_path / "outside" / "secret.jpg")
    write(root / "a.jpg")
    (root / "inside.jpg").symlink_to("a.jpg")
    (root / "out.jpg").symlink_to(tmp_path / "outside" / "secret.jpg")
    (root / "folder").symlink_to(tmp_path / "outside")
    (root / "loop").symlink_to(root)
    (root / "nothing.jpg").symlink_to("none")
    (root / "itself.jpg").symlink_to("itself.jpg")

    assert keys(root) == ["a.jpg", "inside.jpg"]
    assert left_out(root)["out.jpg"] == "a link that leads out of the watched folder is not followed"


def test_pipes_and_folders_that_are_named_like_media_are_no_files(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.mp4")
    write(tmp_path / "folder.mp4" / "in.jpg")

    assert keys(tmp_path) == ["folder.mp4/in.jpg"]


def test_the_folder_of_the_store_is_not_entered(tmp_path: Path) -> None:
    write(tmp_path / "a.jpg")
    write(tmp_path / "kept" / "rollcall-input" / "a.jpg")

    assert keys(tmp_path, leave_out=tmp_path / "kept") == ["a.jpg"]


def test_what_cannot_be_uploaded_has_a_reason(tmp_path: Path) -> None:
    write(tmp_path / ("d" * 200) / ("d" * 200) / ("d" * 200) / "a.jpg")

    assert list(left_out(tmp_path)) == ["a.jpg"]
    assert list(left_out(tmp_path / "none").values()) == ["no such file or folder"]


def test_a_file_that_is_written_to_settles_when_nothing_changes_for_a_while(
    tmp_path: Path, settling: Settling, clock: Clock
) -> None:
    path = tmp_path / "a.mp4"
    with path.open("wb") as growing:
        for _ in range(5):
            growing.write(b"more")
            growing.flush()
            clock.seconds += QUIET_SECONDS - 1
            assert not settling.settled(only(tmp_path))
        clock.seconds += 10 * QUIET_SECONDS
        assert not settling.settled(only(tmp_path)), "its writer has it open"
    assert settling.settled(only(tmp_path))


def test_a_file_that_was_closed_just_now_may_be_opened_again(tmp_path: Path, settling: Settling, clock: Clock) -> None:
    write(tmp_path / "a.mp4")
    os.utime(tmp_path / "a.mp4")  # now, at the last change
    file = only(tmp_path)
    fresh = WatchedFile(file.path, file.key, type(file.seen)(file.seen.size, file.seen.changed, file.seen.changed, 1))

    assert not settling.settled(fresh)
    clock.seconds += QUIET_SECONDS - 0.1
    assert not settling.settled(fresh)
    clock.seconds += 0.2
    assert settling.settled(fresh)


@pytest.mark.parametrize("put", [lambda part, path: part.rename(path), os.replace, os.link])
def test_a_file_that_is_put_into_its_place_has_settled_at_once(
    tmp_path: Path, settling: Settling, put: Callable[[Path, Path], None]
) -> None:
    written = write(tmp_path / "a.mp4.part")
    time.sleep(0.02)  # the file system counts in steps of some milliseconds
    put(written, tmp_path / "a.mp4")

    assert settling.settled(only(tmp_path))


def test_an_old_file_has_settled_at_once(tmp_path: Path, settling: Settling) -> None:
    write(tmp_path / "a.mp4", old=True)

    assert settling.settled(only(tmp_path))


def test_an_empty_file_has_not_settled(tmp_path: Path, settling: Settling, clock: Clock) -> None:
    write(tmp_path / "a.mp4", b"", old=True)

    assert not settling.settled(only(tmp_path))
    clock.seconds += 10 * QUIET_SECONDS
    assert not settling.settled(only(tmp_path))


def test_where_writers_cannot_be_seen_every_file_has_to_be_quiet(
    tmp_path: Path, settling: Settling, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rollcall.cli.watch.watched_files.open_for_writing", lambda _descriptor, _device: None)
    write(tmp_path / "a.mp4.part").rename(tmp_path / "a.mp4")

    assert not settling.settled(only(tmp_path))
    clock.seconds += UNSURE_SECONDS - 0.1
    assert not settling.settled(only(tmp_path))
    clock.seconds += 0.2
    assert settling.settled(only(tmp_path))


def test_few_lines_are_said_of_many_files_with_one_reason(tmp_path: Path) -> None:
    said: list[str] = []
    lines = SaidOnce(said.append)
    entries = [LeftOut(path=tmp_path / f"{n}.jpg", reason="no permission", failed=True) for n in range(100)]
    for _ in range(3):
        for entry in entries:
            lines.tell(entry)

    assert len(said) == ALIKE + 1
    assert said[0] == f"failed {tmp_path / '0.jpg'}: no permission"
    lines.well(entries[0].path)
    lines.tell(entries[0])
    assert len(said) == ALIKE + 2
