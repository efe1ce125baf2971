"""Packs live a day: what waited longer is still answered, with a failure that its owner can read."""

import json
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, cast

import boto3
import pytest

from rollcall.contracts.errors import Superseded
from rollcall.contracts.events import Upload
from rollcall.contracts.jobs import INTERNAL_ERROR, JobStore
from rollcall.contracts.lookup_queue import LookupQueue
from rollcall.contracts.object_keys import pack_key
from rollcall.engine.engine import Engine
from rollcall.local.cloud import LocalCloud
from rollcall.local.lambda_host.process_environment import ACCESS_KEY, REGION, SECRET_KEY
from rollcall.local.provision import provision
from rollcall.pipeline.description import describe
from rollcall.pipeline.settings import Settings
from rollcall.stages.recognize import Recognizer
from tests.integration.throwaway import Messages, pipeline

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

KEY = "party/a clip.mp4"


@pytest.fixture(scope="module")
def cloud() -> Iterator[LocalCloud]:
    with LocalCloud(pipeline()) as running:  # its host runs none of the functions of what is provisioned here
        services: dict[str, Any] = {service: running.client(service) for service in ("s3", "sqs", "dynamodb")}
        provision(describe(Settings(prefix="lost")), **services)
        yield running


@pytest.fixture
def s3(cloud: LocalCloud) -> "S3Client":
    return cloud.client("s3")


@pytest.fixture(scope="module")
def jobs(cloud: LocalCloud) -> Iterator[JobStore]:
    session = boto3.Session(aws_access_key_id=ACCESS_KEY, aws_secret_access_key=SECRET_KEY, region_name=REGION)
    resource = session.resource("dynamodb", endpoint_url=cloud.endpoint_url)
    yield JobStore(resource.Table("lost-jobs"))
    resource.meta.client.close()


@pytest.fixture
def recognizer(cloud: LocalCloud, jobs: JobStore) -> Recognizer:
    return Recognizer(
        s3=cloud.client("s3"),
        jobs=jobs,
        lookups=LookupQueue(cloud.client("sqs"), "lost-lookup"),
        engine=cast(Engine, None),  # who gives up looks at nothing
        input_bucket="lost-input",
    )


def uploaded(s3: "S3Client", jobs: JobStore) -> Upload:
    version = s3.put_object(Bucket="lost-input", Key=KEY, Body=b"video")["VersionId"]
    upload = Upload(bucket="lost-input", key=KEY, version=version)
    jobs.start(upload, frames_per_second=2.0)
    return upload


def notification(at: float) -> str:
    """The event of a pack that no longer exists."""
    key = pack_key(KEY, 3).replace(" ", "+")
    moment = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(at))
    entity = {"bucket": {"name": "lost-stage-1"}, "object": {"key": key, "versionId": "f00"}}
    return json.dumps({"Records": [{"eventTime": moment, "s3": entity}]})


def error(jobs: JobStore, upload: Upload) -> Any:
    job = jobs.get(upload.job)
    assert job is not None
    return job.error


def test_its_owner_is_told(cloud: LocalCloud, s3: "S3Client", jobs: JobStore, recognizer: Recognizer) -> None:
    upload = uploaded(s3, jobs)

    recognizer.give_up(notification(time.time() + 1))

    assert error(jobs, upload) == INTERNAL_ERROR
    (asked,) = Messages(cloud).receive("lost-lookup")
    assert json.loads(asked["Body"])["upload"]["version"] == upload.version


def test_a_newer_upload_does_not_pay_for_it(s3: "S3Client", jobs: JobStore, recognizer: Recognizer) -> None:
    an_hour_ago = time.time() - 3600
    upload = uploaded(s3, jobs)

    with pytest.raises(Superseded):
        recognizer.give_up(notification(an_hour_ago))

    assert error(jobs, upload) is None


def test_the_pack_of_a_newer_upload_in_its_place_is_not_lost(
    s3: "S3Client", jobs: JobStore, recognizer: Recognizer
) -> None:
    """The older upload was deleted a moment ago, and its packs with it."""
    upload = uploaded(s3, jobs)
    s3.put_object(Bucket="lost-stage-1", Key=pack_key(KEY, 3), Body=b"pack", Metadata={"job": upload.job})

    with pytest.raises(Superseded):
        recognizer.give_up(notification(time.time() + 1))

    assert error(jobs, upload) is None
    s3.delete_object(Bucket="lost-stage-1", Key=pack_key(KEY, 3))


def test_nobody_is_left_to_tell(s3: "S3Client", jobs: JobStore, recognizer: Recognizer) -> None:
    upload = uploaded(s3, jobs)
    s3.delete_object(Bucket="lost-input", Key=KEY)

    with pytest.raises(Superseded):
        recognizer.give_up(notification(time.time() + 1))

    assert error(jobs, upload) is None
