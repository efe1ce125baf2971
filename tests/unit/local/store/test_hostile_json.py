"""Requests that are nearly right, of every operation: each is answered, and none makes the store fail."""

import copy
import json
import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import urllib3

MATERIAL = json.loads((Path(__file__).parent / "hostile.json").read_text())
REQUESTS = MATERIAL["requests"]  # good ones, by service and operation
NAMES = ["a", "k", ":v", "#a", "S", "N", "L", "M"]
EACH = 40


@pytest.mark.parametrize("service", REQUESTS)
def test_no_request_makes_the_store_fail(url: str, service: str) -> None:
    dice = random.Random(7)
    pool = urllib3.PoolManager(retries=False)

    def ask(service: str, operation: str, asked: Any) -> urllib3.BaseHTTPResponse:
        return pool.request("POST", url, body=json.dumps(asked), headers={"X-Amz-Target": f"{service}.{operation}"})

    made = REQUESTS["DynamoDB_20120810"]["CreateTable"] | {"TableName": "t-1"}
    statuses: Counter[int] = Counter()
    for operation, good in REQUESTS[service].items():
        ask("DynamoDB_20120810", "CreateTable", made)
        ask("AmazonSQS", "CreateQueue", {"QueueName": "q"})
        for _ in range(EACH):
            asked = _changed(good, dice)
            answer = ask(service, operation, asked)
            assert answer.status != 500, (operation, asked)
            statuses[answer.status] += 1
    assert statuses[200] > 0 and statuses[400] > 0


def _changed(good: Any, dice: random.Random) -> Any:
    asked = copy.deepcopy(good)
    for _ in range(dice.choice([1, 1, 2, 3])):
        places = [place for place in _places(asked) if place]
        if not places:
            break
        *way, last = dice.choice(places)
        container = asked
        for step in way:
            container = container[step]
        kind = dice.random()
        if kind < 0.15:
            del container[last]
        elif kind < 0.3 and isinstance(container, dict):
            container[dice.choice(NAMES)] = copy.deepcopy(dice.choice(MATERIAL["values"]))
        else:
            container[last] = copy.deepcopy(dice.choice(MATERIAL["values"]))
    return asked


def _places(value: Any, way: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield way
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, part in parts:
        yield from _places(part, (*way, name))
