"""Tables of the store, as boto3 sees them."""

import itertools
import json
import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import boto3
import pytest
from boto3.dynamodb.conditions import Attr, Key
from botocore.config import Config
from botocore.exceptions import ClientError

from rollcall.local.store.dynamodb import dynamodb_service as service
from tests.unit.local.store.running import client, running_store

WRONG = "One or more parameter values were invalid"
NUMBERS = itertools.count()
REFUSED_UPDATES = json.loads((Path(__file__).parent / "updates_refused.json").read_text())


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_store(tmp_path_factory.mktemp("store")) as url:
        yield url


@pytest.fixture(scope="module")
def dynamodb(url: str) -> Iterator[Any]:
    dynamodb = client("dynamodb", url)
    yield dynamodb
    dynamodb.close()


@pytest.fixture(scope="module")
def resource(url: str) -> Iterator[Any]:
    resource = boto3.resource(
        "dynamodb",
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id="any",
        aws_secret_access_key="any",
        config=Config(proxies={}, retries={"max_attempts": 1}),
    )
    yield resource
    resource.meta.client.close()


def make(dynamodb: Any, sort: str | None = None) -> str:
    name = f"table-{next(NUMBERS)}"
    keys = [("k", "HASH", "S")] + ([("s", "RANGE", sort)] if sort else [])
    dynamodb.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": kind} for key, _, kind in keys],
        KeySchema=[{"AttributeName": key, "KeyType": role} for key, role, _ in keys],
    )
    return name


@pytest.fixture
def table(dynamodb: Any, resource: Any) -> Any:
    return resource.Table(make(dynamodb))


@pytest.fixture
def sorted_table(dynamodb: Any, resource: Any) -> Any:
    return resource.Table(make(dynamodb, "N"))


def refused(error: pytest.ExceptionInfo[ClientError]) -> tuple[str, str]:
    told = error.value.response["Error"]
    return str(told["Code"]), str(told["Message"])


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


def test_a_query_gives_one_partition_in_order_of_numbers(sorted_table: Any) -> None:
    numbers = [Decimal(text) for text in ("-1E20", "-100", "-9.5", "-9.49", "0", "1E-20", "0.5", "2", "10", "1E30")]
    with sorted_table.batch_writer() as batch:
        for number in reversed(numbers):
            batch.put_item({"k": "a", "s": number, "even": int(number) % 2 == 0})
        batch.put_item({"k": "b", "s": 1})

    def query(condition: Any = None, **more: Any) -> list[Decimal]:
        whole = Key("k").eq("a") if condition is None else Key("k").eq("a") & condition
        return [item["s"] for item in sorted_table.query(KeyConditionExpression=whole, **more)["Items"]]

    assert query() == numbers
    assert query(ScanIndexForward=False) == numbers[::-1]
    for condition, expected in (
        (Key("s").lt(0), numbers[:4]),
        (Key("s").lte(0), numbers[:5]),
        (Key("s").gt(2), numbers[8:]),
        (Key("s").gte(2), numbers[7:]),
        (Key("s").eq(Decimal("-9.5")), [Decimal("-9.5")]),
        (Key("s").between(-100, 2), numbers[1:8]),
    ):
        assert query(condition) == expected
    assert query(FilterExpression=Attr("even").eq(True), Limit=6) == [
        number for number in numbers[:6] if int(number) % 2 == 0
    ]


def test_texts_are_sorted_by_their_bytes_and_found_by_their_beginning(dynamodb: Any, resource: Any) -> None:
    table = resource.Table(make(dynamodb, "S"))
    names = ["A", "B", "a", "ab", "abc", "b", "z", "ä", "\uffff", "😀"]
    for name in reversed(names):
        table.put_item(Item={"k": "x", "s": name})
    assert [item["s"] for item in table.query(KeyConditionExpression=Key("k").eq("x"))["Items"]] == names
    found = table.query(KeyConditionExpression=Key("k").eq("x") & Key("s").begins_with("ab"))["Items"]
    assert [item["s"] for item in found] == ["ab", "abc"]


