"""Queues of the store, as boto3 sees them."""

import json
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.unit.local.store.running import client, running_store

MEBIBYTE = 1024 * 1024


@pytest.fixture(scope="module")
def sqs(url: str) -> Iterator[Any]:
    sqs = client("sqs", url)
    yield sqs
    sqs.close()


@pytest.fixture
def queue(sqs: Any, request: pytest.FixtureRequest) -> Iterator[str]:
    url = sqs.create_queue(QueueName="".join(c if c.isalnum() else "_" for c in request.node.name)[:80])["QueueUrl"]
    yield url
    sqs.delete_queue(QueueUrl=url)


def receive(sqs: Any, queue: str, **asked: Any) -> list[Any]:
    found = sqs.receive_message(QueueUrl=queue, **({"MaxNumberOfMessages": 10} | asked))
    return list(found.get("Messages", []))


def counts(sqs: Any, queue: str) -> tuple[int, int, int]:
    found = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["All"])["Attributes"]
    ends = ("", "NotVisible", "Delayed")
    return tuple(int(found[f"ApproximateNumberOfMessages{end}"]) for end in ends)  # type: ignore[return-value]


def code(error: pytest.ExceptionInfo[ClientError]) -> str:
    return str(error.value.response["Error"]["Code"])


def arn(sqs: Any, queue: str) -> str:
    return str(sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"])


def test_a_message_is_received_hidden_and_deleted(sqs: Any, queue: str) -> None:
    sent = sqs.send_message(QueueUrl=queue, MessageBody="ü 😀 <&>\t\n")
    assert counts(sqs, queue) == (1, 0, 0)

    (message,) = receive(sqs, queue, MessageSystemAttributeNames=["All"])

    assert message["Body"] == "ü 😀 <&>\t\n"
    assert message["MessageId"] == sent["MessageId"]
    assert message["MD5OfBody"] == sent["MD5OfMessageBody"]
    assert message["Attributes"]["ApproximateReceiveCount"] == "1"
    assert abs(int(message["Attributes"]["SentTimestamp"]) / 1000 - time.time()) < 60
    assert counts(sqs, queue) == (0, 1, 0)
    assert receive(sqs, queue) == []
    sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
    assert counts(sqs, queue) == (0, 0, 0)
    sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])  # as often as one likes


def test_a_message_that_is_not_deleted_comes_again_with_another_handle(sqs: Any, queue: str) -> None:
    sqs.send_message(QueueUrl=queue, MessageBody="x")
    (first,) = receive(sqs, queue, VisibilityTimeout=0)
    (second,) = receive(sqs, queue, AttributeNames=["ApproximateReceiveCount"])

    assert second["Attributes"] == {"ApproximateReceiveCount": "2"}
    assert first["ReceiptHandle"] != second["ReceiptHandle"]
    sqs.delete_message(QueueUrl=queue, ReceiptHandle=first["ReceiptHandle"])  # of an earlier one: nothing happens
    assert counts(sqs, queue) == (0, 1, 0)


def test_a_long_poll_ends_at_once_when_a_message_comes(sqs: Any, queue: str) -> None:
    with ThreadPoolExecutor(3) as pool:
        waiting = [pool.submit(receive, sqs, queue, WaitTimeSeconds=10, MaxNumberOfMessages=1) for _ in range(3)]
        time.sleep(0.3)
        started = time.monotonic()
        for number in range(3):
            sqs.send_message(QueueUrl=queue, MessageBody=str(number))
        received = [message["Body"] for poll in waiting for message in poll.result()]
    assert sorted(received) == ["0", "1", "2"]
    assert time.monotonic() - started < 5


