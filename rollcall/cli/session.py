"""A running local cloud with people enrolled, and the clients that speak to it."""

import argparse
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from rollcall.cli.options import threshold_of
from rollcall.cli.preparation import Enrollment
from rollcall.contracts.jobs import JobStore
from rollcall.contracts.usage_error import UsageError
from rollcall.local.cloud import LocalCloud
from rollcall.local.own_clients import create_dynamodb
from rollcall.people.gallery_store import GalleryStore
from rollcall.people.people_store import PeopleStore
from rollcall.pipeline.description import describe
from rollcall.pipeline.roles import SPLIT, BucketRole
from rollcall.pipeline.settings import Settings

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.service_resource import DynamoDBServiceResource, Table
    from mypy_boto3_s3 import S3Client

DUMMY_KEY = "test"


def settings_from(options: argparse.Namespace) -> Settings:
    """Raises UsageError where two buckets would be one: results in the input bucket would be uploads, without end."""
    given = {name: value for name, value in vars(options).items() if name in Settings.__dataclass_fields__}
    origins = ",".join(getattr(options, "cors_origin", None) or ())  # of `up` alone: `run` has no API
    settings = Settings(**given | {"threshold": threshold_of(options), "api_cors_origins": origins})
    names = settings.bucket_names
    if len(set(names.values())) < len(names):
        told = ", ".join(f"--{role}-bucket {name}" for role, name in names.items())
        raise UsageError(f"{told}: these have to be three different buckets; choose other names")
    return settings


@dataclass(frozen=True)
class Session:
    cloud: LocalCloud
    prefix: str

    def bucket(self, role: BucketRole) -> str:
        return self.cloud.pipeline.bucket_names[role]

    def table(self, role: str) -> "Table":
        return self._dynamodb.Table(f"{self.prefix}-{role}")

    @cached_property
    def s3(self) -> "S3Client":
        client: S3Client = self.cloud.client("s3")
        return client

    @cached_property
    def jobs(self) -> JobStore:
        return JobStore(self.table("jobs"))

    @cached_property
    def _dynamodb(self) -> "DynamoDBServiceResource":
        return self._dynamodb_at(self.cloud.endpoint_url)

    def _dynamodb_at(self, url: str) -> "DynamoDBServiceResource":
        return create_dynamodb(url)

    def uploads_waiting(self) -> int:
        """Uploads that no worker has begun to read."""
        queue = self.cloud.client("sqs").get_queue_url(QueueName=SPLIT.queue_of(self.prefix))["QueueUrl"]
        counts = self.cloud.client("sqs").get_queue_attributes(
            QueueUrl=queue, AttributeNames=["ApproximateNumberOfMessages"]
        )
        return int(counts["Attributes"]["ApproximateNumberOfMessages"])

    def close(self) -> None:
        self._dynamodb.meta.client.close()

    def enroll(self, enrollment: Enrollment) -> None:
        self._enroll(self._dynamodb, enrollment)

    def restart_aws(self, enrollment: Enrollment) -> None:
        """Raises CloudStopped if the new one ends as well."""

        def fill(url: str) -> None:
            dynamodb = self._dynamodb_at(url)
            self._enroll(dynamodb, enrollment)
            dynamodb.meta.client.close()

        self.cloud.restart_aws(fill)

    def _enroll(self, dynamodb: "DynamoDBServiceResource", enrollment: Enrollment) -> None:
        GalleryStore(dynamodb.Table(f"{self.prefix}-faces")).put_all(enrollment.faces)
        people = PeopleStore(dynamodb.Table(f"{self.prefix}-people"))
        for record in enrollment.records:
            people.put(record)


@contextmanager
def open_session(
    settings: Settings,
    enrollment: Enrollment,
    *,
    port: int,
    model_dir: Path,
    log_dir: Path | None,
    page_origins: Sequence[str] = (),
    restartable: bool = False,
    worker_died: Callable[[str, str], None] = lambda _function, _how: None,
) -> Iterator[Session]:
    """Pages of `page_origins` may send upload forms. `restartable` and `worker_died` are as for LocalCloud."""
    with LocalCloud(
        describe(settings),
        port=port,
        max_concurrency=settings.max_concurrency,
        log_dir=log_dir,
        extra_environment={"ROLLCALL_MODEL_DIR": str(model_dir)},
        aws_options=_upload_forms(settings, page_origins),
        restartable=restartable,
        worker_died=worker_died,
    ) as cloud:
        session = Session(cloud, settings.prefix)
        session.enroll(enrollment)
        try:
            yield session
        finally:
            session.close()


def _upload_forms(settings: Settings, page_origins: Sequence[str]) -> list[str]:
    configured = [origin.strip() for origin in settings.api_cors_origins.split(",")]
    origins = [f"--form-origin={origin}" for origin in (*page_origins, *configured)]
    return [f"--form-bucket={settings.bucket_names['input']}", *origins]
