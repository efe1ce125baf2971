"""The pool before the recognizers, with recognizers that hang, die and are slow as told."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from typing import Any

import pytest

from rollcall.api.http_errors import Overloaded
from rollcall.api.recognizers.messages import Looked, Ready, Refusal, SeenPhoto
from rollcall.api.recognizers.recognizer_pool import Recognizer, RecognizerPool
from rollcall.runtime.confined.channel import PeerGone

DEADLY, HANGING, UNLUCKY, DOOMED, ODD = b"deadly", b"hanging", b"unlucky", b"doomed", b"odd"


class Script(Recognizer):
    """Says what it was given; dies of some photos."""

    def __init__(self, gate: threading.Event, batches: list[list[bytes]]) -> None:
        self.ready = Ready(model={}, embedder="none")
        self.killed = False
        self.enrolled: set[bytes] = set()
        self._gate = gate
        self._batches = batches

    @property
    def pid(self) -> int:
        return 0

    def look(self, photos: Sequence[bytes], *, enrolling: bool) -> list[Looked]:
        assert not self.killed
        self._batches.append(list(photos))
        self.enrolled |= set(photos) if enrolling else set()
        self._gate.wait(10)
        self._lost = (UNLUCKY in photos and self._happened(UNLUCKY) < 3) or DOOMED in photos
        if self._lost or DEADLY in photos or (ODD in photos and self._happened(ODD) < 3):
            raise PeerGone("the process has ended")
        if HANGING in photos:
            raise TimeoutError("out of time")
        return [SeenPhoto(width=len(photo), height=1, faces=[], seconds_spent=0.0) for photo in photos]

    def _happened(self, photo: bytes) -> int:
        return sum(photo in batch for batch in self._batches)

    def lost(self) -> bool:
        return self._lost

    def kill(self) -> None:
        self.killed = True


class Stage:
    def __init__(self) -> None:
        self.gate = threading.Event()
        self.batches: list[list[bytes]] = []
        self.started: list[Script] = []

    def start(self) -> Script:
        self.started.append(Script(self.gate, self.batches))
        return self.started[-1]


@pytest.fixture
def stage() -> Stage:
    return Stage()


@pytest.fixture
def open_pool(stage: Stage) -> Iterator[Callable[..., RecognizerPool]]:
    with ExitStack() as ending:

        def start(*, size: int = 1, together: int = 4, waiting: int = 100) -> RecognizerPool:
            pool = RecognizerPool(stage.start, size=size, together=together, waiting=waiting, lone_bytes=20)
            ending.callback(pool.close)
            return pool

        yield start
        stage.gate.set()


def widths(answers: list[Any]) -> list[int]:
    return [answer.result(10).width for answer in answers]


def test_what_waits_goes_together_and_every_answer_finds_its_photo(
    open_pool: Callable[..., RecognizerPool], stage: Stage
) -> None:
    pool = open_pool()
    answers = [pool.look(b"x" * number) for number in range(1, 11)]
    stage.gate.set()

    assert widths(answers) == list(range(1, 11))
    assert max(map(len, stage.batches)) == 4


def test_photos_to_enroll_never_go_with_photos_to_name(open_pool: Callable[..., RecognizerPool], stage: Stage) -> None:
    pool = open_pool()
    answers = [pool.look(b"x" * number, enrolling=number % 3 == 0) for number in range(1, 11)]
    stage.gate.set()

    assert widths(answers) == list(range(1, 11))
    to_enroll = {b"x" * number for number in (3, 6, 9)}
    assert set().union(*(script.enrolled for script in stage.started)) == to_enroll
    assert all(set(batch) <= to_enroll or to_enroll.isdisjoint(batch) for batch in stage.batches)


def test_a_large_photo_keeps_nobody_waiting_behind_it(open_pool: Callable[..., RecognizerPool], stage: Stage) -> None:
    pool = open_pool()
    answers = [pool.look(b"y" * 30) for _ in range(4)]
    stage.gate.set()
    widths(answers)

    assert all(len(batch) == 1 for batch in stage.batches)


@pytest.mark.parametrize(("bad", "code"), [(DEADLY, "unreadable-media"), (HANGING, "too-slow")])
def test_only_the_photo_to_blame_is_refused(
    open_pool: Callable[..., RecognizerPool], stage: Stage, bad: bytes, code: str
) -> None:
    pool = open_pool()
    answers = [pool.look(photo) for photo in (b"a", b"bb", bad, b"dddd", b"eeeee")]
    stage.gate.set()

    refused = answers.pop(2).result(10)

    assert isinstance(refused, Refusal)
    assert refused.code == code
    assert widths(answers) == [1, 2, 4, 5]
    assert all(script.killed for script in stage.started[:-1])


@pytest.mark.parametrize("bad", [UNLUCKY, ODD])
def test_a_photo_is_not_to_blame_for_what_does_not_happen_each_time(
    open_pool: Callable[..., RecognizerPool], stage: Stage, bad: bytes
) -> None:
    pool = open_pool()
    answers = [pool.look(photo) for photo in (b"a", bad, b"ccc")]
    stage.gate.set()
    assert widths(answers) == [1, len(bad), 3]


def test_no_photo_is_refused_because_recognizers_are_ended_from_outside(
    open_pool: Callable[..., RecognizerPool], stage: Stage
) -> None:
    pool = open_pool()
    stage.gate.set()
    with pytest.raises(Overloaded, match="Try again") as told:
        pool.look(DOOMED).result(10)
    assert told.value.retry_after
    assert stage.batches == [[DOOMED]] * 3


def test_more_than_may_wait_is_refused_and_the_rest_is_answered(
    open_pool: Callable[..., RecognizerPool], stage: Stage
) -> None:
    pool = open_pool(waiting=3)
    answers = [pool.look(b"x")]
    while not stage.batches:
        pass
    answers += [pool.look(b"x") for _ in range(3)]

    with pytest.raises(Overloaded):
        pool.look(b"x")

    stage.gate.set()
    assert widths(answers) == [1, 1, 1, 1]


def test_a_recognizer_that_cannot_be_started_again_fails_its_photos_and_not_the_pool(
    open_pool: Callable[..., RecognizerPool], stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool = open_pool()
    stage.gate.set()
    assert isinstance(pool.look(DEADLY).result(10), Refusal)
    works = pool._start

    def fail() -> Recognizer:
        raise OSError("no memory")

    monkeypatch.setattr(pool, "_start", fail)
    with pytest.raises(Overloaded):
        pool.look(b"x").result(10)

    monkeypatch.setattr(pool, "_start", works)
    assert widths([pool.look(b"xx")]) == [2]
