"""A result is announced: on the results queue and as an event, after it is written, and without anybody's name."""

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from rollcall.contracts.events import LookupMessage, Upload
from rollcall.contracts.jobs import JobStore, RangeSummary
from rollcall.contracts.lookup_queue import LookupQueue
from rollcall.contracts.object_keys import gop_faces_key
from rollcall.local.cloud import LocalCloud
from rollcall.local.lambda_host.process_environment import ACCESS_KEY, REGION, SECRET_KEY
from rollcall.local.own_clients import create_client
from rollcall.local.store.sqs.repeats import TAG as ONCE
from rollcall.people.gallery_store import GalleryStore
from rollcall.people.gop_faces import GopFaces
from rollcall.people.people_store import PeopleStore
from rollcall.pipeline.description import EVENT_BUS, describe
from rollcall.pipeline.settings import Settings
from rollcall.results.announce import Announcer
from rollcall.results.publisher import Publisher
from rollcall.results.result import Failure
from rollcall.runtime.together import alone
from rollcall.stages.lookup import Lookup
from tests.integration.throwaway import Messages, until

PREFIX = "told"
QUEUE = f"{PREFIX}-results"
KEY = "party/clip.mp4"


@pytest.fixture(scope="module")
def cloud() -> Iterator[LocalCloud]:
    """As AWS is: the queue delivers what is sent twice."""
    with LocalCloud(describe(Settings(prefix=PREFIX))) as running:
        sqs = running.client("sqs")
        sqs.untag_queue(QueueUrl=sqs.get_queue_url(QueueName=QUEUE)["QueueUrl"], TagKeys=[ONCE])
        yield running


@pytest.fixture(scope="module")
def events(cloud: LocalCloud) -> Iterator[Any]:
    client = create_client("events", cloud.endpoint_url)
    yield client
    client.close()


@pytest.fixture(scope="module")
def dynamodb(cloud: LocalCloud) -> Iterator[Any]:
    session = boto3.Session(aws_access_key_id=ACCESS_KEY, aws_secret_access_key=SECRET_KEY, region_name=REGION)
    resource = session.resource("dynamodb", endpoint_url=cloud.endpoint_url)
    yield resource
    resource.meta.client.close()


@pytest.fixture
def upload(cloud: LocalCloud, dynamodb: Any) -> Upload:
    """Looked at by all stages but the last; nobody is in it."""
    s3 = cloud.client("s3")
    sent = Upload(bucket=f"{PREFIX}-elsewhere", key=KEY, version="null")
    s3.create_bucket(Bucket=sent.bucket)  # one that does not notify: the stages are not to begin by themselves
    s3.put_object(Bucket=sent.bucket, Key=KEY, Body=b"video")
    jobs = JobStore(dynamodb.Table(f"{PREFIX}-jobs"))
    jobs.start(sent, frames_per_second=1)
    jobs.range_done(
        sent.job, 0, RangeSummary(next=1, gops=1, duration=1.0, step=1.0, width=8, height=8, seconds_spent=0.1)
    )
    jobs.gop_done(sent.job, 0)
    faces = GopFaces(upload=sent, index=0, model={}, embedder="dlib-resnet", faces=[], seconds_spent=0.1)
    s3.put_object(
        Bucket=f"{PREFIX}-stage-1", Key=gop_faces_key(KEY, sent.job, 0), Body=faces.model_dump_json().encode()
    )
    return sent


def lookup(cloud: LocalCloud, dynamodb: Any, events: Any, *, queue: str = QUEUE) -> Lookup:
    s3, sqs, output = cloud.client("s3"), cloud.client("sqs"), f"{PREFIX}-output"
    return Lookup(
        s3=s3,
        jobs=JobStore(dynamodb.Table(f"{PREFIX}-jobs")),
        gallery=GalleryStore(dynamodb.Table(f"{PREFIX}-faces")),
        people=PeopleStore(dynamodb.Table(f"{PREFIX}-people")),
        lookups=LookupQueue(sqs, f"{PREFIX}-lookup"),
        publisher=Publisher(s3, output),
        announcer=Announcer(sqs=sqs, events=events, bucket=output, queue=queue, bus=EVENT_BUS),
        stage_1_bucket=f"{PREFIX}-stage-1",
        threshold=None,
    )