@pytest.mark.parametrize("forward", [True, False])
def test_pages_follow_each_other_without_gaps(sorted_table: Any, forward: bool) -> None:
    with sorted_table.batch_writer() as batch:
        for number in range(25):
            batch.put_item({"k": "a", "s": number})
    pages: list[Any] = []
    start: dict[str, Any] = {}
    while True:
        page = sorted_table.query(
            KeyConditionExpression=Key("k").eq("a") & Key("s").between(3, 22),
            ScanIndexForward=forward,
            Limit=5,
            **start,
        )
        pages.append([int(item["s"]) for item in page["Items"]])
        if "LastEvaluatedKey" not in page:
            break
        start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}
    numbers = [number for page in pages for number in page]
    assert numbers == (list(range(3, 23)) if forward else list(range(22, 2, -1)))
    assert [len(page) for page in pages] == [5, 5, 5, 5, 0]


def test_a_page_ends_at_a_megabyte_and_segments_share_a_scan(dynamodb: Any, sorted_table: Any) -> None:
    for number in range(24):
        sorted_table.put_item(Item={"k": f"k{number}", "s": 1, "v": "x" * 100_000})
    page = sorted_table.scan()
    assert len(page["Items"]) == 11
    assert "LastEvaluatedKey" in page
    pages = dynamodb.get_paginator("scan").paginate(TableName=sorted_table.name, ProjectionExpression="k")
    assert len({item["k"]["S"] for page in pages for item in page["Items"]}) == 24
    segments = [
        {item["k"] for item in page["Items"]}
        for segment in range(2)
        for page in [sorted_table.scan(Segment=segment, TotalSegments=2, ProjectionExpression="k")]
    ]
    assert not segments[0] & segments[1]
    counted = sorted_table.scan(Select="COUNT", Limit=3)
    assert (counted["Count"], counted["ScannedCount"], "Items" in counted) == (3, 3, False)


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("s = :n", "Query condition missed key schema element: k"),
        ("k = :t OR s = :n", "Invalid operator used in KeyConditionExpression: OR"),
        ("k > :t", "Query key condition not supported"),
        ("k = :t AND k = :t", "KeyConditionExpressions must only contain one condition per key"),
        ("k = :t AND v = :n", "Query condition missed key schema element: s"),
        ("k = :n", "One or more parameter values were invalid: Condition parameter type does not match schema type"),
        ("k = :t AND contains(s, :n)", "Invalid operator used in KeyConditionExpression: contains"),
        ("k = :t AND s <> :n", "Invalid operator used in KeyConditionExpression: <>"),
    ],
)
def test_queries_that_cannot_be(dynamodb: Any, sorted_table: Any, condition: str, expected: str) -> None:
    values = {name: value for name, value in {":t": {"S": "x"}, ":n": {"N": "1"}}.items() if name in condition}
    with pytest.raises(ClientError) as error:
        dynamodb.query(TableName=sorted_table.name, KeyConditionExpression=condition, ExpressionAttributeValues=values)
    assert refused(error) == ("ValidationException", expected)


def test_a_projection_gives_what_its_paths_lead_to(table: Any) -> None:
    table.put_item(Item={"k": "a", "m": {"x": 1, "y": [10, 11, {"z": 1, "w": 2}]}, "other": 1})
    found = table.get_item(
        Key={"k": "a"},
        ProjectionExpression="m.#x, m.y[2].z, m.y[0], gone.x",
        ExpressionAttributeNames={"#x": "x"},
    )
    assert found["Item"] == {"m": {"x": 1, "y": [10, {"z": 1}]}}
    with pytest.raises(ClientError, match="paths overlap"):
        table.get_item(Key={"k": "a"}, ProjectionExpression="m, m.x")
    with pytest.raises(ClientError, match="can only be specified when using expressions"):
        table.get_item(Key={"k": "a"}, ExpressionAttributeNames={"#x": "x"})


