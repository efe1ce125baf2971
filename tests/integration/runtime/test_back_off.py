"""Messages on a real queue: how soon those that failed come again, and when they are given up."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.config import Config

from rollcall.contracts.errors import Superseded
from rollcall.local.cloud import LocalCloud
from rollcall.local.provision import provision
from rollcall.pipeline.description import Pipeline, Queue, Table
from rollcall.runtime import back_off
from rollcall.runtime.batch import handle_batch
from rollcall.runtime.deliveries import Deliveries, DeliveryEnvironment
from rollcall.runtime.observability import metrics
from rollcall.runtime.together import one_by_one
from rollcall.runtime.worker.sqs_event import sqs_event
from tests.integration.throwaway import pipeline

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.service_resource import DynamoDBServiceResource
    from mypy_boto3_sqs import SQSClient

QUEUE = "try-again"
HIDDEN = 3600  # seconds, by the queue's own timeout
ARN = f"arn:aws:sqs:us-east-1:123456789012:{QUEUE}"
ATTEMPTS = 2  # after the first delivery
SETTINGS = DeliveryEnvironment(ATTEMPTS=ATTEMPTS, ATTEMPTS_TABLE="try-attempts", DEAD_LETTERS="dead")


NOBODY: dict[str, Any] = {"region_name": "us-east-1", "aws_access_key_id": "any", "aws_secret_access_key": "thing"}
Work = Callable[[str], None]


@pytest.fixture(scope="module")
def cloud() -> Iterator[LocalCloud]:
    with LocalCloud(pipeline()) as running:
        queue = Queue(name=QUEUE, visibility_timeout=HIDDEN, dead_letter_queue="dead", max_receive_count=99)
        services: dict[str, Any] = {service: running.client(service) for service in ("s3", "sqs", "dynamodb")}
        table = Table(name="try-attempts", key="message", ttl_attribute="expires")
        provision(Pipeline(prefix="try", buckets=(), queues=(queue,), tables=(table,), functions=()), **services)
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


def nothing(_: str) -> None:
    pass


@pytest.fixture
def deliveries(cloud: LocalCloud, sqs: "SQSClient") -> Deliveries:
    return Deliveries(SETTINGS, sqs=sqs, dynamodb=resource(cloud))


def resource(cloud: LocalCloud) -> "DynamoDBServiceResource":
    return boto3.resource("dynamodb", endpoint_url=cloud.endpoint_url, **NOBODY)


def handle(messages: list[Any], deliveries: Deliveries, work: Work = refuse, give_up: Work = nothing) -> Any:
    event = sqs_event(messages, queue_arn=ARN, region="us-east-1")
    return handle_batch(event, work=one_by_one(work), give_up=one_by_one(give_up), deliveries=lambda: deliveries)


def send(sqs: "SQSClient", body: str) -> None:
    sqs.send_message(QueueUrl=sqs.get_queue_url(QueueName=QUEUE)["QueueUrl"], MessageBody=body)


def show_again(sqs: "SQSClient", messages: list[Any]) -> None:
    """What Lambda does with a batch once its visibility timeout is over: because it was throttled, say."""
    url = sqs.get_queue_url(QueueName=QUEUE)["QueueUrl"]
    for message in messages:
        with suppress(sqs.exceptions.MessageNotInflight):  # its back-off has shown it again already
            sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0)


def settle(sqs: "SQSClient", messages: list[Any], answer: Any) -> None:
    """What Lambda does after an invocation."""
    failed = {failure["itemIdentifier"] for failure in answer["batchItemFailures"]}
    url = sqs.get_queue_url(QueueName=QUEUE)["QueueUrl"]
    for message in messages:
        if message["MessageId"] not in failed:
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])


def dead(sqs: "SQSClient") -> list[str]:
    url = sqs.get_queue_url(QueueName="dead")["QueueUrl"]
    messages = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
    for message in messages:
        sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return [message["Body"] for message in messages]


def test_a_delivery_that_nobody_began_costs_no_attempt(sqs: "SQSClient", deliveries: Deliveries) -> None:
    send(sqs, "throttled")
    for _ in range(20):
        show_again(sqs, receive(sqs, 5))
    tried: list[str] = []

    messages = receive(sqs, 5)
    answer = handle(messages, deliveries, work=tried.append, give_up=pytest.fail)
    settle(sqs, messages, answer)

    assert int(messages[0]["Attributes"]["ApproximateReceiveCount"]) > 20
    assert tried == ["throttled"]
    assert receive(sqs, 0) == dead(sqs) == []


@pytest.mark.parametrize("end", [ValueError, KeyboardInterrupt])  # told of, and killed: then nobody is told
def test_once_every_attempt_has_failed_the_owner_is_told_and_the_message_is_dead(
    sqs: "SQSClient", deliveries: Deliveries, monkeypatch: pytest.MonkeyPatch, end: type[BaseException]
) -> None:
    monkeypatch.setattr(back_off, "SECONDS", (0,))
    send(sqs, "hopeless")
    show_again(sqs, receive(sqs, 5))
    began: list[str] = []
    told: list[str] = []

    def work(body: str) -> None:
        began.append(body)
        raise end(body)

    while messages := receive(sqs, 0):
        try:
            settle(sqs, messages, handle(messages, deliveries, work=work, give_up=told.append))
        except KeyboardInterrupt:
            show_again(sqs, messages)

    assert (len(began), told) == (ATTEMPTS, ["hopeless"])
    assert dead(sqs) == ["hopeless"]


def test_a_first_delivery_that_fails_is_an_attempt_more(
    sqs: "SQSClient", deliveries: Deliveries, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(back_off, "SECONDS", (0,))
    send(sqs, "bad")
    answers = 0
    while messages := receive(sqs, 0):
        settle(sqs, messages, handle(messages, deliveries))
        answers += 1

    assert answers == 1 + ATTEMPTS + 1  # the last only tells
    assert dead(sqs) == ["bad"]


def test_while_the_owner_cannot_be_told_the_message_stays(sqs: "SQSClient", deliveries: Deliveries) -> None:
    send(sqs, "bad")
    messages = receive(sqs, 5)
    for _ in range(1 + ATTEMPTS + 2):
        answer = handle(messages, deliveries, give_up=refuse)
        show_again(sqs, messages)
        messages = receive(sqs, 5)

    assert answer == {"batchItemFailures": [{"itemIdentifier": messages[0]["MessageId"]}]}
    assert dead(sqs) == []
    handle(messages, deliveries)
    assert dead(sqs) == ["bad"]
    settle(sqs, messages, {"batchItemFailures": []})


@pytest.mark.parametrize("attempts", [0, 1 + ATTEMPTS + 1])
def test_a_message_of_an_upload_that_is_gone_is_done_with(
    sqs: "SQSClient", deliveries: Deliveries, monkeypatch: pytest.MonkeyPatch, attempts: int
) -> None:
    """At the first attempt as after the last one: it is neither tried again nor a dead letter."""
    monkeypatch.setattr(back_off, "SECONDS", (0,))

    def find_it_gone(_: str) -> None:
        raise Superseded("deleted")

    send(sqs, "gone")
    for _ in range(attempts):
        handle(messages := receive(sqs, 5), deliveries, give_up=refuse)
        show_again(sqs, messages)
    messages = receive(sqs, 5)
    settle(sqs, messages, handle(messages, deliveries, work=find_it_gone, give_up=find_it_gone))

    assert receive(sqs, 0) == dead(sqs) == []


def test_an_ordinary_message_is_not_counted(cloud: LocalCloud, sqs: "SQSClient", deliveries: Deliveries) -> None:
    table = resource(cloud).Table("try-attempts")
    before = table.scan()["Count"]
    send(sqs, "good")
    messages = receive(sqs, 5)
    settle(sqs, messages, handle(messages, deliveries))

    assert table.scan()["Count"] == before


def test_what_failed_comes_again_by_the_back_off(
    sqs: "SQSClient", deliveries: Deliveries, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(back_off, "SECONDS", (1, 900))
    url = sqs.get_queue_url(QueueName=QUEUE)["QueueUrl"]
    sqs.send_message_batch(QueueUrl=url, Entries=[{"Id": body, "MessageBody": body} for body in ("good", "bad")])
    first = receive(sqs, 5)
    bad = next(message["MessageId"] for message in first if message["Body"] == "bad")

    answer = handle(first, deliveries)
    settle(sqs, first, answer)

    assert answer == {"batchItemFailures": [{"itemIdentifier": bad}]}
    assert metrics.provider.metric_set["RecordsFailed"]["Value"][-1:] == [1.0]
    again = receive(sqs, 10)
    assert [(message["Body"], message["Attributes"]["ApproximateReceiveCount"]) for message in again] == [("bad", "2")]
    handle(again, deliveries)
    assert receive(sqs, 2) == []


def test_a_queue_that_cannot_be_told_changes_nothing(cloud: LocalCloud, sqs: "SQSClient") -> None:
    nowhere = boto3.client(
        "sqs",
        endpoint_url="http://127.0.0.1:9",
        config=Config(retries={"max_attempts": 0}, connect_timeout=1),
        **NOBODY,
    )
    sqs.send_message(QueueUrl=sqs.get_queue_url(QueueName=QUEUE)["QueueUrl"], MessageBody="worse")
    messages = receive(sqs, 5)
    deliveries = Deliveries(SETTINGS, sqs=nowhere, dynamodb=resource(cloud))
    assert handle(messages, deliveries) == {"batchItemFailures": [{"itemIdentifier": messages[0]["MessageId"]}]}


def test_the_back_off_grows() -> None:
    assert [back_off.back_off_seconds(deliveries) for deliveries in (1, 2, 3, 4, 1000)] == [15, 60, 240, 240, 240]
