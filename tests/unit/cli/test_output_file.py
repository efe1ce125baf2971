import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from rollcall.cli.output_file import require_writable, write_output_file
from rollcall.contracts.usage_error import UsageError
from tests.unit.full_disk import full_disk


def test_a_file_is_written_and_replaced_with_its_permissions(tmp_path: Path) -> None:
    file = tmp_path / "out.json"

    require_writable(file)
    assert not any(tmp_path.iterdir()), "asking leaves nothing"
    write_output_file(file, b"1")
    assert stat.S_IMODE(file.stat().st_mode) & 0o600 == 0o600
    file.chmod(0o640)
    write_output_file(file, b"2")

    assert file.read_bytes() == b"2" and stat.S_IMODE(file.stat().st_mode) == 0o640
    assert list(tmp_path.iterdir()) == [file]


def test_what_does_not_fit_leaves_what_was_there(tmp_path: Path) -> None:
    file = tmp_path / "out.json"
    file.write_text("before")

    with full_disk(), pytest.raises(OSError):
        write_output_file(file, b"x" * 100_000)

    assert file.read_text() == "before"
    assert list(tmp_path.iterdir()) == [file]


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    link = tmp_path / "link.json"
    link.symlink_to("out.json")

    require_writable(link)
    write_output_file(link, b"1")

    assert link.is_symlink() and (tmp_path / "out.json").read_bytes() == b"1"


@pytest.mark.parametrize(
    ("name", "make", "reason"),
    [
        ("folder", Path.mkdir, "it is a folder"),
        ("pipe", os.mkfifo, "it is no file"),
        ("device", lambda path: path.symlink_to("/dev/null"), "it is no file"),
        ("gone/out.json", None, "no such file or folder"),
        ("file/out.json", lambda path: path.parent.write_text(""), "no such file or folder"),
        ("x" * 300, None, "the name is too long"),
        ("loop", lambda path: path.symlink_to("loop"), "a link that leads back to itself"),
    ],
)
def test_what_cannot_be_written_is_refused(
    tmp_path: Path, name: str, make: Callable[[Path], object] | None, reason: str
) -> None:
    file = tmp_path / name
    if make is not None:
        make(file)

    with pytest.raises(UsageError, match=reason):
        require_writable(file)


def test_what_is_read_is_not_replaced(tmp_path: Path) -> None:
    photo = tmp_path / "photo.jpg"
    photo.write_bytes(b"photo")
    (tmp_path / "link.json").symlink_to(photo)

    for file in (photo, tmp_path / "link.json"):
        with pytest.raises(UsageError, match="one of the files that are read"):
            require_writable(file, inputs=[photo])
