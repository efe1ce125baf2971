"""The ways back of docs/restore.md, rehearsed: a table as it was, an upload that was deleted or overwritten."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from infra import restore
from infra.rehearsal import Clients, create
from infra.template import Template
from rollcall.pipeline.deployment_errors import NotReady
from tests.infrastructure.conftest import DEFAULTS, PLACE, REGION, Synthesize

Aws = Callable[[str], Any]
THEN = "2026-11-27T10:00:00+00:00"


@pytest.fixture(scope="module")
def stack(synthesize: Synthesize, aws: Aws) -> str:
    document, _ = synthesize(DEFAULTS | {"prefix": "restored"})
    clients = Clients(cloudformation=aws("cloudformation"), s3=aws("s3"), dynamodb=aws("dynamodb"))
    create("restored", document, Template(document, PLACE), clients)
    return "restored"


@pytest.fixture
def people(stack: str, aws: Aws, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A table that has changed since a copy of it was restored: moto restores what is there, and knows no past."""
    table, dynamodb = f"{stack}-people", aws("dynamodb")
    for name, role in (("Ann", "pilot"), ("Bob", "cook")):
        dynamodb.put_item(TableName=table, Item=person(name, role))
    copied = restore.restore_copy(table, restore._moment(THEN), dynamodb)
    dynamodb.delete_item(TableName=table, Key={"name": {"S": "Ann"}})
    dynamodb.put_item(TableName=table, Item=person("Bob", "captain"))
    for number in range(30):  # more than one batch
        dynamodb.put_item(TableName=table, Item=person(f"Stranger {number}", "guest"))
    monkeypatch.setattr(restore, "restore_copy", lambda *_: copied)
    for name, value in (("ACCESS_KEY_ID", "test"), ("SECRET_ACCESS_KEY", "test"), ("REGION", REGION)):
        monkeypatch.setenv(f"AWS_{name}", value)
    monkeypatch.setenv("AWS_ENDPOINT_URL", dynamodb.meta.endpoint_url)
    yield table
    for item in dynamodb.scan(TableName=table)["Items"]:
        dynamodb.delete_item(TableName=table, Key={"name": item["name"]})
    if copied in dynamodb.list_tables()["TableNames"]:
        dynamodb.delete_table(TableName=copied)


def person(name: str, role: str) -> dict[str, Any]:
    return {"name": {"S": name}, "role": {"S": role}}


def held(aws: Aws, table: str) -> dict[str, str]:
    items = aws("dynamodb").scan(TableName=table)["Items"]
    return {item["name"]["S"]: item["role"]["S"] for item in items}


def test_a_table_is_brought_back_under_its_own_name(people: str, aws: Aws, capsys: pytest.CaptureFixture[str]) -> None:
    assert restore.main([people, THEN, "--confirm", people]) == 0

    assert held(aws, people) == {"Ann": "pilot", "Bob": "cook"}
    assert "1 items come back, 1 change, 30 go." in capsys.readouterr().out
    assert f"{people}-restored" not in aws("dynamodb").list_tables()["TableNames"]
    described = aws("dynamodb").describe_table(TableName=people)["Table"]
    assert described["DeletionProtectionEnabled"] is True  # it is the stack's table still


def test_nothing_is_written_without_a_yes(people: str, aws: Aws, capsys: pytest.CaptureFixture[str]) -> None:
    before = held(aws, people)

    assert restore.main([people, THEN, "--confirm", "yes"]) == 1

    assert held(aws, people) == before
    assert f"nothing was written; {people}-restored is there to be looked at" in capsys.readouterr().out


def test_a_copy_of_an_earlier_try_is_told_of(stack: str, aws: Aws) -> None:
    table, dynamodb = f"{stack}-faces", aws("dynamodb")
    restore.restore_copy(table, restore._moment(THEN), dynamodb)

    with pytest.raises(NotReady, match=f"{table}-restored is there from an earlier try: delete it"):
        restore.restore_copy(table, restore._moment(THEN), dynamodb)


@pytest.mark.parametrize("moment", ["yesterday", "2026-11-27T10:00:00"])
def test_a_moment_without_its_offset_is_refused(moment: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        restore.main(["acme-people", moment])

    assert ended.value.code == 2
    assert "argument at: invalid" in capsys.readouterr().err


def test_a_deleted_upload_comes_back_without_being_worked_on_again(stack: str, aws: Aws) -> None:
    s3, bucket = aws("s3"), f"{stack}-input"
    s3.put_object(Bucket=bucket, Key="party.mp4", Body=b"frames")
    told(aws, stack)
    marker = s3.delete_object(Bucket=bucket, Key="party.mp4")["VersionId"]

    s3.delete_object(Bucket=bucket, Key="party.mp4", VersionId=marker)

    assert s3.get_object(Bucket=bucket, Key="party.mp4")["Body"].read() == b"frames"
    assert told(aws, stack) == []


def test_an_overwritten_upload_comes_back_as_a_new_one(stack: str, aws: Aws) -> None:
    s3, bucket = aws("s3"), f"{stack}-input"
    wanted = s3.put_object(Bucket=bucket, Key="clip.mp4", Body=b"first")["VersionId"]
    s3.put_object(Bucket=bucket, Key="clip.mp4", Body=b"second")
    told(aws, stack)

    source = {"Bucket": bucket, "Key": "clip.mp4", "VersionId": wanted}
    copied = s3.copy_object(Bucket=bucket, Key="clip.mp4", CopySource=source)["VersionId"]

    assert s3.get_object(Bucket=bucket, Key="clip.mp4")["Body"].read() == b"first"
    assert told(aws, stack) == [("clip.mp4", copied)]


def told(aws: Aws, stack: str) -> list[tuple[str, str]]:
    """Keys and versions that wait in the split queue; they are taken out."""
    sqs = aws("sqs")
    url = sqs.get_queue_url(QueueName=f"{stack}-split")["QueueUrl"]
    found: list[tuple[str, str]] = []
    while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", []):
        for message in messages:
            objects = [record["s3"]["object"] for record in json.loads(message["Body"]).get("Records", [])]
            found += [(each["key"], each["versionId"]) for each in objects]
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return found
