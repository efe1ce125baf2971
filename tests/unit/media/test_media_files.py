from pathlib import Path

import pytest

from rollcall.cli.outputs import check_output_folder
from rollcall.contracts.usage_error import UsageError
from rollcall.media.media_files import MediaFile, find_media, output_path


def touch(*paths: Path) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")


def keys(paths: list[Path], out: Path) -> list[str]:
    return [file.key for file in find_media(paths, leave_out=out).files]


def test_a_folder_gives_its_media_and_a_named_file_is_taken_whatever_its_suffix(tmp_path: Path) -> None:
    touch(tmp_path / "a" / "1.MP4", tmp_path / "a" / "deep" / "2.webp", tmp_path / "a" / "notes.txt")
    touch(tmp_path / "a" / ".trash" / "3.mp4", tmp_path / "a" / "._1.mp4", tmp_path / "odd.bin")

    assert keys([tmp_path / "a", tmp_path / "odd.bin"], tmp_path / "out") == ["1.MP4", "2.webp", "odd.bin"]


def test_files_of_one_name_get_as_many_parents_as_tell_them_apart(tmp_path: Path) -> None:
    touch(tmp_path / "x" / "day" / "1.mp4", tmp_path / "y" / "day" / "1.mp4", tmp_path / "y" / "night" / "1.mp4")
    touch(tmp_path / "y" / "2.mp4")

    assert keys([tmp_path], tmp_path / "out") == ["x/day/1.mp4", "2.mp4", "y/day/1.mp4", "night/1.mp4"]


def test_a_file_named_twice_is_uploaded_once(tmp_path: Path) -> None:
    touch(tmp_path / "1.mp4")
    (tmp_path / "link.mp4").symlink_to(tmp_path / "1.mp4")

    assert keys([tmp_path / "1.mp4", tmp_path, tmp_path / "link.mp4"], tmp_path / "out") in (["1.mp4"], ["link.mp4"])


def test_results_of_an_earlier_run_are_not_media(tmp_path: Path) -> None:
    touch(
        tmp_path / "1.mp4", tmp_path / "out" / "1.mp4.contact-sheet.png", tmp_path / "out" / "1.mp4" / "faces" / "a.jpg"
    )

    assert keys([tmp_path], tmp_path / "out") == ["1.mp4"]


def test_a_name_that_is_not_utf_8_becomes_one_that_is(tmp_path: Path) -> None:
    try:
        (tmp_path / "caf\udce9.mp4").write_bytes(b"x")
    except OSError:
        pytest.skip("this file system takes only UTF-8 names")

    assert keys([tmp_path], tmp_path / "out") == ["caf\ufffd.mp4"]


@pytest.mark.parametrize(
    "key",
    ["../x", "a/../../x", "/etc/x", "a//b", "", ".", "a/./b", "a/..", "x" * 256, "nul\x00"],
)
def test_no_key_leads_out_of_the_folder(tmp_path: Path, key: str) -> None:
    with pytest.raises(UsageError):
        output_path(tmp_path, key)


def test_a_key_is_a_path_under_the_folder(tmp_path: Path) -> None:
    assert output_path(tmp_path, "a b/ü+.mp4.json") == tmp_path / "a b" / "ü+.mp4.json"


def test_a_link_that_leads_out_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a").symlink_to(tmp_path)

    with pytest.raises(UsageError, match="leads out"):
        output_path(tmp_path / "out", "a/x.json")


def test_a_file_in_the_way_of_the_results_is_named_before_any_work(tmp_path: Path) -> None:
    touch(tmp_path / "clip.mp4")

    with pytest.raises(UsageError, match="clip.mp4 is a file"):
        check_output_folder(tmp_path, [MediaFile(tmp_path / "clip.mp4", "clip.mp4")])


def test_the_output_folder_is_made_with_its_parents(tmp_path: Path) -> None:
    check_output_folder(tmp_path / "a" / "b", [MediaFile(tmp_path / "clip.mp4", "clip.mp4")])

    assert (tmp_path / "a" / "b").is_dir()
