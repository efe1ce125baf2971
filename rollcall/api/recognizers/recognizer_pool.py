"""A bounded queue of photos before a few recognizer processes, which answer what they see.

Every recognizer has a thread that hands it a few photos at a time. If a recognizer hangs or dies, another replaces it
and each of its photos is tried again alone. A photo is refused if it took too long, or crashed a recognizer each time.
If a recognizer was ended from outside, no photo is to blame.
"""

import math
import queue
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from rollcall.api.http_errors import Overloaded
from rollcall.api.recognizers.messages import LOOKED, RECOGNIZER_REPLACED, Batch, Looked, Ready, Refusal
from rollcall.contracts.detector_names import DEFAULT_DETECTOR
from rollcall.contracts.embedder_kinds import DEFAULT_EMBEDDER
from rollcall.contracts.errors import TooSlow, UnreadableMedia
from rollcall.runtime.confined.channel import PeerGone
from rollcall.runtime.confined.child import Child
from rollcall.runtime.confined.endings import from_outside
from rollcall.runtime.observability import logger

START_SECONDS = 60.0
HEADER_BYTES = 4096
ANSWER_BYTES = 64 * 1024**2
ATTEMPTS = 3  # at a photo by itself
PAUSE_SECONDS = 0.2  # before another
TOO_SLOW = Refusal(code=TooSlow.code, message="The photo could not be examined in time. Send it in a smaller size.")
FATAL = Refusal(code=UnreadableMedia.code, message="The photo could not be examined. Export it again as JPEG or PNG.")


@dataclass(frozen=True, kw_only=True)
class RecognizerSettings:
    model_dir: Path
    embedder: str = DEFAULT_EMBEDDER
    detector: str = DEFAULT_DETECTOR
    min_face: int  # pixels
    threads: int = 1  # of the engine in each process
    max_bytes: int  # of one photo
    max_pixels: int
    decode_seconds: float = 10.0
    look_seconds: float = 20.0  # for one photo, decoding included


class Recognizer:
    """The parent's side of one recognizer process."""

    def __init__(self, settings: RecognizerSettings) -> None:
        self._seconds = settings.look_seconds
        arguments = {
            "model-dir": settings.model_dir,
            "embedder": settings.embedder,
            "detector": settings.detector,
            "min-face": settings.min_face,
            "threads": settings.threads,
            "max-bytes": settings.max_bytes,
            "max-pixels": settings.max_pixels,
            "decode-seconds": settings.decode_seconds,
        }
        options = [part for name, value in arguments.items() for part in (f"--{name}", str(value))]
        self._child = Child("rollcall.api.recognizers.recognizer", options, quiet=False)
        self.ready = self._wait()

    @property
    def pid(self) -> int:
        return self._child.pid

    def look(self, photos: Sequence[bytes], *, enrolling: bool) -> list[Looked]:
        """Raise PeerGone or TimeoutError; then this recognizer has to be replaced."""
        deadline = time.monotonic() + self._seconds * len(photos)
        channel = self._child.channel
        channel.send(Batch(photos=len(photos), enrolling=enrolling).model_dump_json().encode(), deadline=deadline)
        for photo in photos:
            channel.send(photo, deadline=deadline)
        return [LOOKED.validate_json(channel.receive(most=ANSWER_BYTES, deadline=deadline)) for _ in range(len(photos))]

    def lost(self) -> bool:
        """Whether a process that raised PeerGone was ended from outside, for lack of memory for example."""
        ended = self._child.ended()
        return ended is not None and from_outside(ended)

    def kill(self) -> None:
        self._child.kill()

    def _wait(self) -> Ready:
        try:
            frame = self._child.channel.receive(most=HEADER_BYTES, deadline=time.monotonic() + START_SECONDS)
        except (PeerGone, TimeoutError):
            self._child.kill()
            raise
        return Ready.model_validate_json(frame)


@dataclass(frozen=True)
class _Task:
    photo: bytes
    enrolling: bool
    answer: "Future[Looked]"