def asked(upload: Upload) -> str:
    return LookupMessage(upload=upload).model_dump_json()


def announced(cloud: LocalCloud) -> list[dict[str, Any]]:
    return [json.loads(message["Body"]) for message in Messages(cloud).receive(QUEUE)]


def test_the_message_says_where_to_look(cloud: LocalCloud, dynamodb: Any, events: Any, upload: Upload) -> None:
    alone(lookup(cloud, dynamodb, events).look_up(asked(upload)))

    (message,) = announced(cloud)
    assert message == {
        "schema_version": 1,
        "id": f"{upload.job}-done",
        "job": upload.job,
        "status": "done",
        "input_key": KEY,
        "version": upload.version,
        "bucket": f"{PREFIX}-output",
        "keys": [f"{KEY}.json", f"{KEY}.csv", f"{KEY}.vtt"],
    }
    for key in message["keys"]:
        cloud.client("s3").head_object(Bucket=message["bucket"], Key=key)


def test_told_twice_it_has_the_same_id(cloud: LocalCloud, dynamodb: Any, events: Any, upload: Upload) -> None:
    for _ in range(2):
        alone(lookup(cloud, dynamodb, events).look_up(asked(upload)))

    assert [message["id"] for message in announced(cloud)] == 2 * [f"{upload.job}-done"]


def test_an_event_follows_the_rules_of_the_accounts_bus(
    cloud: LocalCloud, dynamodb: Any, events: Any, upload: Upload
) -> None:
    cloud.client("sqs").create_queue(QueueName="listener")
    pattern = {"source": ["rollcall"], "detail-type": ["Result written"], "detail": {"status": ["done"]}}
    events.put_rule(Name="results", EventPattern=json.dumps(pattern))
    listener = {"Id": "listener", "Arn": "arn:aws:sqs:us-east-1:123456789012:listener"}
    events.put_targets(Rule="results", Targets=[listener])

    alone(lookup(cloud, dynamodb, events).look_up(asked(upload)))

    (message,) = Messages(cloud).receive("listener")
    assert json.loads(message["Body"])["detail"] == announced(cloud)[-1]


def test_a_result_that_cannot_be_announced_is_tried_again_and_never_turned_into_a_failure(
    cloud: LocalCloud, dynamodb: Any, events: Any, upload: Upload
) -> None:
    broken = lookup(cloud, dynamodb, events, queue="no-such-queue")

    for deliver in (broken.look_up, broken.give_up):
        with pytest.raises(ClientError, match="NonExistentQueue"):
            alone(deliver(asked(upload)))

    answer = cloud.client("s3").get_object(Bucket=f"{PREFIX}-output", Key=f"{KEY}.json")
    assert json.loads(answer["Body"].read())["status"] == "done"
    assert announced(cloud) == []


def test_an_upload_that_fails_in_the_pipeline_is_announced_too(cloud: LocalCloud) -> None:
    version = cloud.client("s3").put_object(Bucket=f"{PREFIX}-input", Key="no video.mp4", Body=b"?")["VersionId"]

    (message,) = until(lambda: announced(cloud))

    assert (message["input_key"], message["version"], message["status"]) == ("no video.mp4", version, "failed")
    assert message["keys"] == ["no video.mp4.json"]
    answer = cloud.client("s3").get_object(Bucket=message["bucket"], Key="no video.mp4.json")
    assert Failure.model_validate_json(answer["Body"].read()).error.code
    assert answer["Metadata"]["job"] == message["job"]