def test_batches(dynamodb: Any, table: Any, sorted_table: Any) -> None:
    puts = [{"PutRequest": {"Item": {"k": {"S": str(n)}}}} for n in range(25)]
    asked = {table.name: puts[:24], sorted_table.name: [{"PutRequest": {"Item": {"k": {"S": "a"}, "s": {"N": "1"}}}}]}
    assert dynamodb.batch_write_item(RequestItems=asked)["UnprocessedItems"] == {}
    dynamodb.batch_write_item(RequestItems={table.name: [{"DeleteRequest": {"Key": {"k": {"S": "0"}}}}]})
    got = dynamodb.batch_get_item(
        RequestItems={
            table.name: {"Keys": [{"k": {"S": str(n)}} for n in range(30)], "ProjectionExpression": "k"},
            sorted_table.name: {"Keys": [{"k": {"S": "a"}, "s": {"N": "1.0"}}]},
        }
    )["Responses"]
    assert len(got[table.name]) == 23
    assert got[sorted_table.name] == [{"k": {"S": "a"}, "s": {"N": "1"}}]
    for wrong, message in (
        ({table.name: [puts[0], puts[0]]}, "Provided list of item keys contains duplicates"),
        ({table.name: [*puts, {"DeleteRequest": {"Key": {"k": {"S": "x"}}}}]}, "length less than or equal to 25"),
        ({table.name: [{}]}, "Supplied AttributeValue is empty"),
    ):
        with pytest.raises(ClientError, match=message):
            dynamodb.batch_write_item(RequestItems=wrong)
    with pytest.raises(ClientError, match="contains duplicates"):
        dynamodb.batch_get_item(RequestItems={table.name: {"Keys": [{"k": {"S": "1"}}] * 2}})


def test_a_transaction_is_done_whole_or_not_at_all(dynamodb: Any, table: Any) -> None:
    name = table.name

    def write(*, expected: int, token: str) -> None:
        dynamodb.transact_write_items(
            ClientRequestToken=token,
            TransactItems=[
                {"Put": {"TableName": name, "Item": {"k": {"S": "b"}}}},
                {
                    "Update": {
                        "TableName": name,
                        "Key": {"k": {"S": "a"}},
                        "UpdateExpression": "ADD n :one",
                        "ConditionExpression": "n = :n",
                        "ExpressionAttributeValues": {":one": {"N": "1"}, ":n": {"N": str(expected)}},
                        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
                    }
                },
                {
                    "ConditionCheck": {
                        "TableName": name,
                        "Key": {"k": {"S": "c"}},
                        "ConditionExpression": "attribute_not_exists(k)",
                    }
                },
            ],
        )

    table.put_item(Item={"k": "a", "n": 1})
    with pytest.raises(dynamodb.exceptions.TransactionCanceledException) as error:
        write(expected=5, token="one")
    reasons = error.value.response["CancellationReasons"]
    assert [reason["Code"] for reason in reasons] == ["None", "ConditionalCheckFailed", "None"]
    assert reasons[1]["Item"] == {"k": {"S": "a"}, "n": {"N": "1"}}
    assert "specific reasons [None, ConditionalCheckFailed, None]" in refused(error)[1]
    assert table.scan()["Items"] == [{"k": "a", "n": 1}]

    for _ in range(2):  # the second time it has been done already
        write(expected=1, token="two")
    with pytest.raises(dynamodb.exceptions.IdempotentParameterMismatchException):
        write(expected=2, token="two")
    keys = [{"Get": {"TableName": name, "Key": {"k": {"S": key}}}} for key in "abx"]
    responses = dynamodb.transact_get_items(TransactItems=keys)["Responses"]
    assert responses == [{"Item": {"k": {"S": "a"}, "n": {"N": "2"}}}, {"Item": {"k": {"S": "b"}}}, {}]
    put = {"Put": {"TableName": name, "Item": {"k": {"S": "z"}}}}
    with pytest.raises(ClientError, match="cannot include multiple operations on one item"):
        dynamodb.transact_write_items(TransactItems=[put, put])


def test_capacity_is_told_to_whoever_asks(table: Any) -> None:
    item = {"k": "a", "v": "x" * 5000}
    put = table.put_item(Item=item, ReturnConsumedCapacity="TOTAL")
    assert put["ConsumedCapacity"] == {"TableName": table.name, "CapacityUnits": 5.0}
    got = table.get_item(Key={"k": "a"}, ConsistentRead=True, ReturnConsumedCapacity="INDEXES")
    assert got["ConsumedCapacity"]["Table"] == {"CapacityUnits": 2.0}
    assert table.scan(ReturnConsumedCapacity="TOTAL")["ConsumedCapacity"]["CapacityUnits"] == 1.0


