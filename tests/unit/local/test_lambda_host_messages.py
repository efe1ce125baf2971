"""What Lambda makes of SQS messages and of a function's answer to them."""

import json
from typing import Any

import pytest

from rollcall.local.lambda_host.runtime_answer import failed_messages
from rollcall.local.lambda_host.runtime_event import sqs_event
from rollcall.local.lambda_host.unreliable_source import quick_back_off_seconds
from rollcall.runtime.worker.batch_response import InvalidBatchResponse

IDS = frozenset({"a", "b"})


@pytest.mark.parametrize(
    "answer",
    [b"", b"null", b"{}", b'"text"', b"[]", b'{"batchItemFailures": null}', b'{"batchItemFailures": []}'],
)
def test_no_failures_named_is_success(answer):
    assert failed_messages(answer, IDS) == frozenset()


def test_only_the_named_messages_failed():
    assert failed_messages(b'{"batchItemFailures": [{"itemIdentifier": "b"}]}', IDS) == {"b"}


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"{not json", "not JSON"),
        (b'{"batchItemFailures": {}}', "not a list"),
        (b'{"batchItemFailures": ["a"]}', "without an itemIdentifier"),
        (b'{"batchItemFailures": [{"id": "a"}]}', "without an itemIdentifier"),
        (b'{"batchItemFailures": [{"itemIdentifier": ""}]}', "without an itemIdentifier"),
        (b'{"batchItemFailures": [{"itemIdentifier": null}]}', "without an itemIdentifier"),
        (b'{"batchItemFailures": [{"itemIdentifier": "a"}, {"itemIdentifier": "c"}]}', "not in the batch"),
    ],
)
def test_an_invalid_answer_fails_the_whole_batch(answer, reason):
    with pytest.raises(InvalidBatchResponse, match=reason):
        failed_messages(answer, IDS)


def test_message_attributes_are_spelled_as_lambda_spells_them():
    message: Any = {
        "MessageId": "m",
        "ReceiptHandle": "r",
        "Body": "text",
        "MD5OfBody": "5",
        "Attributes": {"ApproximateReceiveCount": "2"},
        "MessageAttributes": {
            "word": {"DataType": "String", "StringValue": "yes"},
            "raw": {"DataType": "Binary", "BinaryValue": b"\x00\xff"},
        },
    }

    [record] = json.loads(sqs_event([message], queue_arn="arn:aws:sqs:us-east-1:1:q"))["Records"]

    assert record == {
        "messageId": "m",
        "receiptHandle": "r",
        "body": "text",
        "attributes": {"ApproximateReceiveCount": "2"},
        "messageAttributes": {
            "word": {
                "dataType": "String",
                "stringValue": "yes",
                "stringListValues": [],
                "binaryListValues": [],
            },
            "raw": {
                "dataType": "Binary",
                "binaryValue": "AP8=",
                "stringListValues": [],
                "binaryListValues": [],
            },
        },
        "md5OfBody": "5",
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:us-east-1:1:q",
        "awsRegion": "us-east-1",
    }


def test_the_local_back_off_doubles_up_to_eight_seconds():
    assert [quick_back_off_seconds(count) for count in (1, 2, 3, 4, 5, 6, 1000)] == [1, 2, 4, 8, 8, 8, 8]
