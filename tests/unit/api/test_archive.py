"""Keeping photos beside the answers: holding back, bounds, and flushing."""

import threading
from collections.abc import Iterator

import pytest

from rollcall.api.photos.archive import Archive
from rollcall.api.photos.decisions import Decision
from rollcall.api.photos.photo_store import KeptPhoto
from rollcall.api.recognizers.messages import SeenPhoto
from rollcall.people.calibration import load_calibration

NOTHING = SeenPhoto(width=1, height=1, faces=[], seconds_spent=0.0)
NOBODY = Decision(matches=[], identities=[], decided_by={}, calibration=load_calibration("fused"))


def photo(key: str, size: int = 10) -> KeptPhoto:
    return KeptPhoto(key=key, photo=bytes(size), content_type="image/jpeg", seen=NOTHING, decision=NOBODY, created=0.0)


class Shelf:
    def __init__(self) -> None:
        self.busy = True
        self.written: list[str] = []
        self.failures = 0
        self.written_now = threading.Condition()

    def write(self, kept: KeptPhoto) -> None:
        with self.written_now:
            if self.failures:
                self.failures -= 1
                raise OSError("S3 is away")
            self.written.append(kept.key)
            self.written_now.notify_all()

    def wait_for(self, count: int) -> bool:
        with self.written_now:
            return self.written_now.wait_for(lambda: len(self.written) >= count, timeout=10)


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


@pytest.fixture
def archive(shelf: Shelf) -> Iterator[Archive]:
    archive = Archive(shelf.write, room=100, threads=2, busy=lambda: shelf.busy)
    yield archive
    archive.close()


def test_nothing_is_written_while_answers_are_waited_for(archive: Archive, shelf: Shelf) -> None:
    archive.keep(photo("a"))

    assert archive.has("a")
    assert not shelf.written

    shelf.busy = False
    assert shelf.wait_for(1)


def test_more_than_half_the_room_is_written_even_then(archive: Archive, shelf: Shelf) -> None:
    for key in "abcdef":
        archive.keep(photo(key))

    assert shelf.wait_for(1)
    assert shelf.busy


def test_flush_writes_all_that_waits(archive: Archive, shelf: Shelf) -> None:
    for key in "abc":
        archive.keep(photo(key))

    archive.flush()

    assert sorted(shelf.written) == ["a", "b", "c"]
    assert not archive.has("a")


def test_a_photo_larger_than_the_room_is_kept_as_well(archive: Archive, shelf: Shelf) -> None:
    archive.keep(photo("large", size=1000))

    assert shelf.wait_for(1)


def test_a_write_that_fails_is_tried_again(archive: Archive, shelf: Shelf) -> None:
    shelf.failures = 2
    archive.keep(photo("a"))

    archive.flush()

    assert shelf.written == ["a"]


def test_at_the_end_everything_is_written(shelf: Shelf) -> None:
    archive = Archive(shelf.write, room=100, threads=1, busy=lambda: True)
    archive.keep(photo("a"))

    archive.close()

    assert shelf.written == ["a"]
