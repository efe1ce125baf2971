import io
import time
from collections.abc import Iterator

import pytest

from functions.common.events import Upload
from functions.common.jobs import Job, JobError, MediaSummary
from local.lambda_host.event_source_mapping import FunctionStatus
from local.progress import LineProgress
from local.submissions import SPLITTING, UPLOADING, Stage, stage_of
from local.watchdog import PATIENCE_SECONDS, Stalled, Watchdog

UPLOAD = Upload(bucket="b", key="clip.mp4", version="1")
MEDIA = MediaSummary(duration=30, frames=60, gops=3, step=0.5, width=640, height=360, seconds_spent=1)


def job(**fields: object) -> Job:
    return Job.model_validate({"job": UPLOAD.job, "upload": UPLOAD, "created": 0.0} | fields)


@pytest.mark.parametrize(
    ("found", "stage"),
    [
        (None, "splitting"),
        (job(), "splitting"),
        (job(packed=2, done={0}), "recognizing, 1 GoPs done"),
        (job(media=MEDIA, packed=3), "recognizing GoP 0/3"),
        (job(media=MEDIA, packed=3, done={2, 0}), "recognizing GoP 2/3"),
        (job(media=MEDIA, packed=3, done={0, 1, 2}), "looking up"),
        (job(error=JobError(code="x", message="y")), "looking up"),
        (job(media=MEDIA, done={0, 1, 2}, status="done"), "done"),
        (job(status="failed"), "failed"),
    ],
)
def test_the_stage_follows_from_the_job(found: Job | None, stage: str) -> None:
    assert str(stage_of(found)) == stage


def test_a_line_for_each_stage_and_few_for_counts() -> None:
    stream = io.StringIO()
    progress = LineProgress(stream)

    for stage in (UPLOADING, UPLOADING, SPLITTING, SPLITTING):
        progress.update("a\x1b.mp4", stage)
    for done in range(100):
        progress.update("a\x1b.mp4", Stage("recognizing", done, 100))
    progress.update("a\x1b.mp4", Stage("done"))

    lines = stream.getvalue().splitlines()
    assert lines[:2] == ["a\ufffd.mp4: uploading", "a\ufffd.mp4: splitting"]
    assert lines[-1] == "a\ufffd.mp4: done"
    assert len(lines) <= 5  # a hundred counts within a second are one or two lines


@pytest.fixture
def clock() -> Iterator[list[float]]:
    yield [time.monotonic()]


def wait(watchdog: Watchdog, clock: list[float], seconds: float) -> None:
    for _ in range(int(seconds)):
        clock[0] += 1.0
        watchdog.check()


def test_work_in_hand_is_waited_for_as_long_as_it_takes(clock: list[float]) -> None:
    busy = {"split": FunctionStatus(workers=1, in_flight=1, backlog=0)}
    watchdog = Watchdog(lambda: busy, clock=lambda: clock[0])

    wait(watchdog, clock, 10 * PATIENCE_SECONDS)


def test_files_that_nobody_works_on_are_given_up(clock: list[float]) -> None:
    idle = {"split": FunctionStatus(workers=0, in_flight=0, backlog=0)}
    watchdog = Watchdog(lambda: idle, clock=lambda: clock[0])

    wait(watchdog, clock, PATIENCE_SECONDS - 5)
    with pytest.raises(Stalled, match="logs"):
        wait(watchdog, clock, 10)