@pytest.mark.parametrize("how", ["delayed", "hidden", "shown"])
def test_a_long_poll_sees_what_comes_back_by_itself(sqs: Any, queue: str, how: str) -> None:
    if how == "delayed":
        sqs.send_message(QueueUrl=queue, MessageBody="x", DelaySeconds=1)
        assert counts(sqs, queue) == (0, 0, 1)
    else:
        sqs.send_message(QueueUrl=queue, MessageBody="x")
        (message,) = receive(sqs, queue, VisibilityTimeout=1 if how == "hidden" else 600)
    timer = threading.Timer(
        0.5,
        lambda: (
            how == "shown"
            and sqs.change_message_visibility(
                QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0
            )
        ),
    )
    timer.start()
    started = time.monotonic()

    assert len(receive(sqs, queue, WaitTimeSeconds=10)) == 1
    timer.join()
    assert time.monotonic() - started < 8


def test_a_long_poll_that_finds_nothing_ends_in_time(sqs: Any, queue: str) -> None:
    started = time.monotonic()
    assert receive(sqs, queue, WaitTimeSeconds=1) == []
    assert 0.9 < time.monotonic() - started < 8


def test_a_receiver_that_goes_away_takes_no_message_with_it(sqs: Any, url: str, queue: str) -> None:
    body = json.dumps({"QueueUrl": queue, "WaitTimeSeconds": 20}).encode()
    headers = {"X-Amz-Target": "AmazonSQS.ReceiveMessage", "Content-Type": "application/x-amz-json-1.0"}
    for _ in range(3):
        with pytest.raises(TimeoutError):
            urllib.request.urlopen(urllib.request.Request(url, data=body, headers=headers), timeout=0.2)
    time.sleep(0.1)
    sqs.send_message(QueueUrl=queue, MessageBody="x")
    assert len(receive(sqs, queue, WaitTimeSeconds=2)) == 1


def test_attributes_of_messages_come_back_with_the_digests_of_aws(sqs: Any, queue: str) -> None:
    attributes = {
        "name": {"DataType": "String", "StringValue": "ü"},
        "count.x": {"DataType": "Number.int", "StringValue": "42"},
        "raw": {"DataType": "Binary", "BinaryValue": b"\x00\xff"},
    }
    sqs.send_message(  # boto3 compares the digests with its own
        QueueUrl=queue,
        MessageBody="x",
        MessageAttributes=attributes,
        MessageSystemAttributes={"AWSTraceHeader": {"DataType": "String", "StringValue": "Root=1-5759e988"}},
    )
    (message,) = receive(
        sqs, queue, VisibilityTimeout=0, MessageAttributeNames=["All"], AttributeNames=["AWSTraceHeader"]
    )
    assert message["MessageAttributes"] == attributes
    assert message["Attributes"] == {"AWSTraceHeader": "Root=1-5759e988"}
    (message,) = receive(sqs, queue, MessageAttributeNames=["count.*", "raw"])
    assert set(message["MessageAttributes"]) == {"count.x", "raw"}


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ({"n": {"DataType": "Number", "StringValue": "four"}}, "InvalidParameterValue"),
        ({"n": {"DataType": "Text", "StringValue": "x"}}, "InvalidParameterValue"),
        ({"n": {"DataType": "String", "StringValue": ""}}, "InvalidParameterValue"),
        ({"n": {"DataType": "Binary"}}, "InvalidParameterValue"),
        ({"aws.n": {"DataType": "String", "StringValue": "x"}}, "InvalidParameterValue"),
        ({".n": {"DataType": "String", "StringValue": "x"}}, "InvalidParameterValue"),
        ({str(n): {"DataType": "String", "StringValue": "x"} for n in range(11)}, "InvalidParameterValue"),
        ({"n": {"DataType": "String", "StringValue": "\x00"}}, "InvalidMessageContents"),
    ],
)
def test_wrong_attributes_of_messages_are_refused(sqs: Any, queue: str, attributes: Any, expected: str) -> None:
    with pytest.raises(ClientError) as error:
        sqs.send_message(QueueUrl=queue, MessageBody="x", MessageAttributes=attributes)
    assert code(error) == expected


