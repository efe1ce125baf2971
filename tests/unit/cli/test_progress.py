import io
import time
from collections.abc import Iterator

import pytest

from rollcall.cli.show.progress import LineProgress, SummaryLines, Tally
from rollcall.cli.submissions import SPLITTING, UPLOADING, Stage, stage_of
from rollcall.contracts.events import Upload
from rollcall.contracts.jobs import Job, JobError, MediaSummary
from rollcall.local.lambda_host.event_source_mapping import FunctionStatus
from rollcall.local.watchdog import PATIENCE_SECONDS, Stalled, Watchdog

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


def test_a_function_that_never_starts_is_given_up_though_it_has_work(clock: list[float]) -> None:
    broken = {"split": FunctionStatus(workers=1, in_flight=1, backlog=5, failed_starts=4)}
    watchdog = Watchdog(lambda: broken, clock=lambda: clock[0])

    with pytest.raises(Stalled, match="logs"):
        wait(watchdog, clock, PATIENCE_SECONDS + 5)


def test_files_that_nobody_works_on_are_given_up(clock: list[float]) -> None:
    idle = {"split": FunctionStatus(workers=0, in_flight=0, backlog=0)}
    watchdog = Watchdog(lambda: idle, clock=lambda: clock[0])

    wait(watchdog, clock, PATIENCE_SECONDS - 5)
    with pytest.raises(Stalled, match="logs"):
        wait(watchdog, clock, 10)


def test_files_that_are_moved_are_work_though_no_function_sees_it(clock: list[float]) -> None:
    idle = {"split": FunctionStatus(workers=0, in_flight=0, backlog=0)}
    watchdog = Watchdog(lambda: idle, clock=lambda: clock[0])

    for _ in range(int(3 * PATIENCE_SECONDS)):
        clock[0] += 1.0
        watchdog.check(moved=True)


def test_many_files_are_counted_with_a_rate_that_follows_the_last_minute(clock: list[float]) -> None:
    clock[0] = 0.0
    tally = Tally(2000, clock=lambda: clock[0])
    for number in range(100):
        tally.update(str(number), SPLITTING)
    assert str(tally) == "0 of 2,000 files"  # nothing is known yet

    clock[0] += 100.0  # the start is slow, and no measure of what follows
    for number in range(10):
        clock[0] += 2.0
        tally.update(str(number), Stage("failed" if number == 0 else "done"))
    assert str(tally) == "10 of 2,000 files, 1 failed; 30 a minute, about 66 min left"
    for number in range(10, 100):
        clock[0] += 2.0  # 30 a minute
        tally.update(str(number), Stage("failed" if number % 50 == 0 else "done"))
        tally.update(str(number), Stage("failed" if number % 50 == 0 else "done"))  # told twice, counted once
    assert str(tally) == "100 of 2,000 files, 2 failed; 30 a minute, about 63 min left"

    clock[0] += 30.0  # nothing comes any more: the rate says so
    assert str(tally).endswith("; 15 a minute, about 2.1 h left")


def test_many_files_have_few_lines_and_each_failure_one(clock: list[float]) -> None:
    stream = io.StringIO()
    lines = SummaryLines(stream, Tally(100, clock=lambda: clock[0]), clock=lambda: clock[0])

    for number in range(100):
        lines.update(f"{number}.jpg", SPLITTING)
        clock[0] += 0.5
        lines.update(f"{number}.jpg", Stage("failed" if number == 40 else "done"))

    shown = stream.getvalue().splitlines()
    assert [line for line in shown if ".jpg" in line] == ["40.jpg: failed"]
    assert shown[-1] == "100 of 100 files, 1 failed"
    assert len(shown) <= 7
