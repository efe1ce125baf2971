import os
import socket
from pathlib import Path

import pytest

from rollcall.contracts.usage_error import UsageError
from rollcall.media.folders import LeftOut, walk, why_unreadable
from rollcall.media.media_files import find_media, keys_of

JPEG = b"\xff\xd8\xff\xe0"


def left_out(entries: list[LeftOut], folder: Path) -> dict[str, str]:
    return {str(entry.path.relative_to(folder)): entry.reason for entry in entries}


def test_what_is_no_file_is_never_opened_and_told_by_what_it_is(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / "dangling.jpg").symlink_to("nowhere")
    (tmp_path / "loop.jpg").symlink_to("loop.jpg")
    (tmp_path / "null.jpg").symlink_to(os.devnull)
    (tmp_path / "good.jpg").write_bytes(JPEG)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "socket.jpg"))

    found = find_media([tmp_path], leave_out=tmp_path / "out")

    assert [file.key for file in found.files] == ["good.jpg"]
    assert left_out(found.left_out, tmp_path) == {
        "pipe.jpg": "a named pipe, not a file",
        "dangling.jpg": "a link to something that does not exist",
        "loop.jpg": "a link that leads back to itself",
        "null.jpg": "a device, not a file",
        "socket.jpg": "a socket, not a file",
    }
    assert all(entry.failed for entry in found.left_out)


def test_a_bad_path_among_good_ones_is_one_failure(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(JPEG)
    too_long = tmp_path / ("x" * 300 + ".jpg")

    found = find_media([tmp_path / "gone.mp4", too_long, tmp_path / "a.jpg"], leave_out=tmp_path / "out")

    assert [file.path for file in found.files] == [tmp_path / "a.jpg"]
    assert [entry.reason for entry in found.left_out] == ["no such file or folder", "the name is too long"]
    assert found.failed


def test_content_decides_in_a_folder_and_what_is_left_out_is_told(tmp_path: Path) -> None:
    for name, content in {
        "photo": JPEG,
        "really-a-jpeg.txt": JPEG,
        "notes.txt": b"text",
        "empty": b"",
        "song.mp3": b"ID3\x04",
        "broken.mp4": b"text",  # meant as a video: the pipeline says what is wrong with it
        ".DS_Store": b"x",
        "Thumbs.db": b"x",
        "deep/clip.bin": b"\x1a\x45\xdf\xa3",
        "out/photo.json": b"{}",
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)
    (tmp_path / "again.jpg").symlink_to("photo")
    (tmp_path / "loop").symlink_to(".")

    found = find_media([tmp_path], leave_out=tmp_path / "out")

    assert [file.key for file in found.files] == ["again.jpg", "broken.mp4", "clip.bin", "really-a-jpeg.txt"]
    told = left_out(found.left_out, tmp_path)
    assert set(told) == {"notes.txt", "empty", "song.mp3", "photo", "loop", "out", "."}
    assert told["photo"] == f"the same file as {tmp_path / 'again.jpg'}"
    assert told["."] == "2 hidden or system files in it (.DS_Store, Thumbs.db)"
    assert not found.failed


def test_a_folder_that_cannot_be_listed_is_a_failure(tmp_path: Path) -> None:
    (entry,) = walk(tmp_path / "nowhere", deep=True)

    assert entry == LeftOut(path=tmp_path / "nowhere", reason="no such file or folder", failed=True)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission_is_told_so(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").touch(mode=0)

    assert why_unreadable(tmp_path / "a.jpg") == "not readable: you have no permission"


def test_without_any_file_the_reasons_are_in_the_one_line(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("text")

    with pytest.raises(UsageError, match="notes.txt: not a video or photo"):
        find_media([tmp_path], leave_out=tmp_path / "out")
    with pytest.raises(UsageError, match=r"gone.mp4: no such file or folder$"):
        find_media([tmp_path / "gone.mp4"], leave_out=tmp_path / "out")


def test_names_that_become_one_key_are_numbered() -> None:
    folder = Path("/photos")
    names = ["a\nb.jpg", "a\tb.jpg", os.fsdecode(b"\xff.jpg"), os.fsdecode(b"\xfe.jpg"), "\ufffd-2.jpg"]

    keys = keys_of([folder / name for name in names])

    assert keys == [
        "photos/a\ufffdb.jpg",
        "photos/a\ufffdb-2.jpg",
        "photos/\ufffd.jpg",
        "photos/\ufffd-2.jpg",
        "\ufffd-2.jpg",
    ]


def test_one_line_whatever_the_name(tmp_path: Path) -> None:
    entry = LeftOut(path=tmp_path / "a\nb\x1b[2J.txt", reason="not a\nphoto")

    assert str(entry).isprintable()
