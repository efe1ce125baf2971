"""Reads: single items, queries and scans, in pages."""

import sqlite3
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from rollcall.local.store.dynamodb import items
from rollcall.local.store.dynamodb.capacity import consumed, read_units
from rollcall.local.store.dynamodb.condition_expressions import Condition, read_condition
from rollcall.local.store.dynamodb.dynamodb_errors import invalid, not_supported
from rollcall.local.store.dynamodb.evaluation import holds
from rollcall.local.store.dynamodb.items import Row
from rollcall.local.store.dynamodb.key_conditions import hash_and_range
from rollcall.local.store.dynamodb.names import Names
from rollcall.local.store.dynamodb.paths import Path, overlapping, project, show
from rollcall.local.store.dynamodb.primary_keys import Key
from rollcall.local.store.dynamodb.tables import Table, Tables
from rollcall.local.store.dynamodb.tokens import Tokens
from rollcall.local.store.dynamodb.values import Item, item_size

PAGE_BYTES = 1024 * 1024
_LEGACY = ("AttributesToGet", "KeyConditions", "QueryFilter", "ScanFilter", "ConditionalOperator")
Asked = Mapping[str, Any]


@dataclass(frozen=True)
class Projection:
    paths: tuple[Path, ...] | None = None  # None: everything

    def of(self, item: Item) -> Item:
        return item if self.paths is None else project(item, self.paths)


def read_projection(asked: Asked, names: Names) -> Projection:
    text = asked.get("ProjectionExpression")
    if text is None:
        return Projection()
    tokens = Tokens("ProjectionExpression", text)
    paths = [names.path(tokens)]
    while tokens.take_sign(","):
        paths.append(names.path(tokens))
    tokens.expect_end()
    if found := overlapping(paths):
        raise tokens.invalid(
            "Two document paths overlap with each other; must remove or rewrite one of these paths;"
            f" path one: {show(found[0])}, path two: {show(found[1])}"
        )
    return Projection(tuple(paths))


def get(connection: sqlite3.Connection, tables: Tables, asked: Asked) -> dict[str, Any]:
    _check_legacy(asked)
    table = tables.find(asked["TableName"])
    key, _ = table.schema.of_key(asked["Key"])
    names = Names(asked)
    projection = read_projection(asked, names)
    names.check_used(any_expression=projection.paths is not None)
    item = items.get(connection, table, key)
    units = read_units(item_size(item or {}), consistent=bool(asked.get("ConsistentRead")))
    found: dict[str, Any] = {} if item is None else {"Item": projection.of(item)}
    return found | consumed(asked, table, lambda: units)


def query(connection: sqlite3.Connection, tables: Tables, asked: Asked) -> dict[str, Any]:
    table, names = _table(tables, asked), Names(asked)
    text = asked.get("KeyConditionExpression")
    if text is None:
        raise invalid("Either the KeyConditions or KeyConditionExpression parameter must be specified in the request.")
    hash, within = hash_and_range(read_condition("KeyConditionExpression", text, names), table.schema)
    page = _read_page(table, asked, names)
    if page.filter is not None:
        _check_filter(page.filter, table, asked, names)
    start = page.start
    if start is not None and start.hash != hash:
        raise invalid("The provided starting key is outside query boundaries based on provided conditions")
    forward = asked.get("ScanIndexForward", True)
    rows = items.query(
        connection, table, hash, within, after=None if start is None else start.range, forward=forward is not False
    )
    return page.answer(rows)


def scan(connection: sqlite3.Connection, tables: Tables, asked: Asked) -> dict[str, Any]:
    table, names = _table(tables, asked), Names(asked)
    page = _read_page(table, asked, names)
    return page.answer(_segment(items.scan(connection, table, page.start), table, asked))