def test_a_batch_succeeds_and_fails_by_entry(sqs: Any, queue: str) -> None:
    entries = [{"Id": str(n), "MessageBody": "\x00" if n == 2 else f"m{n}"} for n in range(4)]
    answer = sqs.send_message_batch(QueueUrl=queue, Entries=entries)
    assert [entry["Id"] for entry in answer["Successful"]] == ["0", "1", "3"]
    assert answer["Failed"][0]["Code"] == "InvalidMessageContents"

    got = receive(sqs, queue)
    handles = [message["ReceiptHandle"] for message in got]
    hidden = sqs.change_message_visibility_batch(
        QueueUrl=queue, Entries=[{"Id": "a", "ReceiptHandle": handles[0], "VisibilityTimeout": 0}]
    )
    assert [entry["Id"] for entry in hidden["Successful"]] == ["a"]
    gone = sqs.delete_message_batch(
        QueueUrl=queue,
        Entries=[{"Id": "good", "ReceiptHandle": handles[1]}, {"Id": "bad", "ReceiptHandle": "nonsense"}],
    )
    assert [entry["Id"] for entry in gone["Successful"]] == ["good"]
    assert gone["Failed"][0] | {"Message": ""} == {
        "Id": "bad",
        "SenderFault": True,
        "Code": "ReceiptHandleIsInvalid",
        "Message": "",
    }
    assert counts(sqs, queue) == (1, 1, 0)


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        ([], "AWS.SimpleQueueService.EmptyBatchRequest"),
        ([("a", "x")] * 2, "AWS.SimpleQueueService.BatchEntryIdsNotDistinct"),
        ([(str(n), "x") for n in range(11)], "AWS.SimpleQueueService.TooManyEntriesInBatchRequest"),
        ([("no space", "x")], "AWS.SimpleQueueService.InvalidBatchEntryId"),
        ([(str(n), "x" * (MEBIBYTE // 3)) for n in range(4)], "AWS.SimpleQueueService.BatchRequestTooLong"),
    ],
)
def test_batches_that_are_none_are_refused(sqs: Any, queue: str, entries: list[tuple[str, str]], expected: str) -> None:
    with pytest.raises(ClientError) as error:
        sqs.send_message_batch(QueueUrl=queue, Entries=[{"Id": id, "MessageBody": body} for id, body in entries])
    assert code(error) == expected
    assert counts(sqs, queue) == (0, 0, 0)


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"MessageBody": ""}, "MissingParameter"),
        ({"MessageBody": "a\x0b"}, "InvalidMessageContents"),
        ({"MessageBody": "x" * (MEBIBYTE + 1)}, "InvalidParameterValue"),
        ({"MessageBody": "x", "DelaySeconds": 901}, "InvalidParameterValue"),
    ],
)
def test_wrong_messages_are_refused(sqs: Any, queue: str, asked: dict[str, Any], expected: str) -> None:
    with pytest.raises(ClientError) as error:
        sqs.send_message(QueueUrl=queue, **asked)
    assert code(error) == expected


@pytest.mark.parametrize("asked", [{"MaxNumberOfMessages": 11}, {"MaxNumberOfMessages": 0}, {"WaitTimeSeconds": 21}])
def test_wrong_receives_are_refused(sqs: Any, queue: str, asked: dict[str, Any]) -> None:
    with pytest.raises(ClientError) as error:
        receive(sqs, queue, **asked)
    assert code(error) == "InvalidParameterValue"


def test_visibility_of_what_is_not_in_hand_cannot_be_changed(sqs: Any, queue: str) -> None:
    sqs.send_message(QueueUrl=queue, MessageBody="x")
    (message,) = receive(sqs, queue, VisibilityTimeout=0)
    asked = {"QueueUrl": queue, "ReceiptHandle": message["ReceiptHandle"], "VisibilityTimeout": 5}
    with pytest.raises(sqs.exceptions.MessageNotInflight):
        sqs.change_message_visibility(**asked)
    sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
    with pytest.raises(ClientError) as error:
        sqs.change_message_visibility(**asked)
    assert code(error) == "InvalidParameterValue"


