"""The splitter on S3, SQS and DynamoDB of the local cloud: long videos, range by range, to a complete job."""

import time
from decimal import Decimal
from pathlib import Path

import psutil
import pytest

from rollcall.contracts.errors import Superseded
from rollcall.contracts.events import RangeMessage
from rollcall.contracts.jobs import Job, JobStore
from rollcall.contracts.packs import Pack
from rollcall.local.cloud import LocalCloud
from rollcall.media.deadline import Deadline
from rollcall.media.videos.ffmpeg import find
from rollcall.media.videos.limits import Limits
from tests.integration.media.made_media import make, synthetic
from tests.integration.stages.split_stage import AMPLE, SplitStage, frames

SECONDS = 45
Undivided = tuple[Job, list[Pack]]


@pytest.fixture(scope="module")
def long_video(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("media") / "long.mp4"
    return synthetic(find(), path, "-g", "45", size="128x72", seconds=SECONDS).read_bytes()


@pytest.fixture(scope="module")
def undivided(split_cloud: LocalCloud, long_video: bytes) -> Undivided:
    """The job and the packs of the long video, read in one piece."""
    split = SplitStage(split_cloud)
    upload = split.upload(long_video)
    split.run(split.splitter(range_seconds=600))
    return split.job(upload), split.packs(upload)


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize("seed", range(2))
def test_ranges_give_what_one_piece_gives(
    split: SplitStage, long_video: bytes, undivided: Undivided, seed: int
) -> None:
    whole, expected = undivided
    upload = split.upload(long_video)

    split.run(split.splitter(), again=True, seed=seed)

    job = split.job(upload)
    assert whole.media is not None and job.media is not None
    assert frames(split.packs(upload)) == frames(expected)
    assert len(job.ranges) == 5
    assert (job.media.frames, job.media.duration) == (whole.media.frames, whole.media.duration)
    assert (job.media.width, job.media.height, job.media.step) == (128, 72, 0.5)
    assert job.packed == job.media.gops == len(split.packs(upload))
    assert split.recognize(upload).complete


def test_an_upload_that_is_done_is_left_alone(split: SplitStage, long_video: bytes) -> None:
    upload = split.upload(long_video)
    (notification,) = split.receive("split")
    splitter = split.splitter()
    splitter.split(notification, deadline=Deadline.after(AMPLE))
    messages = split.receive("split")
    for body in messages:
        splitter.split(body, deadline=Deadline.after(AMPLE))
    split.recognize(upload)
    split.jobs.published(upload.job, "done")
    before = split.job(upload)

    for body in (notification, *messages):
        splitter.split(body, deadline=Deadline.after(0))

    assert split.job(upload) == before
    assert split.receive("split") == split.receive("lookup") == []


def test_whoever_closes_a_complete_job_asks_for_the_lookup(split: SplitStage, long_video: bytes) -> None:
    upload = split.upload(long_video)
    splitter = split.splitter()
    (notification,) = split.receive("split")
    splitter.split(notification, deadline=Deadline.after(AMPLE))
    *others, last = split.receive("split")
    for body in others:
        splitter.split(body, deadline=Deadline.after(AMPLE))
    split.recognize(upload)
    assert split.receive("lookup") == []

    recognized = split.job(upload).done
    # the last range's only pack is recognized before the split has reported it
    split.jobs.gop_done(upload.job, RangeMessage.model_validate_json(last).range.first_pack)
    assert split.job(upload).done > recognized
    splitter.split(last, deadline=Deadline.after(AMPLE))

    assert len(split.receive("lookup")) == 1


@pytest.mark.parametrize("ffmpeg_is_killed", [False, True])
def test_who_runs_out_of_time_hands_the_rest_back(
    split: SplitStage, long_video: bytes, undivided: Undivided, ffmpeg_is_killed: bool
) -> None:
    """Whoever kills ffmpeg besides changes nothing: reading goes on after the last pack."""
    whole, expected = undivided
    upload = split.upload(long_video)
    clock = Clock()

    class TwoPacks(JobStore):
        def packed(self, job: str, *, first: int, count: int) -> Job:
            if count == 2:
                clock.now += AMPLE
            elif count == 1 and ffmpeg_is_killed:
                for child in psutil.Process().children():
                    if child.name() == "ffmpeg":
                        child.kill()
            return super().packed(job, first=first, count=count)

    splitter = split.splitter(jobs=TwoPacks(split.table), range_seconds=600)
    invocations = 0
    while bodies := split.receive("split"):
        (body,) = bodies
        splitter.split(body, deadline=Deadline(clock.now + AMPLE, clock))
        invocations += 1

    job = split.job(upload)
    assert job.media is not None and whole.media is not None
    assert 1 < invocations == len(job.ranges)
    assert [pack.manifest.index for pack in split.packs(upload)] == list(range(len(expected)))
    assert frames(split.packs(upload)) == frames(expected)
    assert (job.media.frames, job.media.duration) == (whole.media.frames, whole.media.duration)
    assert split.recognize(upload).complete


def test_the_limit_of_processor_time_hands_the_rest_back(split: SplitStage, tmp_path: Path) -> None:
    a_second = Limits(max_gop_seconds=4.0, threads=0)  # no seconds for each thread, and the one that is always there
    part = synthetic(find(), tmp_path / "part.mp4", "-g", "30", size="1280x720", seconds=5)
    path = make(find(), tmp_path / "v.mp4", "-c", "copy", inputs=["-stream_loop", "15", "-i", str(part)])
    upload = split.upload(path.read_bytes())

    invocations = split.run(split.splitter(range_seconds=600, limits=a_second))

    job = split.job(upload)
    assert (job.error, job.refused) == (None, False)
    assert 1 < invocations == len(job.ranges)
    assert [number for number, _, _ in frames(split.packs(upload))] == [*range(160)]
    assert split.recognize(upload).complete


def test_no_progress_is_an_error_and_not_a_circle(split: SplitStage, long_video: bytes) -> None:
    upload = split.upload(long_video)

    split.run(split.splitter(range_seconds=600), seconds=0.0)

    job = split.job(upload)
    assert job.error is not None and job.error.code == "too-slow"
    assert len(split.receive("lookup")) == 1


def test_a_range_that_fails_fails_the_job_once(split: SplitStage, long_video: bytes) -> None:
    upload = split.upload(long_video)
    splitter = split.splitter()
    (notification,) = split.receive("split")
    splitter.split(notification, deadline=Deadline.after(AMPLE))
    first, second, *others = split.receive("split")

    splitter.split(first, deadline=Deadline.after(0))
    split.jobs.published(upload.job, "failed")
    splitter.split(second, deadline=Deadline.after(0))
    for body in (*others, first):
        splitter.split(body, deadline=Deadline.after(AMPLE))
    splitter.give_up(second)

    job = split.job(upload)
    assert job.error is not None and job.error.code == "too-slow"
    assert job.ranges == {}
    assert len(split.receive("lookup")) == 2  # of the range that failed, and of the one given up
    assert split.packs(upload) == []


def test_a_range_of_a_replaced_upload_is_let_go(split: SplitStage, long_video: bytes) -> None:
    upload = split.upload(long_video)
    splitter = split.splitter()
    (notification,) = split.receive("split")
    splitter.split(notification, deadline=Deadline.after(AMPLE))
    messages = split.receive("split")
    split.s3.put_object(Bucket=upload.bucket, Key=upload.key, Body=b"another")

    for body in messages:
        with pytest.raises(Superseded):
            splitter.split(body, deadline=Deadline.after(AMPLE))

    assert split.jobs.get(upload.job) is None
    assert split.packs(upload) == []


def test_sampling_stays_as_the_job_began(split: SplitStage, long_video: bytes, undivided: Undivided) -> None:
    whole, expected = undivided
    upload = split.upload(long_video)
    (notification,) = split.receive("split")
    split.splitter().split(notification, deadline=Deadline.after(AMPLE))

    split.run(split.splitter(rate=5.0))

    assert frames(split.packs(upload)) == frames(expected)


def test_a_job_of_the_first_schema_is_finished_in_one_piece(
    split: SplitStage, long_video: bytes, undivided: Undivided
) -> None:
    """Its item as the first release left it, three packs into the video; then newer code is deployed."""
    _, expected = undivided
    upload = split.upload(long_video)
    split.table.put_item(
        Item={
            "job": upload.job,
            "upload": {"bucket": upload.bucket, "key": upload.key, "version": upload.version},
            "created": Decimal("1763000000.25"),
            "expires": Decimal(int(time.time()) + 86_400),
            "schema_version": Decimal("1"),
            "packed": Decimal("3"),
            "done": {Decimal("0"), Decimal("1")},
        }
    )

    split.run(split.splitter())

    packs = split.packs(upload)
    assert [pack.manifest.index for pack in packs] == list(range(len(expected)))
    assert frames(packs) == frames(expected)
    for index in range(2, len(packs)):
        assert not split.job(upload).complete
        split.jobs.gop_done(upload.job, index)
    assert split.job(upload).complete
    assert split.job(upload).schema_version == 1


def test_a_photo_is_one_range(split: SplitStage, tmp_path: Path) -> None:
    photo = synthetic(find(), tmp_path / "p.png", "-frames:v", "1", "-c:v", "png").read_bytes()
    upload = split.upload(photo)

    split.run(split.splitter())

    job = split.job(upload)
    assert job.media is not None
    assert (job.media.frames, job.media.gops, job.media.duration, job.media.step) == (1, 1, 0.0, 0.0)
