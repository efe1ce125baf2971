"""Drives moto's backends from many threads that are switched as often as Python can, and prints what went wrong.

A process of its own, since it changes moto, and the interpreter, for good: `python -m MODULE bent|plain`.
"""

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from moto.s3.models import s3_backends
from moto.sqs.models import sqs_backends
from werkzeug.test import Client

from rollcall.local import moto_bends

ACCOUNT = "123456789012"
THREADS = 8
HEADERS = {
    "Authorization": "AWS4-HMAC-SHA256 Credential=a/20260101/us-east-1/dynamodb/aws4_request, SignedHeaders=h",
    "Content-Type": "application/x-amz-json-1.0",
}


def incomplete_sets(executor: ThreadPoolExecutor, rounds: int = 60) -> int:
    application = DomainDispatcherApplication(create_backend_app)

    def call(operation: str, **parameters: Any) -> Any:
        headers = HEADERS | {"X-Amz-Target": f"DynamoDB_20120810.{operation}"}
        return json.loads(Client(application).post("/", headers=headers, data=json.dumps(parameters)).data)

    def add(item: str, part: int) -> None:
        values = {":part": {"NS": [str(part)]}}
        key = {"job": {"S": item}}
        call(
            "UpdateItem",
            TableName="jobs",
            Key=key,
            UpdateExpression="ADD parts :part",
            ExpressionAttributeValues=values,
        )

    call(
        "CreateTable",
        TableName="jobs",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "job", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "job", "KeyType": "HASH"}],
    )
    for item in map(str, range(rounds)):
        list(executor.map(add, [item] * THREADS, range(THREADS)))
    items = call("Scan", TableName="jobs")["Items"]
    return sum(len(item["parts"]["NS"]) != THREADS for item in items)


def lost_or_doubled_messages(executor: ThreadPoolExecutor, messages: int = 400) -> int:
    sqs = sqs_backends[ACCOUNT]["us-east-1"]
    sqs.create_queue("q")
    received: list[str] = []

    def send(start: int) -> None:
        for number in range(start, messages, THREADS // 2):
            sqs.send_message("q", str(number))

    def consume(_: int) -> None:
        for _ in range(messages):
            for message in sqs.receive_message("q", 1, 0, 600):
                received.append(message.body)
                sqs.delete_message("q", message.receipt_handle or "")

    consumers = [executor.submit(consume, number) for number in range(THREADS // 2)]
    list(executor.map(send, range(THREADS // 2)))
    errors = sum(consumer.exception() is not None for consumer in consumers)
    consume(0)
    return errors + abs(messages - len(received)) + abs(messages - len(set(received)))


def lost_versions(executor: ThreadPoolExecutor, uploads: int = 400) -> int:
    s3 = s3_backends[ACCOUNT]["aws"]
    s3.create_bucket("bucket", "us-east-1")
    s3.put_bucket_versioning("bucket", "Enabled")
    list(executor.map(lambda _: s3.put_object("bucket", "key", b"x"), range(uploads)))
    return uploads - len(s3.get_bucket("bucket").keys.getlist("key"))


def main() -> None:
    if sys.argv[1] == "bent":
        moto_bends.apply()
    sys.setswitchinterval(1e-6)
    with ThreadPoolExecutor(THREADS) as executor:
        wrong = {
            "incomplete sets": incomplete_sets(executor),
            "lost or doubled messages": lost_or_doubled_messages(executor),
            "lost versions": lost_versions(executor),
        }
    print(json.dumps(wrong))


if __name__ == "__main__":
    main()