def test_what_is_received_too_often_goes_to_the_dead_letters_and_back(sqs: Any, queue: str) -> None:
    dead = sqs.create_queue(QueueName="dead")["QueueUrl"]
    policy = json.dumps({"deadLetterTargetArn": arn(sqs, dead), "maxReceiveCount": "2"})
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"RedrivePolicy": policy})
    assert sqs.list_dead_letter_source_queues(QueueUrl=dead)["queueUrls"] == [queue]
    sent = sqs.send_message(QueueUrl=queue, MessageBody="x")
    for _ in range(2):
        assert len(receive(sqs, queue, VisibilityTimeout=0)) == 1
    assert receive(sqs, queue) == []

    (letter,) = receive(sqs, dead, VisibilityTimeout=0, AttributeNames=["All"])
    assert letter["MessageId"] == sent["MessageId"]
    assert letter["Attributes"]["DeadLetterQueueSourceArn"] == arn(sqs, queue)

    for destination in ({}, {"DestinationArn": arn(sqs, queue)}):
        sqs.start_message_move_task(SourceArn=arn(sqs, dead), **destination)
        (again,) = receive(sqs, queue, WaitTimeSeconds=5, AttributeNames=["ApproximateReceiveCount"])
        assert again["Attributes"] == {"ApproximateReceiveCount": "1"}
        assert again["MessageId"] != sent["MessageId"]
        sqs.delete_message(QueueUrl=queue, ReceiptHandle=again["ReceiptHandle"])
        until_completed(sqs, arn(sqs, dead))
        sqs.send_message(QueueUrl=dead, MessageBody="sent there by itself")
    with pytest.raises(ClientError) as error:
        sqs.start_message_move_task(SourceArn=arn(sqs, queue))
    assert code(error) == "InvalidParameterValue"
    sqs.delete_queue(QueueUrl=dead)


def until_completed(sqs: Any, source: str) -> None:
    for _ in range(100):
        (task,) = sqs.list_message_move_tasks(SourceArn=source)["Results"]
        if task["Status"] == "COMPLETED":
            assert task["ApproximateNumberOfMessagesMoved"] == 1
            return
        time.sleep(0.05)
    raise AssertionError(task)


def test_queues_are_made_found_listed_and_removed(sqs: Any) -> None:
    made = {"DelaySeconds": "3"}
    url = sqs.create_queue(QueueName="one", Attributes=made, tags={"a": "b"})["QueueUrl"]
    assert sqs.create_queue(QueueName="one", Attributes=made)["QueueUrl"] == url
    assert sqs.create_queue(QueueName="one")["QueueUrl"] == url
    with pytest.raises(sqs.exceptions.QueueNameExists):
        sqs.create_queue(QueueName="one", Attributes={"DelaySeconds": "4"})
    sqs.create_queue(QueueName="onetwo")
    assert sqs.get_queue_url(QueueName="one")["QueueUrl"] == url
    assert url.endswith("/123456789012/one")

    listed = sqs.list_queues(QueueNamePrefix="one", MaxResults=1)
    assert listed["QueueUrls"] == [url]
    assert len(sqs.list_queues(QueueNamePrefix="one", NextToken=listed["NextToken"])["QueueUrls"]) == 1
    sqs.tag_queue(QueueUrl=url, Tags={"c": "d"})
    sqs.untag_queue(QueueUrl=url, TagKeys=["a"])
    assert sqs.list_queue_tags(QueueUrl=url)["Tags"] == {"c": "d"}
    for name in ("one", "onetwo"):
        sqs.delete_queue(QueueUrl=sqs.get_queue_url(QueueName=name)["QueueUrl"])
    for ask in (sqs.get_queue_url, lambda QueueName: sqs.send_message(QueueUrl=url, MessageBody="x")):
        with pytest.raises(sqs.exceptions.QueueDoesNotExist) as error:
            ask(QueueName="one")
        assert code(error) == "AWS.SimpleQueueService.NonExistentQueue"


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ({"VisibilityTimeout": "43201"}, "InvalidAttributeValue"),
        ({"VisibilityTimeout": "-1"}, "InvalidAttributeValue"),
        ({"MessageRetentionPeriod": "59"}, "InvalidAttributeValue"),
        ({"DelaySeconds": "٣"}, "InvalidAttributeValue"),
        ({"NoSuch": "1"}, "InvalidAttributeName"),
        ({"Policy": "{"}, "InvalidParameterValue"),
        ({"RedrivePolicy": "[]"}, "InvalidParameterValue"),
        (
            {"RedrivePolicy": '{"deadLetterTargetArn": "arn:aws:sqs:us-east-1:1:no"}'},
            "InvalidParameterValue",
        ),
        (
            {"RedrivePolicy": '{"deadLetterTargetArn": "arn:aws:sqs:us-east-1:1:no", "maxReceiveCount": 1}'},
            "InvalidParameterValue",
        ),
        ({"FifoQueue": "true"}, "NotImplemented"),
    ],
)
def test_wrong_attributes_of_queues_are_refused(sqs: Any, queue: str, attributes: Any, expected: str) -> None:
    before = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["All"])["Attributes"]
    with pytest.raises(ClientError) as error:
        sqs.set_queue_attributes(QueueUrl=queue, Attributes=attributes)
    assert code(error) == expected
    assert sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["All"])["Attributes"] == before


