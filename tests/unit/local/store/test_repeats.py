"""A queue that takes each id once, and events of Rollcall that come once."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rollcall.local.store.sqs import repeats
from tests.unit.local.store.running import client, running_store


def announcement(id: object, **more: Any) -> str:
    return json.dumps({"id": id} | more)


def bodies(sqs: Any, queue: str) -> list[str]:
    found = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", [])
    for message in found:
        sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
    return [message["Body"] for message in found]


@pytest.fixture
def sqs(tmp_path: Path) -> Iterator[Any]:
    with running_store(tmp_path) as url:
        sqs = client("sqs", url)
        yield sqs
        sqs.close()


def test_an_id_comes_once_to_a_queue_that_says_so(sqs: Any) -> None:
    queue = sqs.create_queue(QueueName="once", tags={repeats.TAG: "id"})["QueueUrl"]

    first = sqs.send_message(QueueUrl=queue, MessageBody=announcement("a"))
    assert bodies(sqs, queue) == [announcement("a")]
    again = sqs.send_message(QueueUrl=queue, MessageBody=announcement("a", more=1))
    batch = sqs.send_message_batch(
        QueueUrl=queue, Entries=[{"Id": str(n), "MessageBody": announcement(id)} for n, id in enumerate("abb")]
    )

    assert again["MessageId"] == first["MessageId"]
    assert len(batch["Successful"]) == 3
    assert bodies(sqs, queue) == [announcement("b")]


@pytest.mark.parametrize("body", ["no JSON", "[1]", announcement(7), announcement(None), "[" * 9000])
def test_what_has_no_id_comes_as_often_as_it_is_sent(sqs: Any, body: str) -> None:
    queue = sqs.create_queue(QueueName="once", tags={repeats.TAG: "id"})["QueueUrl"]

    for _ in range(2):
        sqs.send_message(QueueUrl=queue, MessageBody=body)

    assert bodies(sqs, queue) == [body, body]


def test_other_queues_take_an_id_as_often_as_it_is_sent(sqs: Any) -> None:
    queues = [
        sqs.create_queue(QueueName=name, tags=tags)["QueueUrl"]
        for name, tags in (("any", {}), ("once", {repeats.TAG: "id"}), ("too", {repeats.TAG: "id"}))
    ]

    for queue in [*queues, *queues]:
        sqs.send_message(QueueUrl=queue, MessageBody=announcement("a"))

    assert [len(bodies(sqs, queue)) for queue in queues] == [2, 1, 1]


def test_an_id_is_known_after_a_start_and_forgotten_after_a_day(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        if number == 2:
            monkeypatch.setattr(repeats, "KEPT_MS", -1)
        with running_store(tmp_path) as url:
            sqs = client("sqs", url)
            queue = sqs.create_queue(QueueName="once", tags={repeats.TAG: "id"})["QueueUrl"]
            sqs.send_message(QueueUrl=queue, MessageBody=announcement("a"))
            assert len(bodies(sqs, queue)) == (number != 1)
            sqs.close()


def test_an_event_of_rollcall_comes_once_to_each_queue_that_listens(tmp_path: Path) -> None:
    with running_store(tmp_path) as url:
        events, sqs = client("events", url), client("sqs", url)
        queues = [sqs.create_queue(QueueName=name)["QueueUrl"] for name in ("first", "second")]
        events.put_rule(Name="all", EventPattern=json.dumps({"source": [{"exists": True}]}))
        targets = [{"Id": name, "Arn": f"arn:aws:sqs:us-east-1:123456789012:{name}"} for name in ("first", "second")]
        events.put_targets(Rule="all", Targets=targets)
        details = [("rollcall", announcement("a")), ("rollcall", "{}"), ("other", announcement("a"))]

        for _ in range(2):
            events.put_events(
                Entries=[{"Source": s, "DetailType": "Result written", "Detail": detail} for s, detail in details]
            )

        for queue in queues:
            came = [json.loads(body) for body in bodies(sqs, queue)]
            assert sorted((event["source"], json.dumps(event["detail"])) for event in came) == [
                ("other", announcement("a")),
                ("other", announcement("a")),
                ("rollcall", announcement("a")),
                ("rollcall", "{}"),
                ("rollcall", "{}"),
            ]
        events.close()
        sqs.close()
