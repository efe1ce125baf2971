"""The splitter on S3, SQS and DynamoDB of the local cloud: long videos, range by range, to a complete job."""

import dataclasses
import random
import uuid
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import boto3
import psutil
import pytest

from rollcall.contracts.errors import Superseded
from rollcall.contracts.events import RangeMessage, Upload
from rollcall.contracts.jobs import Job, JobStore
from rollcall.contracts.lookup_queue import LookupQueue
from rollcall.contracts.packs import MAX_SAMPLES, Pack, read_pack
from rollcall.local.cloud import LocalCloud
from rollcall.local.lambda_host.process_environment import ACCESS_KEY, REGION, SECRET_KEY
from rollcall.media.deadline import Deadline
from rollcall.media.videos.division import Division
from rollcall.media.videos.ffmpeg import find
from rollcall.media.videos.limits import Limits
from rollcall.pipeline.description import describe
from rollcall.pipeline.settings import Settings
from rollcall.runtime.observability import metrics
from rollcall.stages.range_queue import RangeQueue
from rollcall.stages.split import Splitter
from tests.integration.media.made_media import make, synthetic

SECONDS = 45
SHORT_PACKS = Limits(max_gop_seconds=10.0)  # so that a video of a minute has several
RATE = 2.0
AMPLE = 300.0  # seconds for an invocation


@pytest.fixture(scope="module")
def cloud() -> Iterator[LocalCloud]:
    with LocalCloud(dataclasses.replace(describe(Settings()), functions=())) as cloud:
        yield cloud


