"""The split stage alone: what arrives in its queue, and what it leaves behind."""

import random
import uuid
from typing import Any

import boto3

from rollcall.contracts.events import Upload
from rollcall.contracts.jobs import Job, JobStore
from rollcall.contracts.lookup_queue import LookupQueue
from rollcall.contracts.packs import Pack, read_pack
from rollcall.local.cloud import LocalCloud
from rollcall.local.lambda_host.process_environment import ACCESS_KEY, REGION, SECRET_KEY
from rollcall.media.deadline import Deadline
from rollcall.media.videos.division import Division
from rollcall.media.videos.limits import Limits
from rollcall.stages.range_queue import RangeQueue
from rollcall.stages.split import Splitter

SHORT_PACKS = Limits(max_gop_seconds=10.0)  # so that a video of a minute has several
RATE = 2.0
AMPLE = 300.0  # seconds for an invocation


class SplitStage:
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


def frames(packs: list[Pack]) -> list[tuple[int, float, bytes]]:
    return [
        (pack.manifest.first_frame + number, time, frame)
        for pack in packs
        for number, (time, frame) in enumerate(zip(pack.manifest.times, pack.frames, strict=True))
    ]
