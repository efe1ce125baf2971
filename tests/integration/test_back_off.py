"""Messages that failed, on a real queue: they come again after seconds, and not when the queue would have them."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.config import Config

from functions.common import back_off
from functions.common.batch import handle_batch
from functions.common.observability import metrics
from functions.worker.sqs_event import sqs_event
from infra.pipeline import Pipeline, Queue
from local.cloud import LocalCloud
from local.provision import provision
from tests.integration.throwaway import pipeline

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

QUEUE = "try-again"
HIDDEN = 3600  # seconds, by the queue's own timeout
ARN = f"arn:aws:sqs:us-east-1:123456789012:{QUEUE}"


class Context:
    function_name = "try"

    def get_remaining_time_in_millis(self) -> int:
        return 60_000


@pytest.fixture(scope="module")
def cloud() -> Iterator[LocalCloud]:
    with LocalCloud(pipeline()) as running:
        queue = Queue(name=QUEUE, visibility_timeout=HIDDEN, dead_letter_queue="dead", max_receive_count=9)
        services = {service: running.client(service) for service in ("s3", "sqs", "dynamodb")}
        provision(Pipeline(prefix="try", buckets=(), queues=(queue,), tables=(), functions=()), **services)
        yield running


@pytest.fixture
def sqs(cloud: LocalCloud) -> "SQSClient":
    return cloud.client("sqs")


def refuse(body: str) -> None:
    if body != "good":
        raise ValueError(body)


def receive(sqs: "SQSClient", seconds: int) -> list[Any]:
    url = sqs.get_queue_url(QueueName=QUEUE)["QueueUrl"]
    answer = sqs.receive_message(
        QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=seconds, MessageSystemAttributeNames=["All"]
    )
    return answer.get("Messages", [])


def handle(messages: list[Any], sqs: Callable[[], "SQSClient"]) -> Any:
    event = sqs_event(messages, queue_arn=ARN, region="us-east-1")
    return handle_batch(event, Context(), attempts=3, work=refuse, give_up=refuse, sqs=sqs)  # type: ignore[arg-type]


def test_what_failed_comes_again_by_the_back_off(sqs: "SQSClient", monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(back_off, "SECONDS", (1, 900))
    url = sqs.get_queue_url(QueueName=QUEUE)["QueueUrl"]
    sqs.send_message_batch(QueueUrl=url, Entries=[{"Id": body, "MessageBody": body} for body in ("good", "bad")])
    first = receive(sqs, 5)
    bad = next(message["MessageId"] for message in first if message["Body"] == "bad")

    answer = handle(first, lambda: sqs)

    assert answer == {"batchItemFailures": [{"itemIdentifier": bad}]}
    assert metrics.provider.metric_set["RecordsFailed"]["Value"] == [1.0]
    again = receive(sqs, 10)
    assert [(message["Body"], message["Attributes"]["ApproximateReceiveCount"]) for message in again] == [("bad", "2")]
    handle(again, lambda: sqs)
    assert receive(sqs, 2) == []


def test_a_queue_that_cannot_be_told_changes_nothing(sqs: "SQSClient") -> None:
    nowhere = boto3.client(
        "sqs",
        endpoint_url="http://127.0.0.1:9",
        config=Config(retries={"max_attempts": 0}, connect_timeout=1),
        region_name="us-east-1",
        aws_access_key_id="any",
        aws_secret_access_key="thing",
    )
    sqs.send_message(QueueUrl=sqs.get_queue_url(QueueName=QUEUE)["QueueUrl"], MessageBody="worse")
    messages = receive(sqs, 5)
    assert handle(messages, lambda: nowhere) == {"batchItemFailures": [{"itemIdentifier": messages[0]["MessageId"]}]}


def test_the_back_off_grows() -> None:
    assert [back_off.back_off_seconds(deliveries) for deliveries in (1, 2, 3, 4, 1000)] == [15, 60, 240, 240, 240]
