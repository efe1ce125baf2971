"""Copies of a folder that a server writes to: each opens as the folder was at one moment."""

import logging
import random
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from rollcall.local.store.data_folder import copied_folder, generations
from rollcall.local.store.database import Database
from tests.unit.local.store.copying import copy_folder
from tests.unit.local.store.running_s3 import Running, running_s3

KEYS = 7
BUCKET = "bucket"


class History:
    """One writer: writes, and now and then deletes, one key after the other."""

    def __init__(self, name: str, s3: Any) -> None:
        self.acknowledged = 0
        self._name = name
        self._s3 = s3

    def write(self) -> None:
        number = self.acknowledged
        key = self._key(number)
        if self._is_delete(number):
            self._s3.delete_object(Bucket=BUCKET, Key=key)
        else:
            self._s3.put_object(Bucket=BUCKET, Key=key, Body=self._body(number))
        self.acknowledged += 1

    def count_of(self, found: dict[str, bytes]) -> int | None:
        """After how many writes the store was like that. None: never."""
        mine = {key: body for key, body in found.items() if key.startswith(f"{self._name}/")}
        state: dict[str, bytes] = {}
        last = 0 if not mine else None
        for number in range(self.acknowledged + 2):  # one may be there that was not answered yet
            key = self._key(number)
            if self._is_delete(number):
                state.pop(key, None)
            else:
                state[key] = self._body(number)
            if state == mine:
                last = number + 1
        return last

    def _key(self, number: int) -> str:
        return f"{self._name}/{number % KEYS}"

    @staticmethod
    def _is_delete(number: int) -> bool:
        return number % 11 == 10

    def _body(self, number: int) -> bytes:
        return f"{self._name} {number} ".encode() * (20_000 if number % 3 == 0 else 3)


@contextmanager
def writing(histories: list[History]) -> Iterator[None]:
    ended = threading.Event()

    def write(history: History) -> None:
        while not ended.is_set():
            history.write()

    threads = [threading.Thread(target=write, args=(history,)) for history in histories]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        ended.set()
        for thread in threads:
            thread.join()


def content(running: Running) -> dict[str, bytes]:
    s3 = running.client()
    listed = s3.list_objects_v2(Bucket=BUCKET).get("Contents", [])
    return {entry["Key"]: s3.get_object(Bucket=BUCKET, Key=entry["Key"])["Body"].read() for entry in listed}


def test_a_copy_holds_what_was_acknowledged_before_and_is_of_one_moment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(generations, "LOG_BYTES", 256 * 1024)  # so that files are renewed all the time
    copies: list[tuple[Path, list[int]]] = []
    with running_s3(tmp_path / "data", durable=True) as running:
        running.client().create_bucket(Bucket=BUCKET)
        histories = [History(name, running.client()) for name in ("a", "b")]
        with writing(histories):
            for seed in range(4):
                time.sleep(0.2)
                before = [history.acknowledged for history in histories]
                copy_folder(tmp_path / "data", tmp_path / f"copy-{seed}", random.Random(seed))
                copies.append((tmp_path / f"copy-{seed}", before))
        renewed = int(generations.files(tmp_path / "data")[-1].stem)

    assert renewed > 2
    for folder, before in copies:
        with caplog.at_level(logging.WARNING), running_s3(folder, durable=True) as running:
            found = content(running)
            counts = [history.count_of(found) for history in histories]
            assert all(count is not None and count >= least for count, least in zip(counts, before, strict=True))
            for key, body in found.items():
                assert (folder / BUCKET / key).read_bytes() == body
        assert "left out" not in caplog.text


def test_objects_whose_files_are_nowhere_are_left_out_and_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with running_s3(tmp_path / "data", durable=True) as running:
        s3 = running.client()
        s3.create_bucket(Bucket=BUCKET)
        s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
        first = _put_large(running, "two versions", b"first")
        _put_large(running, "whole", b"whole")
        second = _put_large(running, "two versions", b"second")
        third = _put_large(running, "one version", b"third")
        running.s3.storage.journal._settle()
    shutil.copytree(tmp_path / "data", tmp_path / "copy")
    log = generations.log_of(generations.files(tmp_path / "copy")[-1])
    _begin_log_anew(tmp_path / "copy")  # so that nobody can go back
    (tmp_path / "copy/.store/blobs" / second[:2] / second).unlink()
    with (tmp_path / "copy/.store/blobs" / third[:2] / third).open("rb+") as file:
        file.truncate(5)

    assert not log.exists()
    for _ in range(2):
        with caplog.at_level(logging.WARNING), running_s3(tmp_path / "copy", durable=True) as running:
            assert content(running) == {"two versions": b"first" * 50_000, "whole": b"whole" * 50_000}
    assert caplog.text.count("2 objects are left out") == 1
    assert first != second
    assert {path.name for path in (tmp_path / "copy" / BUCKET).iterdir()} == {"two versions", "whole"}


def _put_large(running: Running, key: str, body: bytes) -> str:
    running.client().put_object(Bucket=BUCKET, Key=key, Body=body * 50_000)
    reader = running.s3.storage.database.read()
    blob: str = reader.execute("SELECT blob FROM s3_objects WHERE key = ? AND latest", (key,)).fetchone()[0]
    return blob


def _begin_log_anew(folder: Path) -> None:
    database = Database(folder)
    database.renew()
    database.close()
    generations.remove(generations.files(folder)[0])


def test_a_folder_that_moved_is_no_copy(tmp_path: Path) -> None:
    with running_s3(tmp_path / "data", durable=True):
        assert copied_folder.is_own(tmp_path / "data")
    (tmp_path / "data").rename(tmp_path / "moved")
    assert copied_folder.is_own(tmp_path / "moved")
    shutil.copytree(tmp_path / "moved", tmp_path / "copy")
    assert not copied_folder.is_own(tmp_path / "copy")
