"""The pipeline as a client sees it: objects in, objects out."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rollcall.cli.preparation import Enrollment
from rollcall.cli.session import Session
from rollcall.local.cloud import LocalCloud
from rollcall.local.lambda_host.unreliable_source import Delivery
from rollcall.pipeline.description import describe
from rollcall.pipeline.roles import BucketRole
from rollcall.pipeline.settings import Settings

PATIENCE = 120  # seconds


@dataclass(frozen=True)
class RunningPipeline:
    cloud: LocalCloud
    prefix: str

    def bucket(self, role: BucketRole) -> str:
        return self.cloud.pipeline.bucket_names[role]

    def upload(self, key: str, body: Path | bytes) -> str:
        """Returns the version of the upload."""
        content = body.read_bytes() if isinstance(body, Path) else body
        return self.cloud.client("s3").put_object(Bucket=self.bucket("input"), Key=key, Body=content)["VersionId"]

    def result(self, key: str, version: str) -> dict[str, Any]:
        """Wait for the result of this upload."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            if (found := self.published(key)) is not None and found[0] == version:
                return found[1]
            time.sleep(0.1)
        raise AssertionError(f"no result of {key} within {PATIENCE} s; workers: {self.cloud.status()}")

    def published(self, key: str) -> tuple[str, dict[str, Any]] | None:
        """Version and content of the result that is there now."""
        s3 = self.cloud.client("s3")
        try:
            answer = s3.get_object(Bucket=self.bucket("output"), Key=f"{key}.json")
        except s3.exceptions.NoSuchKey:  # what else belongs to it may be replaced at this moment
            return None
        return answer["Metadata"]["version"], json.loads(answer["Body"].read())

    def outputs(self, key: str) -> dict[str, bytes]:
        s3, bucket = self.cloud.client("s3"), self.bucket("output")
        listed = s3.list_objects_v2(Bucket=bucket, Prefix=key).get("Contents", [])
        return {item["Key"]: s3.get_object(Bucket=bucket, Key=item["Key"])["Body"].read() for item in listed}

    def waiting(self) -> int:
        """Messages in the queues, seen or not."""
        return sum(self._messages(function.queue) for function in describe(Settings(prefix=self.prefix)).functions)

    def dead_letters(self) -> int:
        return sum(self._messages(queue.dead_letter_queue) for queue in describe(Settings(prefix=self.prefix)).queues)

    def wait_until_idle(self) -> None:
        end = time.monotonic() + PATIENCE
        while self.waiting():
            assert time.monotonic() < end, f"still {self.waiting()} messages after {PATIENCE} s"
            time.sleep(0.1)

    def _messages(self, queue: str) -> int:
        sqs = self.cloud.client("sqs")
        counts = sqs.get_queue_attributes(
            QueueUrl=sqs.get_queue_url(QueueName=queue)["QueueUrl"],
            AttributeNames=["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"],
        )["Attributes"]
        return sum(int(count) for count in counts.values())


@contextmanager
def open_pipeline(
    settings: Settings, enrollment: Enrollment, *, model_dir: Path, delivery: Delivery | None
) -> Iterator[RunningPipeline]:
    environment = {"ROLLCALL_MODEL_DIR": str(model_dir)}
    with LocalCloud(describe(settings), extra_environment=environment, delivery=delivery) as cloud:
        Session(cloud, settings.prefix).enroll(enrollment)
        yield RunningPipeline(cloud, settings.prefix)


def names(result: dict[str, Any]) -> list[str]:
    return [person["name"] for person in result["people"]]


def without_timings(outputs: dict[str, bytes]) -> dict[str, Any]:
    return {
        key: {k: v for k, v in json.loads(body).items() if k != "timings"} if key.endswith(".json") else body
        for key, body in outputs.items()
    }
