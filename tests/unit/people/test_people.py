import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from moto import mock_aws

from rollcall.contracts.errors import BadRecord
from rollcall.contracts.usage_error import UsageError
from rollcall.people.people_store import PeopleStore, to_item
from rollcall.people.records import read_people

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.service_resource import Table


@pytest.fixture
def table() -> Iterator["Table"]:
    with mock_aws():
        dynamodb = boto3.resource("dynamodb", "us-east-1", aws_access_key_id="test", aws_secret_access_key="test")
        yield dynamodb.create_table(
            TableName="t-people",
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "name", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "name", "KeyType": "HASH"}],
        )
        dynamodb.meta.client.close()


def test_a_record_comes_back_with_every_field_as_it_was(table: "Table") -> None:
    record = {
        "name": "Zoë",
        "id": 7,
        "score": 0.1,
        "tiny": 1e-100,
        "big": 12345678901234567890123456789012345678,
        "negative": -2.5,
        "active": True,
        "retired": False,
        "manager": None,
        "note": "",
        "tags": ["a", 1, 2.5, None, {"deep": [True]}],
        "address": {"street": "x", "number": 0},
        "empty": {},
        "none": [],
        "key with spaces & <signs>": "日本",
        "status": "a word that expressions reserve",
    }
    store = PeopleStore(table)
    store.put(record)

    found = store.get_many(["Zoë"])["Zoë"]

    assert found == record
    assert {field: type(value) for field, value in found.items()} == {
        field: type(value) for field, value in record.items()
    }
    json.dumps(found)


def test_a_record_that_another_client_put_comes_back_as_json(table: "Table") -> None:
    table.put_item(
        Item={
            "name": "Ann",
            "n": Decimal("3.50"),
            "whole": Decimal("4"),
            "set": {"b", "a"},
            "ns": {Decimal(2), Decimal(1)},
            "raw": b"\x00\xff",
        }
    )

    found = PeopleStore(table).get_many(["Ann"])["Ann"]

    assert found == {"name": "Ann", "n": 3.5, "whole": 4, "set": ["a", "b"], "ns": [1, 2], "raw": "AP8="}
    assert isinstance(found["whole"], int)


def test_more_names_than_one_request_takes(table: "Table") -> None:
    store = PeopleStore(table)
    for number in range(230):
        store.put({"name": f"person {number}", "number": number})

    found = store.get_many([f"person {number}" for number in range(250)] * 2)

    assert {name: record["number"] for name, record in found.items()} == {f"person {n}": n for n in range(230)}


def test_nobody_asked_for_is_nobody_found(table: "Table") -> None:
    assert PeopleStore(table).get_many([]) == {}
    assert PeopleStore(table).get_many(["nobody"]) == {}


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({"x": 1e300}, "field 'x'"),
        ({"x": {"y": [float("nan")]}}, "field 'y'"),
        ({"x": 10**40 + 1}, "38 digits"),
        ({"x": "long" * 110_000}, "400 KB"),
        ({"": 1}, "no name"),
        ({"x": "\ud800"}, "not valid text"),
        ({"x": {1, 2}}, "field 'x'"),
    ],
)
def test_what_the_table_cannot_hold_is_refused_by_record_and_field(
    table: "Table", fields: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(BadRecord) as refusal:
        PeopleStore(table).put({"name": "Ann"} | fields)

    assert complaint in str(refusal.value)
    assert "Ann" in str(refusal.value)


@pytest.mark.parametrize("name", ["A" * 1000, "Ann"])
def test_a_message_quotes_no_more_than_the_beginning(name: str) -> None:
    with pytest.raises(BadRecord) as refusal:
        to_item({"name": name, "\x1b" * 10_000: 10**40 + 1})

    assert len(str(refusal.value)) < 500


@pytest.mark.parametrize("number", [10**50, -(10**38), 120 * 10**40, 0, 1.5, 1e-100])
def test_a_number_comes_back_however_many_zeros_it_ends_in(table: "Table", number: float) -> None:
    PeopleStore(table).put({"name": "Ann", "number": number})

    assert PeopleStore(table).get_many(["Ann"])["Ann"]["number"] == number


def test_nesting_beyond_the_table_s_depth_is_refused(table: "Table") -> None:
    value: Any = 1
    for _ in range(40):
        value = [value]

    with pytest.raises(BadRecord, match="32 levels"):
        PeopleStore(table).put({"name": "Ann", "x": value})


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("nonsense", "not valid JSON"),
        ({}, "expected a JSON list"),
        ([1], "entry 1"),
        ([{"role": "x"}], 'needs a "name"'),
        ([{"name": ""}], 'needs a "name"'),
        ([{"name": 3}], 'needs a "name"'),
        ([{"name": "x" * 2049}], "2048 bytes"),
        ([{"name": "Ann"}, {"name": "Bo"}, {"name": "Ann"}], "entry 3: 'Ann' is already entry 1"),
        ([{"name": "Ann"}, {"name": "Bo", "x": 1e200}], "entry 2"),
        ('[{"name": "Ann", "x": NaN}]', "NaN"),
    ],
)
def test_a_broken_list_of_people_is_refused_with_file_and_entry(tmp_path: Path, content: Any, complaint: str) -> None:
    path = tmp_path / "people.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))

    with pytest.raises(UsageError) as refusal:
        read_people(path)

    assert str(path) in str(refusal.value)
    assert complaint in str(refusal.value)


def test_a_list_of_people_is_read_untouched(tmp_path: Path) -> None:
    records = [{"name": "Ann", "id": 1, "x": [1.5, None]}, {"name": "Bo"}]
    path = tmp_path / "people.json"
    path.write_text(json.dumps(records), encoding="utf-8-sig")  # as Windows editors save it

    assert read_people(path) == records


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="nowhere.json"):
        read_people(tmp_path / "nowhere.json")
