"""Many clients at once: nothing is lost, and nothing is done twice."""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.unit.local.store.dynamodb_tables import make
from tests.unit.local.store.running import client, running_store

THREADS = 8
EACH = 25


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_store(tmp_path_factory.mktemp("store"), durable=True) as url:
        yield url


def at_once(work: Any) -> list[Any]:
    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(work, range(THREADS)))


def test_updates_of_one_item_all_count(url: str) -> None:
    dynamodb = client("dynamodb", url)
    table = make(dynamodb)

    def add(thread: int) -> None:
        for number in range(EACH):
            dynamodb.update_item(
                TableName=table,
                Key={"k": {"S": "one"}},
                UpdateExpression="ADD seen :some, n :one",
                ExpressionAttributeValues={":some": {"NS": [str(thread * EACH + number)]}, ":one": {"N": "1"}},
            )

    at_once(add)
    item = dynamodb.get_item(TableName=table, Key={"k": {"S": "one"}}, ConsistentRead=True)["Item"]
    dynamodb.close()
    assert item["n"] == {"N": str(THREADS * EACH)}
    assert len(item["seen"]["NS"]) == THREADS * EACH


def test_one_of_many_that_make_the_same_item_wins(url: str) -> None:
    dynamodb = client("dynamodb", url)
    table = make(dynamodb)

    def attempts(thread: int) -> int:
        won = 0
        for number in range(EACH):
            try:
                dynamodb.put_item(
                    TableName=table,
                    Item={"k": {"S": str(number)}, "by": {"N": str(thread)}},
                    ConditionExpression="attribute_not_exists(k)",
                )
                won += 1
            except dynamodb.exceptions.ConditionalCheckFailedException:
                continue
        return won

    assert sum(at_once(attempts)) == EACH
    dynamodb.close()


def test_every_message_is_received_by_one(url: str) -> None:
    sqs = client("sqs", url)
    queue = sqs.create_queue(QueueName="shared")["QueueUrl"]
    received: Counter[str] = Counter()

    def send_and_receive(thread: int) -> None:
        for number in range(EACH):
            sqs.send_message(QueueUrl=queue, MessageBody=f"{thread}-{number}")
            for message in sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=3).get("Messages", []):
                received[message["Body"]] += 1
                sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])

    at_once(send_and_receive)
    while messages := sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages"):
        received.update(message["Body"] for message in messages)
    sqs.close()
    assert received == Counter(f"{thread}-{number}" for thread in range(THREADS) for number in range(EACH))


def test_every_version_is_kept_and_told_of_once(url: str) -> None:
    s3, sqs = client("s3", url), client("sqs", url)
    queue = sqs.create_queue(QueueName="told")["QueueUrl"]
    s3.create_bucket(Bucket="versions")
    s3.put_bucket_versioning(Bucket="versions", VersioningConfiguration={"Status": "Enabled"})
    told = {"QueueArn": "arn:aws:sqs:us-east-1:123456789012:told", "Events": ["s3:ObjectCreated:*"]}
    s3.put_bucket_notification_configuration(
        Bucket="versions", NotificationConfiguration={"QueueConfigurations": [told]}
    )

    def put(thread: int) -> list[str]:
        return [s3.put_object(Bucket="versions", Key="same", Body=b"x")["VersionId"] for _ in range(10)]

    made = [version for versions in at_once(put) for version in versions]
    kept = [version["VersionId"] for version in s3.list_object_versions(Bucket="versions")["Versions"]]
    events = []
    while messages := sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages"):
        events += [message["Body"] for message in messages if "versionId" in message["Body"]]
    s3.close()
    sqs.close()
    assert sorted(kept) == sorted(made)
    assert len(events) == len(made)