@pytest.mark.parametrize("name", ["", "a b", "x" * 81, "ü", "a/b"])
def test_wrong_names_are_refused(sqs: Any, name: str) -> None:
    with pytest.raises(ClientError) as error:
        sqs.create_queue(QueueName=name)
    assert code(error) == "InvalidParameterValue"


def test_a_purged_queue_is_empty_and_not_purged_again_for_a_minute(sqs: Any, queue: str) -> None:
    sqs.send_message(QueueUrl=queue, MessageBody="x")
    sqs.purge_queue(QueueUrl=queue)
    assert counts(sqs, queue) == (0, 0, 0)
    with pytest.raises(sqs.exceptions.PurgeQueueInProgress):
        sqs.purge_queue(QueueUrl=queue)


def test_what_is_not_supported_says_so(sqs: Any, url: str, queue: str) -> None:
    with pytest.raises(ClientError, match="AddPermission is not supported") as error:
        sqs.add_permission(QueueUrl=queue, Label="l", AWSAccountIds=["1"], Actions=["*"])
    assert code(error) == "NotImplemented"


@pytest.mark.parametrize(
    ("target", "body", "status"),
    [
        ("AmazonSQS.SendMessage", b"{", 400),
        ("AmazonSQS.SendMessage", b"[]", 400),
        ("AmazonSQS.SendMessage", b'{"QueueUrl": 1}', 400),
        ("AmazonSQS.SendMessage", b'{"QueueUrl": "x", "MessageBody": "\\ud800"}', 400),
        ("AmazonSQS.SendMessage", b'{"QueueUrl": NaN}', 400),
        ("AmazonSQS.SendMessage", b"[" * 100_000, 400),
        ("AmazonSQS.SendMessage", b"\xff\xfe{", 400),
        ("AmazonSQS.ReceiveMessage", b'{"QueueUrl": "x", "WaitTimeSeconds": 99999999999999999999999}', 400),
        ("AmazonSQS.NoSuch", b"{}", 400),
        ("AmazonSQS.__init__", b"{}", 400),
        ("Elsewhere.Send", b"{}", 501),
        ("", b"{}", 501),
    ],
)
def test_hostile_requests_are_refused(url: str, target: str, body: bytes, status: int) -> None:
    request = urllib.request.Request(url, data=body, headers={"X-Amz-Target": target})
    with pytest.raises(urllib.error.HTTPError) as error:
        urllib.request.urlopen(request)
    with error.value as answer:
        assert answer.status == status


def test_queues_and_messages_outlive_the_server(tmp_path: Path) -> None:
    for turn in range(2):
        with running_store(tmp_path, durable=True) as url:
            sqs = client("sqs", url)
            queue = sqs.create_queue(QueueName="kept")["QueueUrl"]
            if turn == 0:
                for body in "ab":
                    sqs.send_message(QueueUrl=queue, MessageBody=body)
                assert len(receive(sqs, queue, MaxNumberOfMessages=1, VisibilityTimeout=43_200)) == 1
            else:  # whoever had received it is gone
                assert [message["Body"] for message in receive(sqs, queue)] == ["b", "a"]
            sqs.close()
