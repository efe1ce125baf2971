"""What has been deleted is in no file of the data folder any more, after a while."""

import random
import time
from collections.abc import Callable, Iterator
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
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(erasure, "ERASE_SECONDS", 1.0)
    for module, name in ((generations, "KEEP_SECONDS"), (dropped_files, "KEEP_SECONDS"), (journal, "SETTLE_SECONDS")):
        monkeypatch.setattr(module, name, 0.1)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "data"


def trace(number: int) -> str:
    return f"trace-of-{number:04d}"


def found(folder: Path) -> set[str]:
    """The traces in all files, their names included."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    content = b"".join([bytes(path) for path in files] + [path.read_bytes() for path in files])
    return {trace(number) for number in range(PEOPLE) if trace(number).encode() in content}


def wait_until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not condition() and time.monotonic() < end:
        time.sleep(0.1)
    assert condition()


@pytest.fixture
def kept() -> list[int]:
    return sorted(random.Random(1).sample(range(PEOPLE), 20))


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


def test_deleted_items_leave_no_trace(folder: Path, kept: list[int]) -> None:
    with running_store(folder, durable=True) as url:
        for delete, number in enrolled(url):
            if number == PEOPLE - 1:
                for gone in random.Random(2).sample(range(PEOPLE), PEOPLE):
                    if gone not in kept:
                        delete(gone)
        assert len(found(folder)) == PEOPLE

        wait_until(lambda: found(folder) == {trace(number) for number in kept})


def test_deleted_and_overwritten_objects_leave_no_trace(folder: Path) -> None:
    with running_store(folder, durable=True) as url:
        s3 = client("s3", url)
        s3.create_bucket(Bucket=BUCKET)
        for number in range(40):
            s3.put_object(Bucket=BUCKET, Key=f"a/{trace(number)}.jpg", Body=trace(number) * 500)
            s3.put_object(Bucket=BUCKET, Key=f"{number % 2}.json", Body=trace(number))
        for number in range(1, 40):
            s3.delete_object(Bucket=BUCKET, Key=f"a/{trace(number)}.jpg")
        assert len(found(folder)) == 40

        wait_until(lambda: found(folder) == {trace(number) for number in (0, 38, 39)})
        s3.close()


def test_what_a_server_had_no_time_to_erase_is_erased_by_the_next_one(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(erasure, "ERASE_SECONDS", 3600.0)
    with running_store(folder, durable=True) as url:
        for delete, number in enrolled(url):
            if number == 3:
                delete(number)
        assert len(found(folder)) == PEOPLE

    with running_store(folder, durable=True):
        wait_until(lambda: trace(3) not in found(folder))

        assert trace(4) in found(folder)
        assert not (folder / erasure.MARK).exists()