def test_what_has_expired_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "EXPIRE_SECONDS", 0.05)
    with running_store(tmp_path) as url:
        dynamodb = client("dynamodb", url)
        name = make(dynamodb)
        now = int(time.time())
        times = {"past": now - 10, "soon": now + 1, "far": now + 1000, "ancient": now - 6 * 365 * 86_400}
        for key, at in times.items():
            dynamodb.put_item(TableName=name, Item={"k": {"S": key}, "at": {"N": str(at)}})
        dynamodb.put_item(TableName=name, Item={"k": {"S": "text"}, "at": {"S": str(now - 10)}})
        wanted = {"Enabled": True, "AttributeName": "at"}
        dynamodb.update_time_to_live(TableName=name, TimeToLiveSpecification=wanted)
        described = dynamodb.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
        assert described == {"TimeToLiveStatus": "ENABLED", "AttributeName": "at"}
        with pytest.raises(ClientError, match="TimeToLive is already enabled"):
            dynamodb.update_time_to_live(TableName=name, TimeToLiveSpecification=wanted)
        keys = set()
        for _ in range(100):
            keys = {item["k"]["S"] for item in dynamodb.scan(TableName=name)["Items"]}
            if keys == {"far", "ancient", "text"}:
                break
            time.sleep(0.05)
        dynamodb.close()
    assert keys == {"far", "ancient", "text"}


def test_tables_are_made_described_listed_and_removed(dynamodb: Any) -> None:
    name = make(dynamodb, "N")
    dynamodb.get_waiter("table_exists").wait(TableName=name)
    with pytest.raises(dynamodb.exceptions.ResourceInUseException):
        dynamodb.create_table(
            TableName=name,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
        )
    dynamodb.put_item(TableName=name, Item={"k": {"S": "a"}, "s": {"N": "1"}})
    described = dynamodb.describe_table(TableName=name)["Table"]
    assert described["TableArn"] == f"arn:aws:dynamodb:us-east-1:123456789012:table/{name}"
    assert (described["ItemCount"], described["TableStatus"]) == (1, "ACTIVE")
    assert [key["AttributeName"] for key in described["KeySchema"]] == ["k", "s"]
    assert name in dynamodb.list_tables()["TableNames"]
    assert len(dynamodb.list_tables(Limit=1)["TableNames"]) == 1
    dynamodb.delete_table(TableName=name)
    dynamodb.get_waiter("table_not_exists").wait(TableName=name)
    with pytest.raises(dynamodb.exceptions.ResourceNotFoundException) as error:
        dynamodb.get_item(TableName=name, Key={"k": {"S": "a"}, "s": {"N": "1"}})
    assert refused(error)[1] == f"Requested resource not found: Table: {name} not found"


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"TableName": "ab"}, "ValidationException"),
        ({"TableName": "a b c"}, "ValidationException"),
        ({"KeySchema": [{"AttributeName": "x", "KeyType": "HASH"}]}, "ValidationException"),
        ({"KeySchema": [{"AttributeName": "k", "KeyType": "RANGE"}]}, "ValidationException"),
        ({"AttributeDefinitions": [{"AttributeName": "k", "AttributeType": "BOOL"}]}, "ValidationException"),
        ({"BillingMode": "PROVISIONED"}, "ValidationException"),
        (
            {
                "LocalSecondaryIndexes": [
                    {
                        "IndexName": "index",
                        "KeySchema": [{"AttributeName": "k", "KeyType": "HASH"}],
                        "Projection": {"ProjectionType": "ALL"},
                    }
                ]
            },
            "NotImplemented",
        ),
    ],
)
def test_tables_that_cannot_be(dynamodb: Any, more: dict[str, Any], code: str) -> None:
    asked = {
        "TableName": "never-made",
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": "k", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "k", "KeyType": "HASH"}],
    }
    with pytest.raises(ClientError) as error:
        dynamodb.create_table(**(asked | more))
    assert refused(error)[0] == code


def test_old_and_unsupported_ways_say_so(dynamodb: Any, table: Any) -> None:
    with pytest.raises(ClientError, match="The legacy parameter Expected is not supported"):
        dynamodb.put_item(TableName=table.name, Item={"k": {"S": "a"}}, Expected={"k": {"Exists": False}})
    with pytest.raises(ClientError, match="ExecuteStatement is not supported"):
        dynamodb.execute_statement(Statement="SELECT * FROM x")


def test_items_outlive_the_server(tmp_path: Path) -> None:
    for turn in range(2):
        with running_store(tmp_path, durable=True) as url:
            dynamodb = client("dynamodb", url)
            if turn == 0:
                name = make(dynamodb)
                dynamodb.put_item(TableName=name, Item={"k": {"S": "a"}, "v": {"B": b"\x00"}})
            else:
                assert dynamodb.scan(TableName=name)["Items"] == [{"k": {"S": "a"}, "v": {"B": b"\x00"}}]
            dynamodb.close()
