"""What has been deleted is in no file of the data folder any more, after a while."""

import random
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from rollcall.local.store.data_folder import erasure, generations
from rollcall.local.store.s3.files import dropped_files, journal
from tests.unit.local.store.dynamodb_tables import make
from tests.unit.local.store.running import client, running_store

PEOPLE = 300
BUCKET = "results"


@pytest.fixture(autouse=True)
def quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is due is done at once. Nothing is due before the next start."""
    monkeypatch.setattr(erasure, "ERASE_SECONDS", 3600.0)
    for module, name in ((generations, "KEEP_SECONDS"), (dropped_files, "KEEP_SECONDS"), (journal, "SETTLE_SECONDS")):
        monkeypatch.setattr(module, name, 0.1)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "data"


def trace(number: int) -> str:
    return f"trace-of-{number:04d}"


def read(path: Path) -> bytes:
    with suppress(FileNotFoundError, IsADirectoryError):  # files go meanwhile
        return path.read_bytes()
    return b""


def found(folder: Path) -> set[str]:
    """The traces in all files, their names included."""
    content = b"".join(bytes(path) + read(path) for path in folder.rglob("*"))
    return {trace(number) for number in range(PEOPLE) if trace(number).encode() in content}


def wait_until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not condition() and time.monotonic() < end:
        time.sleep(0.1)
    assert condition()


def enrolled(url: str) -> Iterator[tuple[Callable[[int], Any], int]]:
    """What deletes a person, and each number of one once it is there."""
    dynamodb = client("dynamodb", url)
    table = make(dynamodb)

    def delete(number: int) -> None:
        dynamodb.delete_item(TableName=table, Key={"k": {"S": trace(number)}})

    for number in range(PEOPLE):
        item = {"k": {"S": trace(number)}, "embedding": {"B": random.Random(number).randbytes(600)}}
        dynamodb.put_item(TableName=table, Item=item)
        yield delete, number
    dynamodb.close()


def test_deleted_items_leave_no_trace(folder: Path) -> None:
    gone = random.Random(1).sample(range(PEOPLE), PEOPLE - 20)
    with running_store(folder, durable=True) as url:
        for delete, number in enrolled(url):
            if number == PEOPLE - 1:
                for each in gone:
                    delete(each)
    assert len(found(folder)) == PEOPLE

    with running_store(folder, durable=True):
        wait_until(lambda: len(found(folder)) == 20)

        assert not found(folder) & set(map(trace, gone))
        wait_until(lambda: not (folder / erasure.MARK).exists())


def test_deleted_and_overwritten_objects_leave_no_trace(folder: Path) -> None:
    with running_store(folder, durable=True) as url:
        s3 = client("s3", url)
        s3.create_bucket(Bucket=BUCKET)
        for number in range(40):
            s3.put_object(Bucket=BUCKET, Key=f"a/{trace(number)}.jpg", Body=trace(number) * 500)
            s3.put_object(Bucket=BUCKET, Key=f"{number % 2}.json", Body=trace(number))
        for number in range(1, 40):
            s3.delete_object(Bucket=BUCKET, Key=f"a/{trace(number)}.jpg")
        s3.close()
    assert len(found(folder)) == 40

    with running_store(folder, durable=True):
        wait_until(lambda: found(folder) == {trace(number) for number in (0, 38, 39)})


def test_a_server_that_goes_on_erases_in_time(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(erasure, "ERASE_SECONDS", 0.5)
    with running_store(folder, durable=True) as url:
        for delete, number in enrolled(url):
            if number == 3:
                delete(number)

        wait_until(lambda: len(found(folder)) == PEOPLE - 1)
        assert trace(3) not in found(folder)
