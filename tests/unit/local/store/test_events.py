"""Events of the store: what is put on the bus goes to the queues whose rules match."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from rollcall.local.store.events import patterns
from rollcall.local.store.store_errors import ServiceError
from tests.unit.local.store.running import client, running_store

LISTENER = "arn:aws:sqs:us-east-1:123456789012:listener"


@pytest.fixture
def clients(tmp_path: Any) -> Iterator[tuple[Any, Any]]:
    with running_store(tmp_path) as url:
        events, sqs = client("events", url), client("sqs", url)
        yield events, sqs
        events.close()
        sqs.close()


def entry(**more: Any) -> dict[str, Any]:
    return {"Source": "rollcall", "DetailType": "Result written", "Detail": '{"status": "done"}'} | more


def test_a_rule_sends_the_events_that_it_matches_to_its_queue(clients: tuple[Any, Any]) -> None:
    events, sqs = clients
    queue = sqs.create_queue(QueueName="listener")["QueueUrl"]
    assert events.put_events(Entries=[entry()])["FailedEntryCount"] == 0  # nobody listens yet
    events.put_rule(Name="results", EventPattern=json.dumps({"source": ["rollcall"], "detail": {"status": ["done"]}}))
    events.put_targets(Rule="results", Targets=[{"Id": "one", "Arn": LISTENER}])
    assert events.list_targets_by_rule(Rule="results")["Targets"] == [{"Id": "one", "Arn": LISTENER}]

    events.put_events(Entries=[entry(), entry(Detail='{"status": "failed"}'), entry(Source="other")])

    (message,) = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10)["Messages"]
    event = json.loads(message["Body"])
    assert (event["source"], event["detail-type"], event["detail"]) == (
        "rollcall",
        "Result written",
        {"status": "done"},
    )
    with pytest.raises(ClientError, match="has targets"):
        events.delete_rule(Name="results")
    events.remove_targets(Rule="results", Ids=["one"])
    events.delete_rule(Name="results")
    assert events.list_rules()["Rules"] == []


def test_entries_fail_each_by_itself(clients: tuple[Any, Any]) -> None:
    events, _ = clients
    answer = events.put_events(
        Entries=[entry(), entry(Detail="[]"), entry(Detail="{"), entry(EventBusName="no"), entry(Detail='"x"')]
    )
    assert answer["FailedEntryCount"] == 4
    assert [one.get("ErrorCode") for one in answer["Entries"]] == [
        None,
        "MalformedDetail",
        "MalformedDetail",
        "ResourceNotFoundException",
        "MalformedDetail",
    ]


EVENT = {"a": "text", "n": 5, "yes": True, "none": None, "list": ["x", "y"], "deep": {"er": "z"}}


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ({"a": ["text", "other"]}, True),
        ({"a": ["other"]}, False),
        ({"a": ["text"], "n": [6]}, False),
        ({"n": [5.0]}, True),
        ({"yes": [1]}, False),
        ({"yes": [True]}, True),
        ({"none": [None]}, True),
        ({"gone": [None]}, False),
        ({"list": ["y"]}, True),
        ({"deep": {"er": ["z"]}}, True),
        ({"deep": {"er": {"est": ["z"]}}}, False),
        ({"a": [{"prefix": "te"}]}, True),
        ({"a": [{"suffix": "xt"}]}, True),
        ({"a": [{"equals-ignore-case": "TEXT"}]}, True),
        ({"a": [{"anything-but": ["x", "y"]}]}, True),
        ({"a": [{"anything-but": {"prefix": "te"}}]}, False),
        ({"gone": [{"anything-but": "x"}]}, False),
        ({"gone": [{"exists": False}]}, True),
        ({"a": [{"exists": True}]}, True),
        ({"n": [{"numeric": [">", 4, "<=", 5]}]}, True),
        ({"n": [{"numeric": ["<", 5]}]}, False),
        ({"a": [{"wildcard": "t*x*"}]}, True),
        ({"a": [{"wildcard": "t*t"}]}, True),
        ({"a": [{"wildcard": "*t*t*t"}]}, False),
        ({"$or": [{"a": ["no"]}, {"n": [5]}]}, True),
    ],
)
def test_patterns(pattern: Any, expected: bool) -> None:
    assert patterns.matches(patterns.checked(json.dumps(pattern)), EVENT) is expected


@pytest.mark.parametrize(
    "pattern",
    [
        *("", "[]", "{}", '{"a": "text"}', '{"a": []}', '{"a": [[1]]}', '{"a": [{"no": 1}]}', '{"a": [{}]}'),
        *('{"a": [{"prefix": 1}]}', '{"a": [{"numeric": ["<"]}]}', '{"a": [{"numeric": ["!", 1]}]}', '{"$or": 1}'),
        '{"a":' * 30 + "[1]" + "}" * 30,
    ],
)
def test_patterns_that_are_none_are_refused(pattern: str) -> None:
    with pytest.raises(ServiceError, match="Event pattern is not valid"):
        patterns.checked(pattern)


def test_what_is_not_supported_says_so(clients: tuple[Any, Any]) -> None:
    events, _ = clients
    for ask, asked in (
        (events.put_rule, {"Name": "x", "ScheduleExpression": "rate(1 day)"}),
        (events.create_event_bus, {"Name": "x"}),
    ):
        with pytest.raises(ClientError, match="not supported by the local events"):
            ask(**asked)
    with pytest.raises(events.exceptions.ResourceNotFoundException):
        events.put_targets(Rule="none", Targets=[{"Id": "one", "Arn": LISTENER}])
