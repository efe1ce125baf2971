"""Batches of reads and writes, each by itself."""

import sqlite3
from collections.abc import Mapping
from typing import Any

from rollcall.local.store.dynamodb import items
from rollcall.local.store.dynamodb.capacity import consumed_by_all, read_units, write_units
from rollcall.local.store.dynamodb.dynamodb_errors import invalid
from rollcall.local.store.dynamodb.item_reads import read_projection
from rollcall.local.store.dynamodb.item_writes import Write, read_delete, read_put
from rollcall.local.store.dynamodb.names import Names
from rollcall.local.store.dynamodb.primary_keys import Key
from rollcall.local.store.dynamodb.tables import Table, Tables
from rollcall.local.store.dynamodb.values import item_size

MOST_WRITES, MOST_READS = 25, 100
ANSWER_BYTES = 16 * 1024 * 1024
DUPLICATES = "Provided list of item keys contains duplicates"

Asked = Mapping[str, Any]


def read_writes(tables: Tables, asked: Asked) -> list[Write]:
    requests = [(name, request) for name, requests in asked["RequestItems"].items() for request in requests]
    if not requests:
        raise invalid(
            "1 validation error detected: Value '{}' at 'requestItems' failed to satisfy constraint: Member"
            " must have length greater than or equal to 1"
        )
    if len(requests) > MOST_WRITES:
        raise invalid(
            "1 validation error detected: Value at 'requestItems' failed to satisfy constraint: Map value must satisfy"
            f" constraint: [Member must have length less than or equal to {MOST_WRITES}, Member must have length"
            " greater than or equal to 1]"
        )
    writes = [_read_write(tables, name, request) for name, request in requests]
    if len({(write.table.id, write.key) for write in writes}) < len(writes):
        raise invalid(DUPLICATES)
    return writes


def run_writes(connection: sqlite3.Connection, writes: list[Write], asked: Asked) -> dict[str, Any]:
    units = [(write.table, write_units(*write.run(connection).sizes)) for write in writes]
    return {"UnprocessedItems": {}, **consumed_by_all(asked, units)}


def get(connection: sqlite3.Connection, tables: Tables, asked: Asked) -> dict[str, Any]:
    wanted = asked["RequestItems"]
    if sum(len(of_table["Keys"]) for of_table in wanted.values()) > MOST_READS:
        raise invalid("Too many items requested for the BatchGetItem call")
    responses: dict[str, list[Any]] = {}
    left: dict[str, Any] = {}
    units: list[tuple[Table, float]] = []
    size = 0
    for name, of_table in wanted.items():
        table, names = tables.find(name), Names(of_table)
        projection = read_projection(of_table, names)
        names.check_used(any_expression=projection.paths is not None)
        found = responses.setdefault(name, [])
        for key in _keys(table, of_table["Keys"]):
            item = None if size > ANSWER_BYTES else items.get(connection, table, key[0])
            if size > ANSWER_BYTES:
                left.setdefault(name, {**of_table, "Keys": []})["Keys"].append(key[1])
            elif item is not None:
                found.append(projection.of(item))
                length = item_size(item)
                size += length
                units.append((table, read_units(length, consistent=bool(of_table.get("ConsistentRead")))))
    return {"Responses": responses, "UnprocessedKeys": left, **consumed_by_all(asked, units)}


def _keys(table: Table, given: list[Any]) -> list[tuple[Key, Any]]:
    keys = [table.schema.of_key(key) for key in given]
    if len({key for key, _ in keys}) < len(keys):
        raise invalid(DUPLICATES)
    return keys


def _read_write(tables: Tables, name: str, request: Asked) -> Write:
    put, delete = request.get("PutRequest"), request.get("DeleteRequest")
    if (put is None) is (delete is None):
        raise invalid(
            f"Supplied AttributeValue {'is empty' if put is None else 'has more than one datatypes set'}, must contain"
            " exactly one of the supported datatypes"
        )
    if put is not None:
        return read_put(tables, {"TableName": name, "Item": put["Item"]})
    assert delete is not None
    return read_delete(tables, {"TableName": name, "Key": delete["Key"]})
