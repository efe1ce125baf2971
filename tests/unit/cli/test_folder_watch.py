"""The watch over a folder, on a real store: what it uploads, how often, and how far ahead of the workers."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from rollcall.cli.watch import folder_watch
from rollcall.cli.watch.folder_watch import AHEAD, COUNTED, FolderWatch
from tests.unit.local.store.running import client, running_store

BUCKET = "watched"
PATIENCE = 90  # seconds: only a failing test waits so long
OLD = (1_000_000_000, 1_000_000_000)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_store(tmp_path_factory.mktemp("store")) as url:
        yield url


@pytest.fixture
def s3(store: str, request: pytest.FixtureRequest) -> Iterator[Any]:
    with closing(client("s3", store)) as s3:
        s3.create_bucket(Bucket=bucket_of(request))
        s3.put_bucket_versioning(Bucket=bucket_of(request), VersioningConfiguration={"Status": "Enabled"})
        yield s3


def bucket_of(request: pytest.FixtureRequest) -> str:
    name: str = request.node.name
    return name.replace("_", "-")[:60].strip("-")


@pytest.fixture
def bucket(request: pytest.FixtureRequest) -> str:
    return bucket_of(request)


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folder_watch, "LOOK_SECONDS", 0.02)


@contextmanager
def watch(folder: Path, s3: Any, bucket: str, said: list[str], waiting: Callable[[], int] = lambda: 0) -> Iterator[Any]:
    running = FolderWatch(folder, s3=s3, bucket=bucket, waiting=waiting, leave_out=None, say=said.append)
    yield running
    running.stop()
    running._thread.join()


def until(condition: Callable[[], object]) -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def put(path: Path, content: bytes) -> None:
    """As a whole, long ago."""
    path.with_suffix(".part").write_bytes(content)
    os.utime(path.with_suffix(".part"), OLD)
    path.with_suffix(".part").replace(path)


def versions(s3: Any, bucket: str) -> list[str]:
    pages = s3.get_paginator("list_object_versions").paginate(Bucket=bucket)
    return sorted(version["Key"] for page in pages for version in page.get("Versions", ()))


def content(s3: Any, bucket: str, key: str) -> bytes:
    answer: bytes = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    return answer


def test_many_files_come_no_faster_than_they_are_taken_and_after_a_restart_none_again(
    tmp_path: Path, s3: Any, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folder_watch, "AT_ONCE", 60)
    monkeypatch.setattr(folder_watch, "TELL_SECONDS", 0.0)
    files, taken, most, said = 150, 0, 0, list[str]()
    for number in range(files):
        put(tmp_path / f"{number}.jpg", b"photo %d" % number)

    def waiting() -> int:
        nonlocal taken, most
        left = len(versions(s3, bucket)) - taken
        most = max(most, left)
        taken += min(left, 30)  # what workers have begun to read since
        return left

    with watch(tmp_path, s3, bucket, said, waiting) as running:
        until(lambda: said and said[-1].endswith("none left"))
    assert 0 < most <= AHEAD + COUNTED
    assert any(line.endswith(" wait") for line in said)
    assert said[-1].endswith(": 150 files uploaded, none left")

    with watch(tmp_path, s3, bucket, said) as running:
        until(lambda: all(running.path_of(f"{number}.jpg") for number in range(files)))
    assert len(versions(s3, bucket)) == files
    assert len([line for line in said if line.endswith("none left")]) == 1


def test_a_file_is_uploaded_anew_when_its_content_is_another(tmp_path: Path, s3: Any, bucket: str) -> None:
    path = tmp_path / "a.jpg"
    put(path, b"one")
    with watch(tmp_path, s3, bucket, []) as running:
        until(lambda: running.path_of("a.jpg"))
        put(path, b"two")  # of the same size and time
        until(lambda: content(s3, bucket, "a.jpg") == b"two")
        path.touch()
        put(tmp_path / "b.jpg", b"b")
        until(lambda: running.path_of("b.jpg"))
        path.unlink()
        until(lambda: running.path_of("a.jpg") is None)
        put(path, b"two")  # it is back
        until(lambda: running.path_of("a.jpg"))
    with watch(tmp_path, s3, bucket, []) as running:
        put(path, b"three")
        until(lambda: content(s3, bucket, "a.jpg") == b"three")
    assert versions(s3, bucket) == ["a.jpg", "a.jpg", "a.jpg", "b.jpg"]


def test_a_large_file_is_uploaded_in_parts(tmp_path: Path, s3: Any, bucket: str) -> None:
    large = os.urandom(9 * 1024**2)
    put(tmp_path / "large.mp4", large)
    with watch(tmp_path, s3, bucket, []):
        until(lambda: versions(s3, bucket))
    assert content(s3, bucket, "large.mp4") == large
    assert "-" in s3.head_object(Bucket=bucket, Key="large.mp4")["ETag"]


def test_names_that_would_be_one_key_do_not_replace_each_other(tmp_path: Path, s3: Any, bucket: str) -> None:
    said: list[str] = []
    for name in ("a\n.jpg", "a\r.jpg"):
        put(tmp_path / name, name.encode())
    put(tmp_path / "z.jpg", b"z")
    with watch(tmp_path, s3, bucket, said):
        until(lambda: "z.jpg" in versions(s3, bucket))
        time.sleep(0.2)
    assert versions(s3, bucket) == ["a\N{REPLACEMENT CHARACTER}.jpg", "z.jpg"]
    assert len([line for line in said if "rename it" in line]) == 1


def test_the_watch_outlasts_its_folder_and_its_bucket(tmp_path: Path, s3: Any, bucket: str) -> None:
    folder, said = tmp_path / "mount", list[str]()
    folder.mkdir()
    put(folder / "a.jpg", b"a")
    with watch(folder, s3, bucket, said) as running:
        until(lambda: running.path_of("a.jpg"))
        folder.rename(tmp_path / "gone")
        until(lambda: any("no such file or folder" in line for line in said))
        (tmp_path / "gone").rename(folder)
        until(lambda: running.path_of("a.jpg"))
    with watch(folder, s3, "no-such-bucket-anywhere", said):
        until(lambda: any("NoSuchBucket" in line for line in said))
        s3.create_bucket(Bucket="no-such-bucket-anywhere")
        until(lambda: versions(s3, "no-such-bucket-anywhere") == ["a.jpg"])
    assert versions(s3, bucket) == ["a.jpg"]
    assert len([line for line in said if "NoSuchBucket" in line]) == 1
