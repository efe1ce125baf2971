"""API keys and their rates, in moto's DynamoDB."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import boto3
import pytest
from moto import mock_aws

from rollcall.api.api_keys import ApiKeyStore, RateLimiter

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.service_resource import Table


@dataclass
class Clock:
    now: float = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch) -> Iterator["Table"]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    with mock_aws():
        yield boto3.resource("dynamodb", region_name="us-east-1").create_table(
            TableName="keys",
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[{"AttributeName": "key", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "key", "AttributeType": "S"}],
        )


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(table: "Table", clock: Clock) -> ApiKeyStore:
    return ApiKeyStore(table, seconds=5, clock=clock)


def test_a_key_opens_and_nothing_else_does(store: ApiKeyStore) -> None:
    key, text = store.create("camera", ["recognize"])

    assert store.verify(text) == key
    assert store.verify(text[:-1] + ("A" if text[-1] != "A" else "B")) is None
    assert store.verify(f"rc_{'0' * 16}_{text[-43:]}") is None
    assert store.verify("") is None


def test_the_secret_is_stored_nowhere(store: ApiKeyStore, table: "Table") -> None:
    _, text = store.create("camera", ["recognize"])

    assert text[-43:] not in str(table.scan()["Items"])


def test_keys_are_listed_without_the_counts_of_their_requests(store: ApiKeyStore) -> None:
    key, _ = store.create("camera", ["recognize"], per_minute=7)
    store.count(key, 1, minute=5)

    assert list(store.all()) == [key]


def test_a_revoked_key_is_refused_within_seconds_by_other_instances(
    store: ApiKeyStore, table: "Table", clock: Clock
) -> None:
    key, text = store.create("camera", ["recognize"])
    other = ApiKeyStore(table, seconds=5, clock=clock)
    assert other.verify(text)

    assert store.revoke(key.id)

    assert store.verify(text) is None
    clock.now += 5
    assert other.verify(text) is None


def test_an_expired_key_is_refused_before_the_table_removes_it(store: ApiKeyStore, clock: Clock) -> None:
    _, text = store.create("visitor", ["recognize"], expires=int(clock.now) + 60)
    assert store.verify(text)

    clock.now += 60

    assert store.verify(text) is None


def test_a_scope_that_does_not_exist_is_an_error(store: ApiKeyStore) -> None:
    with pytest.raises(ValueError, match="everything: no such scope"):
        store.create("camera", ["everything"])


@pytest.mark.parametrize("per_minute", [1, 7, 100])
def test_two_instances_share_one_rate(store: ApiKeyStore, table: "Table", clock: Clock, per_minute: int) -> None:
    key, _ = store.create("camera", ["recognize"], per_minute=per_minute)
    limiters = [RateLimiter(store, clock=clock), RateLimiter(ApiKeyStore(table, clock=clock), clock=clock)]

    admitted = sum(limiters[turn % 2].seconds_to_wait(key) == 0 for turn in range(3 * per_minute))

    assert admitted == per_minute


def test_the_next_minute_brings_new_requests(store: ApiKeyStore, clock: Clock) -> None:
    key, _ = store.create("camera", ["recognize"], per_minute=1)
    limiter = RateLimiter(store, clock=clock)
    assert limiter.seconds_to_wait(key) == 0
    wait = limiter.seconds_to_wait(key)
    assert 0 < wait <= 60

    clock.now += wait

    assert limiter.seconds_to_wait(key) == 0
