"""Queries, scans, batches and transactions of the store, as boto3 sees them."""

from decimal import Decimal
from typing import Any

import pytest
from boto3.dynamodb.conditions import Attr, Key
from botocore.exceptions import ClientError

from tests.unit.local.store.dynamodb_tables import make, refused


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