class RecognizerPool:
    def __init__(
        self, start: Callable[[], Recognizer], *, size: int, together: int, waiting: int, lone_bytes: int = 1024**2
    ) -> None:
        """`together`: how many photos of up to `lone_bytes` go at once; `waiting`: the most in the queue."""
        self._start = start
        self._size = size
        self._together = together
        self._waiting = waiting
        self._lone_bytes = lone_bytes
        self._tasks: queue.SimpleQueue[_Task | None] = queue.SimpleQueue()
        self._closing = threading.Event()
        first = start()
        self.ready = first.ready
        self._live: dict[int, Recognizer] = {}
        self._working: set[int] = set()  # numbers of threads
        self._threads = [
            threading.Thread(target=self._run, args=(number, first if number == 0 else None), daemon=True)
            for number in range(size)
        ]
        for thread in self._threads:
            thread.start()

    def look(self, photo: bytes, *, enrolling: bool = False) -> "Future[Looked]":
        if self._tasks.qsize() >= self._waiting:
            raise Overloaded("Too many photos are waiting. Try again in a moment.", retry_after=1)
        task = _Task(photo, enrolling, Future())
        self._tasks.put(task)
        return task.answer

    def busy(self) -> bool:
        return bool(self._working) or self._tasks.qsize() > 0

    def pids(self) -> list[int]:
        return [recognizer.pid for recognizer in list(self._live.values())]

    def close(self) -> None:
        """Stops; photos that wait are no longer looked at."""
        self._closing.set()
        for _ in self._threads:
            self._tasks.put(None)
        for thread in self._threads:
            thread.join()

    def _run(self, number: int, recognizer: Recognizer | None) -> None:
        if recognizer is not None:
            self._live[number] = recognizer
        while (first := self._tasks.get()) is not None and not self._closing.is_set():
            tasks = [task for task in (first, *self._more(first)) if task.answer.set_running_or_notify_cancel()]
            self._working.add(number)
            try:
                self._answer(number, tasks)
            except Exception as error:
                logger.exception("no recognizer to look at photos with")
                for task in tasks:
                    if not task.answer.done():
                        task.answer.set_exception(error)
            finally:
                self._working.discard(number)
        if number in self._live:
            self._live.pop(number).kill()

    def _more(self, first: _Task) -> list[_Task]:
        """Returns a fair share of the waiting photos; a large photo comes alone or last."""
        fair = math.ceil((self._tasks.qsize() + 1) / self._size)
        more: list[_Task] = []
        last = first
        while len(more) + 1 < min(self._together, fair) and len(last.photo) <= self._lone_bytes:
            try:
                task = self._tasks.get_nowait()
            except queue.Empty:
                break
            if task is None or task.enrolling != first.enrolling:
                self._tasks.put(task)
                break
            more.append(task)
            last = task
        return more

    def _answer(self, number: int, tasks: Sequence[_Task]) -> None:
        if not tasks:
            return
        looked = self._look(number, tasks)
        if isinstance(looked, _Ended):
            for task in tasks:
                self._answer_alone(number, task, looked if len(tasks) == 1 else None)
            return
        for task, answer in zip(tasks, looked, strict=True):
            task.answer.set_result(answer)

    def _answer_alone(self, number: int, task: _Task, first: "_Ended | None") -> None:
        """`first`: how the first attempt ended, if there was one."""
        endings = [] if first is None else [first]
        while len(endings) < ATTEMPTS and _Ended.TOO_SLOW not in endings:
            time.sleep(PAUSE_SECONDS * len(endings))
            looked = self._look(number, [task])
            if not isinstance(looked, _Ended):
                task.answer.set_result(looked[0])
                return
            endings.append(looked)
        if _Ended.TOO_SLOW in endings:
            task.answer.set_result(TOO_SLOW)
        elif _Ended.LOST in endings:
            task.answer.set_exception(
                Overloaded("The photo could not be looked at. Try again in a moment.", retry_after=2)
            )
        else:
            task.answer.set_result(FATAL)

    def _look(self, number: int, tasks: Sequence[_Task]) -> "Sequence[Looked] | _Ended":
        try:
            if number not in self._live:
                self._live[number] = self._start()
        except OSError:
            logger.exception("no recognizer could be started")
            return _Ended.LOST
        recognizer = self._live[number]
        try:
            return recognizer.look([task.photo for task in tasks], enrolling=tasks[0].enrolling)
        except TimeoutError as error:
            ended, reason = _Ended.TOO_SLOW, str(error)
        except (PeerGone, ValueError) as error:
            lost = isinstance(error, PeerGone) and recognizer.lost()
            ended, reason = _Ended.LOST if lost else _Ended.CRASHED, str(error)
        logger.warning(RECOGNIZER_REPLACED, reason=reason, how=ended.value, photos=len(tasks))
        self._live.pop(number).kill()
        return ended


class _Ended(Enum):
    """How a recognizer ended before it had answered."""

    TOO_SLOW = "took too long"
    CRASHED = "crashed"
    LOST = "was ended from outside"
