"""Items of the store: what they hold, conditions and updates, as boto3 sees them."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from boto3.dynamodb.conditions import Attr
from botocore.exceptions import ClientError

from tests.unit.local.store.dynamodb_tables import refused

WRONG = "One or more parameter values were invalid"
REFUSED_UPDATES = json.loads((Path(__file__).parent / "updates_refused.json").read_text())
EVERYTHING = {
    "k": "a",
    "text": "ü😀",
    "empty": "",
    "number": Decimal("-12.5"),
    "bytes": b"\x00\xff",
    "yes": True,
    "none": None,
    "list": [1, "two", [b"3"]],
    "map": {"": {"x y": Decimal("1E-10")}},
    "texts": {"a", "b"},
    "numbers": {Decimal(1), Decimal("2.5")},
    "binaries": {b"x", b"y"},
}


def test_an_item_comes_back_as_it_was_put(table: Any) -> None:
    table.put_item(Item=EVERYTHING)
    assert table.get_item(Key={"k": "a"})["Item"] == EVERYTHING
    assert "Item" not in table.get_item(Key={"k": "b"})
    assert table.delete_item(Key={"k": "a"}, ReturnValues="ALL_OLD")["Attributes"] == EVERYTHING
    assert "Item" not in table.get_item(Key={"k": "a"})
    assert "Attributes" not in table.delete_item(Key={"k": "a"}, ReturnValues="ALL_OLD")


@pytest.mark.parametrize(
    ("given", "stored"),
    [
        ("0", "0"),
        ("-0.0", "0"),
        ("007.50", "7.5"),
        ("+.5", "0.5"),
        ("1E3", "1000"),
        ("1e-3", "0.001"),
        ("9" * 38, "9" * 38),
        ("1E125", "1" + "0" * 125),
        ("-1E-130", "-0." + "0" * 129 + "1"),
        ("1" + "0" * 100, "1" + "0" * 100),
        ("0" * 100 + "1", "1"),
        ("0e99999", "0"),
    ],
)
def test_numbers_are_written_in_one_way(dynamodb: Any, table: Any, given: str, stored: str) -> None:
    dynamodb.put_item(TableName=table.name, Item={"k": {"S": "n"}, "n": {"N": given}})
    assert dynamodb.get_item(TableName=table.name, Key={"k": {"S": "n"}})["Item"]["n"] == {"N": stored}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"N": ""}, "The parameter cannot be converted to a numeric value"),
        ({"N": "1,5"}, "The parameter cannot be converted to a numeric value: 1,5"),
        ({"N": "NaN"}, "The parameter cannot be converted to a numeric value: NaN"),
        ({"N": "1" * 39}, "Attempting to store more than 38 significant digits in a Number"),
        ({"N": "1E126"}, "Number overflow. Attempting to store a number with magnitude larger than supported range"),
        ({"N": "1E-131"}, "Number underflow. Attempting to store a number with magnitude smaller than supported range"),
        (
            {"NULL": False},
            "One or more parameter values were invalid: Null attribute value types must have the value of true",
        ),
        ({"SS": []}, f"{WRONG}: An string set  may not be empty"),
        (
            {"NS": ["1", "1.0"]},
            "One or more parameter values were invalid: Input collection [1, 1] contains duplicates.",
        ),
        ({}, "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes"),
        (
            {"S": "a", "N": "1"},
            "Supplied AttributeValue has more than one datatypes set, must contain exactly one of the supported"
            " datatypes",
        ),
        ({"B": b"x" * 400 * 1024}, "Item size has exceeded the maximum allowed size"),
    ],
)
def test_values_that_are_none_are_refused(dynamodb: Any, table: Any, value: Any, expected: str) -> None:
    with pytest.raises(ClientError) as error:
        dynamodb.put_item(TableName=table.name, Item={"k": {"S": "x"}, "v": value})
    assert refused(error) == ("ValidationException", expected)


def test_lists_are_nested_to_a_depth(dynamodb: Any, table: Any) -> None:
    value: Any = {"S": "x"}
    for depth in range(1, 34):
        value = {"L": [value]}
        if depth in {32, 33}:
            asked = {"TableName": table.name, "Item": {"k": {"S": "x"}, "v": value}}
            if depth == 32:
                dynamodb.put_item(**asked)
            else:
                with pytest.raises(ClientError, match="Nesting Levels have exceeded supported limits"):
                    dynamodb.put_item(**asked)


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        ({"v": {"S": "x"}}, "One or more parameter values were invalid: Missing the key k in the item"),
        (
            {"k": {"N": "1"}},
            "One or more parameter values were invalid: Type mismatch for key k expected: S actual: N",
        ),
        (
            {"k": {"S": ""}},
            "One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an empty"
            " string value. Key: k",
        ),
        (
            {"k": {"S": "x" * 2049}},
            f"{WRONG}: Size of hashkey has exceeded the maximum size limit of2048 bytes",
        ),
    ],
)
def test_items_without_a_good_key_are_refused(dynamodb: Any, table: Any, item: Any, expected: str) -> None:
    with pytest.raises(ClientError) as error:
        dynamodb.put_item(TableName=table.name, Item=item)
    assert refused(error) == ("ValidationException", expected)


@pytest.mark.parametrize("key", [{}, {"v": {"S": "x"}}, {"k": {"N": "1"}}, {"k": {"S": "x"}, "s": {"N": "1"}}])
def test_keys_that_are_none_are_refused(dynamodb: Any, table: Any, key: Any) -> None:
    for ask in (dynamodb.get_item, dynamodb.delete_item, dynamodb.update_item):
        with pytest.raises(ClientError) as error:
            ask(TableName=table.name, Key=key)
        assert refused(error) == ("ValidationException", "The provided key element does not match the schema")


def test_a_condition_that_fails_changes_nothing_and_tells_of_the_item(table: Any) -> None:
    table.put_item(Item={"k": "a", "v": 1})
    with pytest.raises(ClientError) as error:
        table.put_item(
            Item={"k": "a", "v": 2},
            ConditionExpression=Attr("k").not_exists(),
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )
    assert refused(error) == ("ConditionalCheckFailedException", "The conditional request failed")
    assert error.value.response["Item"] == {"k": {"S": "a"}, "v": {"N": "1"}}  # type: ignore[typeddict-item]
    for change in (
        lambda: table.delete_item(Key={"k": "a"}, ConditionExpression=Attr("v").gt(1)),
        lambda: table.update_item(
            Key={"k": "b"},
            UpdateExpression="SET v = :v",
            ConditionExpression="attribute_exists(k)",
            ExpressionAttributeValues={":v": 1},
        ),
    ):
        with pytest.raises(table.meta.client.exceptions.ConditionalCheckFailedException) as error:
            change()
        assert "Item" not in error.value.response
    assert table.scan()["Items"] == [{"k": "a", "v": 1}]


@pytest.mark.parametrize(
    ("expression", "values", "expected"),
    [
        ("SET n = n + :v, fresh = :v - n", {":v": 2}, {"n": 3, "fresh": 1}),
        ("SET m.a.b = :v", {":v": "x"}, {"m": {"a": {"b": "x"}, "z": 1}}),
        ("SET l[1] = :v, l[9] = :v", {":v": "x"}, {"l": [0, "x", 2, "x"]}),
        ("REMOVE l[0], l[2], gone", None, {"l": [1]}),
        ("REMOVE l[0] SET l[1] = :v", {":v": "x"}, {"l": ["x", 2]}),
        ("SET l = list_append(:v, l)", {":v": [9]}, {"l": [9, 0, 1, 2]}),
        ("SET fresh = list_append(if_not_exists(fresh, :none), :v)", {":v": [1], ":none": []}, {"fresh": [1]}),
        ("SET n = if_not_exists(n, :v) + :v", {":v": 5}, {"n": 6}),
        ("SET a = n, n = :v", {":v": 7}, {"a": 1, "n": 7}),
        (
            "ADD n :v, fresh :v, tags :t",
            {":v": Decimal("0.5"), ":t": {"c"}},
            {"n": Decimal("1.5"), "fresh": Decimal("0.5"), "tags": {"a", "b", "c"}},
        ),
        ("DELETE tags :t", {":t": {"a", "x"}}, {"tags": {"b"}}),
        ("DELETE tags :t", {":t": {"a", "b"}}, {"tags": None}),
        ("DELETE gone :t", {":t": {"a"}}, {}),
        ("remove m.z", None, {"m": {"a": {"b": 1}}}),
        ("SET m.#d = :v", {":v": 1}, {"m": {"a": {"b": 1}, "z": 1, "x.y": 1}}),
    ],
)
def test_updates(table: Any, expression: str, values: Any, expected: dict[str, Any]) -> None:
    before = {"k": "a", "n": 1, "l": [0, 1, 2], "m": {"a": {"b": 1}, "z": 1}, "tags": {"a", "b"}}
    table.put_item(Item=before)
    more = {"ExpressionAttributeValues": values} if values else {}
    if "#d" in expression:
        more["ExpressionAttributeNames"] = {"#d": "x.y"}

    after = table.update_item(Key={"k": "a"}, UpdateExpression=expression, ReturnValues="ALL_NEW", **more)["Attributes"]

    assert after == {name: value for name, value in (before | expected).items() if value is not None}
    assert table.get_item(Key={"k": "a"})["Item"] == after


@pytest.mark.parametrize(("expression", "values", "expected"), REFUSED_UPDATES)
def test_updates_that_cannot_be(table: Any, expression: str, values: Any, expected: str) -> None:
    table.put_item(Item={"k": "a", "n": 1, "t": "text"})
    more = {"ExpressionAttributeValues": values} if values else {}
    with pytest.raises(ClientError) as error:
        table.update_item(Key={"k": "a"}, UpdateExpression=expression, **more)
    assert refused(error) == ("ValidationException", expected)
    assert table.get_item(Key={"k": "a"})["Item"] == {"k": "a", "n": 1, "t": "text"}


def test_what_an_update_returns(table: Any) -> None:
    table.put_item(Item={"k": "a", "m": {"x": 1, "y": 2}, "z": 3})

    def update(wanted: str) -> Any:
        return table.update_item(
            Key={"k": "a"},
            UpdateExpression="SET m.x = m.x + :one, n = :one",
            ExpressionAttributeValues={":one": 1},
            ReturnValues=wanted,
        ).get("Attributes")

    assert update("NONE") is None
    assert update("UPDATED_OLD") == {"m": {"x": 2}, "n": 1}
    assert update("UPDATED_NEW") == {"m": {"x": 4}, "n": 1}
    assert update("ALL_OLD") == {"k": "a", "m": {"x": 4, "y": 2}, "z": 3, "n": 1}
    assert update("ALL_NEW") == {"k": "a", "m": {"x": 6, "y": 2}, "z": 3, "n": 1}


def test_an_update_makes_an_item_that_is_not_there(table: Any) -> None:
    assert table.update_item(Key={"k": "a"}, ReturnValues="ALL_NEW")["Attributes"] == {"k": "a"}
    assert table.update_item(Key={"k": "a"}, ReturnValues="UPDATED_NEW").get("Attributes") is None


CONDITIONS = json.loads((Path(__file__).parent / "conditions.json").read_text())


@pytest.mark.parametrize(("condition", "expected"), CONDITIONS, ids=[condition[:40] for condition, _ in CONDITIONS])
def test_conditions(dynamodb: Any, table: Any, condition: str, expected: bool | str) -> None:
    item = {
        "k": {"S": "a"},
        "n": {"N": "1"},
        "t": {"S": "text"},
        "tags": {"SS": ["te", "x"]},
        "l": {"L": [{"N": "1"}, {"S": "x"}]},
        "m": {"M": {"x": {"N": "1"}}},
    }
    dynamodb.put_item(TableName=table.name, Item=item)
    values = {
        ":one": {"N": "1.0"},
        ":two": {"N": "2"},
        ":four": {"N": "4"},
        ":ten": {"N": "10"},
        ":text": {"S": "te"},
        ":type": {"S": "N"},
        ":yes": {"BOOL": True},
    }
    used = {name: value for name, value in values.items() if name in condition}

    def ask() -> bool:
        try:
            dynamodb.put_item(
                TableName=table.name, Item=item, ConditionExpression=condition, ExpressionAttributeValues=used
            )
        except dynamodb.exceptions.ConditionalCheckFailedException:
            return False
        return True

    if not used:
        with pytest.raises(ClientError, match="must not be empty|Attribute name|Syntax|path|index|nested"):
            ask()
    elif isinstance(expected, bool):
        assert ask() is expected
    else:
        with pytest.raises(ClientError) as error:
            ask()
        assert refused(error) == ("ValidationException", expected)
