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
from rollcall.local.aws import HOST
from rollcall.local.cloud import LocalCloud
from rollcall.local.lambda_host.process_environment import LOCAL_CREDENTIALS
from rollcall.local.own_clients import create_dynamodb
from rollcall.local.store.credentials import Credentials
from rollcall.people.gallery_store import GalleryStore
from rollcall.people.people_store import PeopleStore
from rollcall.pipeline.description import describe
from rollcall.pipeline.roles import SPLIT, BucketRole
from rollcall.pipeline.settings import Settings

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.service_resource import DynamoDBServiceResource, Table
    from mypy_boto3_s3 import S3Client


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


@dataclass(frozen=True, kw_only=True)
class Serving:
    """Where the local AWS keeps what it is given, and whom it serves. Without `data` all of it goes at the end."""

    data: Path | None = None
    host: str = HOST
    certificate: Path | None = None
    key: Path | None = None
    credentials: Credentials = LOCAL_CREDENTIALS

    @property
    def tls_options(self) -> list[str]:
        given = (("--certificate", self.certificate), ("--key", self.key))
        return [part for name, path in given if path is not None for part in (name, str(path))]


IN_MEMORY = Serving()


@dataclass(frozen=True)
class Session:
    cloud: LocalCloud
    prefix: str
    credentials: Credentials = LOCAL_CREDENTIALS

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
        return create_dynamodb(self.cloud.endpoint_url, credentials=self.credentials)

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
        GalleryStore(self.table("faces")).put_all(enrollment.faces)
        people = PeopleStore(self.table("people"))
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
    serving: Serving = IN_MEMORY,
    page_origins: Sequence[str] = (),
    restartable: bool = False,
    worker_died: Callable[[str, str], None] = lambda _function, _how: None,
    messages_done: Callable[[str, Sequence[str]], None] = lambda _component, _bodies: None,
) -> Iterator[Session]:
    """Pages of `page_origins` may send upload forms. What follows it is as for LocalCloud."""
    with LocalCloud(
        describe(settings),
        port=port,
        max_concurrency=settings.max_concurrency,
        log_dir=log_dir,
        extra_environment={"ROLLCALL_MODEL_DIR": str(model_dir)},
        host=serving.host,
        data=serving.data,
        credentials=serving.credentials,
        server_options=[*_upload_forms(settings, page_origins), *serving.tls_options],
        restartable=restartable,
        worker_died=worker_died,
        messages_done=messages_done,
    ) as cloud:
        session = Session(cloud, settings.prefix, serving.credentials)
        session.enroll(enrollment)
        try:
            yield session
        finally:
            session.close()


def _upload_forms(settings: Settings, page_origins: Sequence[str]) -> list[str]:
    configured = [origin.strip() for origin in settings.api_cors_origins.split(",")]
    origins = [f"--form-origin={origin}" for origin in (*page_origins, *configured)]
    return [f"--form-bucket={settings.bucket_names['input']}", *origins]