@pytest.fixture(scope="module")
def long_video(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("media") / "long.mp4"
    return synthetic(find(), path, "-g", "45", size="128x72", seconds=SECONDS).read_bytes()


class Split:
    """The split stage alone: what arrives in its queue, and what it leaves behind."""

    def __init__(self, cloud: LocalCloud) -> None:
        self.s3, self.sqs = cloud.client("s3"), cloud.client("sqs")
        keys: dict[str, Any] = {"aws_access_key_id": ACCESS_KEY, "aws_secret_access_key": SECRET_KEY}
        self.table = boto3.resource("dynamodb", REGION, endpoint_url=cloud.endpoint_url, **keys).Table("rollcall-jobs")
        self.jobs = JobStore(self.table)
        for queue in ("split", "lookup"):
            while self.receive(queue):
                pass

    def splitter(
        self,
        *,
        range_seconds: float = 10.0,
        rate: float = RATE,
        jobs: JobStore | None = None,
        every_track: bool = False,
        limits: Limits = SHORT_PACKS,
    ) -> Splitter:
        return Splitter(
            s3=self.s3,
            jobs=jobs or self.jobs,
            lookups=LookupQueue(self.sqs, "rollcall-lookup"),
            ranges=RangeQueue(self.sqs, "rollcall-split"),
            stage_1_bucket="rollcall-stage-1",
            division=Division(
                frames_per_second=rate, range_seconds=range_seconds, limits=limits, every_track=every_track
            ),
        )

    def upload(self, body: bytes) -> Upload:
        key = f"{uuid.uuid4().hex} ü+.mp4"
        version = self.s3.put_object(Bucket="rollcall-input", Key=key, Body=body)["VersionId"]
        return Upload(bucket="rollcall-input", key=key, version=version)

    def receive(self, queue: str) -> list[str]:
        url = self.sqs.get_queue_url(QueueName=f"rollcall-{queue}")["QueueUrl"]
        found = self.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
        for message in found:
            self.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return [message["Body"] for message in found]

    def run(self, splitter: Splitter, *, seconds: float = AMPLE, again: bool = False, seed: int = 0) -> int:
        """Until the queue is empty, in any order; returns how many messages there were."""
        shuffled, count = random.Random(seed), 0
        while bodies := self.receive("split"):
            bodies = bodies * 2 if again else bodies
            shuffled.shuffle(bodies)
            for body in bodies:
                splitter.split(body, deadline=Deadline.after(seconds))
                count += 1
        return count

    def packs(self, upload: Upload) -> list[Pack]:
        listed = self.s3.list_objects_v2(Bucket="rollcall-stage-1", Prefix=f"{upload.key}/").get("Contents", [])
        bodies = [self.s3.get_object(Bucket="rollcall-stage-1", Key=item["Key"])["Body"].read() for item in listed]
        packs = [read_pack(body) for body in bodies]
        assert [item["Key"] for item in listed] == [f"{upload.key}/gop-{pack.manifest.index:05d}.zip" for pack in packs]
        return packs

    def job(self, upload: Upload) -> Job:
        job = self.jobs.get(upload.job)
        assert job is not None
        return job

    def recognize(self, upload: Upload) -> Job:
        for pack in self.packs(upload):
            assert not self.job(upload).complete
            self.jobs.gop_done(upload.job, pack.manifest.index)
        return self.job(upload)


@pytest.fixture
def split(cloud: LocalCloud) -> Iterator[Split]:
    yield Split(cloud)
    metrics.clear_metrics()  # no handler sends them, and a hundred are too many


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def frames(packs: list[Pack]) -> list[tuple[int, float, bytes]]:
    return [
        (pack.manifest.first_frame + number, time, frame)
        for pack in packs
        for number, (time, frame) in enumerate(zip(pack.manifest.times, pack.frames, strict=True))
    ]


def undivided(split: Split, body: bytes) -> tuple[Job, list[Pack]]:
    upload = split.upload(body)
    split.run(split.splitter(range_seconds=600))
    return split.job(upload), split.packs(upload)


@pytest.mark.parametrize("seed", range(3))
def test_ranges_give_what_one_piece_gives(split: Split, long_video: bytes, seed: int) -> None:
    whole, expected = undivided(split, long_video)
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


def test_an_upload_that_is_done_is_left_alone(split: Split, long_video: bytes) -> None:
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


def test_whoever_closes_a_complete_job_asks_for_the_lookup(split: Split, long_video: bytes) -> None:
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
def test_who_runs_out_of_time_hands_the_rest_back(split: Split, long_video: bytes, ffmpeg_is_killed: bool) -> None:
    """Whoever kills ffmpeg besides changes nothing: reading goes on after the last pack."""
    whole, expected = undivided(split, long_video)
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


def test_the_limit_of_processor_time_hands_the_rest_back(split: Split, tmp_path: Path) -> None:
    a_second = Limits(max_gop_seconds=4.0, threads=0)  # no seconds for each thread, and the one that is always there
    part = synthetic(find(), tmp_path / "part.mp4", "-g", "30", size="1280x720", seconds=5)
    path = make(find(), tmp_path / "v.mp4", "-c", "copy", inputs=["-stream_loop", "23", "-i", str(part)])
    upload = split.upload(path.read_bytes())

    invocations = split.run(split.splitter(range_seconds=600, limits=a_second))

    job = split.job(upload)
    assert (job.error, job.refused) == (None, False)
    assert 1 < invocations == len(job.ranges)
    assert [number for number, _, _ in frames(split.packs(upload))] == [*range(240)]
    assert split.recognize(upload).complete


def test_no_progress_is_an_error_and_not_a_circle(split: Split, long_video: bytes) -> None:
    upload = split.upload(long_video)

    split.run(split.splitter(range_seconds=600), seconds=0.0)

    job = split.job(upload)
    assert job.error is not None and job.error.code == "too-slow"
    assert len(split.receive("lookup")) == 1


def test_a_range_that_fails_fails_the_job_once(split: Split, long_video: bytes) -> None:
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


def test_a_range_of_a_replaced_upload_is_let_go(split: Split, long_video: bytes) -> None:
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


def test_sampling_stays_as_the_job_began(split: Split, long_video: bytes) -> None:
    whole, expected = undivided(split, long_video)
    upload = split.upload(long_video)
    (notification,) = split.receive("split")
    split.splitter().split(notification, deadline=Deadline.after(AMPLE))

    split.run(split.splitter(rate=5.0))

    assert frames(split.packs(upload)) == frames(expected)


def test_a_job_of_the_first_schema_is_finished_in_one_piece(split: Split, long_video: bytes) -> None:
    """Its item as the first release left it, three packs into the video; then newer code is deployed."""
    _, expected = undivided(split, long_video)
    upload = split.upload(long_video)
    split.table.put_item(
        Item={
            "job": upload.job,
            "upload": {"bucket": upload.bucket, "key": upload.key, "version": upload.version},
            "created": Decimal("1763000000.25"),
            "expires": Decimal("1765592000"),
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


def test_a_photo_is_one_range(split: Split, tmp_path: Path) -> None:
    photo = synthetic(find(), tmp_path / "p.png", "-frames:v", "1", "-c:v", "png").read_bytes()
    upload = split.upload(photo)

    split.run(split.splitter())

    job = split.job(upload)
    assert job.media is not None
    assert (job.media.frames, job.media.gops, job.media.duration, job.media.step) == (1, 1, 0.0, 0.0)


def test_every_track_is_read_with_numbers_of_its_own(split: Split, tmp_path: Path) -> None:
    inputs = ["-f", "lavfi", "-i", "testsrc=s=64x64:r=10:d=15", "-f", "lavfi", "-i", "testsrc2=s=64x64:r=10:d=24"]
    options = ("-map", "0", "-map", "1", "-c:v", "libx264", "-preset", "ultrafast", "-g", "20", "-pix_fmt", "yuv420p")
    upload = split.upload(make(find(), tmp_path / "v.mp4", *options, inputs=inputs).read_bytes())

    assert split.run(split.splitter(every_track=True)) == 1 + 2 + 3

    job = split.recognize(upload)
    assert job.complete and job.media is not None
    assert (job.media.tracks, job.media.frames, job.media.notes) == (2, 30 + 48, [])
    assert job.media.duration == pytest.approx(24.0, abs=0.1)
    numbers = [number for number, _, _ in frames(split.packs(upload))]
    assert numbers == [*range(30), *range(MAX_SAMPLES, MAX_SAMPLES + 48)]


BOTH = ["-f", "lavfi", "-i", "testsrc=s=64x64:r=10:d=4", "-f", "lavfi", "-i", "testsrc2=s=64x64:r=10:d=4"]


def two_tracks(path: Path) -> bytes:
    options = ("-map", "0", "-map", "1", "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p")
    return make(find(), path, *options, inputs=BOTH).read_bytes()


@pytest.mark.parametrize("unreadable", [0, 1])
def test_a_track_that_cannot_be_read_leaves_the_others(split: Split, tmp_path: Path, unreadable: int) -> None:
    before, *others = two_tracks(tmp_path / "v.mp4").split(b"avc1\0\0")
    formats = [b"zzzz\0\0" if number == unreadable else b"avc1\0\0" for number in range(len(others))]
    upload = split.upload(before + b"".join(map(bytes.__add__, formats, others)))

    split.run(split.splitter(every_track=True))

    job = split.recognize(upload)
    assert len(others) == 2
    assert (job.complete, job.error) == (True, None)
    assert job.media is not None and "could not be read" in job.media.notes[0]
    assert job.media.duration == pytest.approx(4.0, abs=0.1)
    base = 0 if unreadable else MAX_SAMPLES
    assert [number for number, _, _ in frames(split.packs(upload))] == [*range(base, base + 8)]


def test_a_file_without_a_readable_track_is_refused(split: Split, tmp_path: Path) -> None:
    upload = split.upload(two_tracks(tmp_path / "v.mp4").replace(b"avc1\0\0", b"zzzz\0\0"))

    split.run(split.splitter(every_track=True))

    error = split.job(upload).error
    assert error is not None and error.code == "unreadable-media"


def test_tracks_beyond_the_most_are_told(split: Split, tmp_path: Path) -> None:
    maps = [part for number in range(10) for part in ("-map", str(number % 2))]
    options = (*maps, "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p")
    upload = split.upload(make(find(), tmp_path / "v.mp4", *options, inputs=BOTH).read_bytes())

    split.run(split.splitter(every_track=True))

    job = split.recognize(upload)
    assert job.complete and job.media is not None and job.media.tracks == 8
    (note,) = job.media.notes
    assert "10 video tracks, and only 8 of them were looked at. Left out: track 9 (64×64), track 10 (64×64)." in note