@dataclass(frozen=True, kw_only=True)
class _Page:
    table: Table
    asked: Asked
    start: Key | None
    filter: Condition | None
    projection: Projection

    def answer(self, rows: Iterable[Row]) -> dict[str, Any]:
        found: list[Item] = []
        limit = self.asked.get("Limit")
        looked = size = count = 0
        last: Item | None = None
        for row in rows:
            looked, size = looked + 1, size + row.size
            if self.filter is None or holds(self.filter, row.item):
                count += 1
                if self.asked.get("Select") != "COUNT":
                    found.append(self.projection.of(row.item))
            if looked == limit or size >= PAGE_BYTES:
                last = row.item
                break
        told: dict[str, Any] = {"Count": count, "ScannedCount": looked}
        if self.asked.get("Select") != "COUNT":
            told["Items"] = found
        if last is not None:
            told["LastEvaluatedKey"] = self.table.schema.part_of(last)
        units = read_units(size, consistent=bool(self.asked.get("ConsistentRead")))
        return told | consumed(self.asked, self.table, lambda: units)


def _table(tables: Tables, asked: Asked) -> Table:
    _check_legacy(asked)
    table = tables.find(asked["TableName"])
    if asked.get("IndexName"):
        raise invalid(f"The table does not have the specified index: {asked['IndexName'][:255]}")
    return table


def _read_page(table: Table, asked: Asked, names: Names) -> _Page:
    projection = read_projection(asked, names)
    select = asked.get("Select")
    if (select == "SPECIFIC_ATTRIBUTES") is (projection.paths is None) and select is not None:
        raise invalid(
            "Must specify the AttributesToGet or ProjectionExpression when choosing to get SPECIFIC_ATTRIBUTES"
            if projection.paths is None
            else f"Cannot specify the ProjectionExpression when choosing to get {select}"
        )
    if select == "ALL_PROJECTED_ATTRIBUTES":
        raise invalid("ALL_PROJECTED_ATTRIBUTES can be used only when Querying using an IndexName")
    text = asked.get("FilterExpression")
    condition = None if text is None else read_condition("FilterExpression", text, names)
    expressions = (text, asked.get("ProjectionExpression"), asked.get("KeyConditionExpression"))
    names.check_used(any_expression=any(expression is not None for expression in expressions))
    return _Page(table=table, asked=asked, start=_start(table, asked), filter=condition, projection=projection)


def _start(table: Table, asked: Asked) -> Key | None:
    given = asked.get("ExclusiveStartKey")
    if given is None:
        return None
    try:
        key, _ = table.schema.of_key(given)
    except Exception as error:
        raise invalid(f"The provided starting key is invalid: {getattr(error, 'message', '')}") from None
    return key


def _segment(rows: Iterable[Row], table: Table, asked: Asked) -> Iterable[Row]:
    segment, total = asked.get("Segment"), asked.get("TotalSegments")
    if segment is None and total is None:
        return rows
    if segment is None or total is None:
        missing = "Segment" if segment is None else "TotalSegments"
        given = "TotalSegments" if segment is None else "Segment"
        raise invalid(
            f"The {missing} parameter is required but was not present in the request when parameter {given} is present"
        )
    if segment >= total:
        raise invalid(
            "The Segment parameter is zero-based and must be less than parameter TotalSegments: Segment:"
            f" {segment} is not less than TotalSegments: {total}"
        )
    return (row for row in rows if zlib.crc32(table.schema.of_item(row.item).hash) % total == segment)


def _check_filter(condition: Condition, table: Table, asked: Asked, names: Names) -> None:
    for name in table.schema.names:
        if name in names_in(condition):
            raise invalid(
                f"Filter Expression can only contain non-primary key attributes: Primary key attribute: {name}"
            )


def names_in(condition: Any) -> frozenset[str]:
    """The attributes at which the paths of a condition begin."""
    if isinstance(condition, tuple) and condition and isinstance(condition[0], str):
        return frozenset({condition[0]})
    parts = condition if isinstance(condition, tuple) else vars(condition).values()
    found = [names_in(part) for part in parts if isinstance(part, tuple) or hasattr(part, "__dataclass_fields__")]
    return frozenset().union(*found)


def _check_legacy(asked: Asked) -> None:
    for name in _LEGACY:
        if asked.get(name) is not None:
            raise not_supported(f"The legacy parameter {name}")
