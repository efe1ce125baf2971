"""Tables of the store: made, described and removed, and what becomes of their items, as boto3 sees them."""

import time
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from rollcall.local.store.dynamodb import dynamodb_service as service
from tests.unit.local.store.dynamodb_tables import make, refused
from tests.unit.local.store.running import client, running_store


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
