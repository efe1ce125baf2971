import errno
import os
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollcall.local.store.s3.files.plain_names import plain_path

SEGMENTS = st.text(st.sampled_from(list("aA%/.~2FE5\0ä")), max_size=8)


@given(st.lists(SEGMENTS, min_size=2, max_size=2, unique=True))
def test_two_keys_never_have_one_path(keys: list[str]) -> None:
    assert plain_path(keys[0]) != plain_path(keys[1])


@given(st.text(min_size=1, max_size=300))
def test_no_path_leaves_the_folder(key: str) -> None:
    path = plain_path(key)

    assert not path.is_absolute()
    assert ".." not in path.parts
    assert all(0 < len(part.encode("utf-8", "surrogatepass")) <= 255 and "\0" not in part for part in path.parts)


def test_a_usual_key_is_its_path() -> None:
    for key in ("holiday.mp4.json", "a b/ü.jpg", "100%.jpg", ".hidden", "a.b/...c", "100%20.jpg~"):
        expected = key.replace("%20", "%2520")
        assert plain_path(key) == PurePosixPath(expected)


def test_an_object_beside_a_folder_of_its_name(s3: Any, bucket: str, folder: Path) -> None:
    s3.put_object(Bucket=bucket, Key="a", Body=b"object")
    assert (folder / "a").read_bytes() == b"object"

    s3.put_object(Bucket=bucket, Key="a/b", Body=b"inside")
    assert ((folder / "a/b").read_bytes(), (folder / "a%~").read_bytes()) == (b"inside", b"object")

    s3.put_object(Bucket=bucket, Key="a", Body=b"newer")
    assert (folder / "a%~").read_bytes() == b"newer"
    s3.delete_object(Bucket=bucket, Key="a/b")
    s3.put_object(Bucket=bucket, Key="a", Body=b"alone")
    assert [(path.name, path.read_bytes()) for path in folder.iterdir()] == [("a", b"alone")]

    s3.put_object(Bucket=bucket, Key="a/b", Body=b"inside")
    s3.delete_object(Bucket=bucket, Key="a")
    assert [path.name for path in folder.iterdir()] == ["a"]
    assert s3.get_object(Bucket=bucket, Key="a/b")["Body"].read() == b"inside"


def test_empty_folders_go_with_their_last_object(s3: Any, bucket: str, folder: Path) -> None:
    s3.put_object(Bucket=bucket, Key="a/b/c", Body=b"1")
    s3.delete_object(Bucket=bucket, Key="a/b/c")

    assert list(folder.iterdir()) == []


def test_what_others_put_into_the_folder_stays(s3: Any, bucket: str, folder: Path) -> None:
    (folder / "notes.txt").write_text("mine")
    s3.put_object(Bucket=bucket, Key="key", Body=b"1")
    s3.delete_object(Bucket=bucket, Key="key")

    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0
    s3.delete_bucket(Bucket=bucket)
    assert (folder / "notes.txt").read_text() == "mine"


def test_a_file_that_somebody_removed_is_still_an_object(s3: Any, bucket: str, folder: Path) -> None:
    s3.put_object(Bucket=bucket, Key="key", Body=b"1")
    (folder / "key").unlink()

    assert s3.get_object(Bucket=bucket, Key="key")["Body"].read() == b"1"
    s3.put_object(Bucket=bucket, Key="key", Body=b"2")
    assert (folder / "key").read_bytes() == b"2"


def test_the_store_has_names_of_its_own(s3: Any) -> None:
    for name in ("store.db", "store.lock", "store.db-wal"):
        try:
            s3.create_bucket(Bucket=name)
        except s3.exceptions.BucketAlreadyExists:
            continue
        raise AssertionError(name)


def test_a_view_that_cannot_be_written_takes_no_upload(
    s3: Any, bucket: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EIO, "the disk")

    monkeypatch.setattr(os, "link", refuse)
    s3.put_object(Bucket=bucket, Key="key", Body=b"1")
    monkeypatch.undo()

    assert s3.get_object(Bucket=bucket, Key="key")["Body"].read() == b"1"
    assert list(folder.iterdir()) == []


def test_without_hard_links_there_are_symbolic_ones(
    s3: Any, bucket: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EPERM, "no links here")

    monkeypatch.setattr(os, "link", refuse)
    s3.put_object(Bucket=bucket, Key="a/key", Body=b"1")
    s3.put_object(Bucket=bucket, Key="a/key", Body=b"2")

    assert (folder / "a/key").read_bytes() == b"2"
    s3.delete_object(Bucket=bucket, Key="a/key")
    assert list(folder.iterdir()) == []
