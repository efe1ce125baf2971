"""Items in SQL: found by the bytes of their keys, kept as JSON."""

import json
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from rollcall.local.store.dynamodb.primary_keys import Key
from rollcall.local.store.dynamodb.tables import Table
from rollcall.local.store.dynamodb.values import Item, kind_of

ROWS_AT_ONCE = 100
LATEST = 2**53  # seconds since 1970: nothing expires later


@dataclass(frozen=True)
class Range:
    """A range of sort keys; None: no bound."""

    low: bytes | None = None
    high: bytes | None = None
    low_included: bool = True
    high_included: bool = True


@dataclass(frozen=True)
class Row:
    item: dict[str, Any]
    size: int


def get(connection: sqlite3.Connection, table: Table, key: Key) -> dict[str, Any] | None:
    row = connection.execute(
        "SELECT item FROM ddb_item WHERE tbl = ? AND hash = ? AND range = ?", (table.id, key.hash, key.range)
    ).fetchone()
    return None if row is None else json.loads(row[0])


def put(connection: sqlite3.Connection, table: Table, key: Key, item: Item, size: int) -> None:
    text = json.dumps(item, separators=(",", ":"), ensure_ascii=False)
    connection.execute(
        "INSERT OR REPLACE INTO ddb_item (tbl, hash, range, size, expires, item) VALUES (?, ?, ?, ?, ?, ?)",
        (table.id, key.hash, key.range, size, expiry_of(item, table.ttl), text),
    )


def delete(connection: sqlite3.Connection, table: Table, key: Key) -> None:
    connection.execute("DELETE FROM ddb_item WHERE tbl = ? AND hash = ? AND range = ?", (table.id, key.hash, key.range))


def scan(connection: sqlite3.Connection, table: Table, after: Key | None) -> Iterator[Row]:
    while True:
        where, values = (" AND (hash, range) > (?, ?)", (after.hash, after.range)) if after else ("", ())
        found = connection.execute(
            f"SELECT hash, range, size, item FROM ddb_item WHERE tbl = ?{where} ORDER BY hash, range LIMIT ?",
            (table.id, *values, ROWS_AT_ONCE),
        ).fetchall()
        for _, _, size, text in found:
            yield Row(json.loads(text), size)
        if len(found) < ROWS_AT_ONCE:
            return
        after = Key(found[-1][0], found[-1][1])


def query(
    connection: sqlite3.Connection, table: Table, hash: bytes, within: Range, *, after: bytes | None, forward: bool
) -> Iterator[Row]:
    """`after`: the sort key at which the page before this one ended."""
    while True:
        where, values = _bounds(within, after, forward=forward)
        found = connection.execute(
            f"SELECT range, size, item FROM ddb_item WHERE tbl = ? AND hash = ?{where}"
            f" ORDER BY range {'ASC' if forward else 'DESC'} LIMIT ?",
            (table.id, hash, *values, ROWS_AT_ONCE),
        ).fetchall()
        for _, size, text in found:
            yield Row(json.loads(text), size)
        if len(found) < ROWS_AT_ONCE:
            return
        after = found[-1][0]


def count(connection: sqlite3.Connection, table: Table) -> tuple[int, int]:
    """Items and their bytes."""
    row = connection.execute("SELECT count(*), coalesce(sum(size), 0) FROM ddb_item WHERE tbl = ?", (table.id,))
    items, size = row.fetchone()
    return items, size


def set_expiries(connection: sqlite3.Connection, table: Table) -> None:
    """Sets when each item expires, by the attribute that the table names now."""
    connection.execute("UPDATE ddb_item SET expires = NULL WHERE tbl = ? AND expires IS NOT NULL", (table.id,))
    if table.ttl is None:
        return
    rows = connection.execute("SELECT hash, range, item FROM ddb_item WHERE tbl = ?", (table.id,)).fetchall()
    for hash, range, text in rows:
        expires = expiry_of(json.loads(text), table.ttl)
        if expires is not None:
            connection.execute(
                "UPDATE ddb_item SET expires = ? WHERE tbl = ? AND hash = ? AND range = ?",
                (expires, table.id, hash, range),
            )


def expire(connection: sqlite3.Connection, table: Table, *, now: int, oldest: int, most: int) -> int:
    """Returns how many have been removed."""
    return connection.execute(
        "DELETE FROM ddb_item WHERE (tbl, hash, range) IN (SELECT tbl, hash, range FROM ddb_item"
        " WHERE tbl = ? AND expires BETWEEN ? AND ? LIMIT ?)",
        (table.id, oldest, now, most),
    ).rowcount


def remove(connection: sqlite3.Connection, table: Table, *, most: int) -> int:
    return connection.execute(
        "DELETE FROM ddb_item WHERE (tbl, hash, range) IN"
        " (SELECT tbl, hash, range FROM ddb_item WHERE tbl = ? LIMIT ?)",
        (table.id, most),
    ).rowcount


def expiry_of(item: Item, attribute: str | None) -> int | None:
    value = item.get(attribute) if attribute else None
    if value is None or kind_of(value) != "N":
        return None
    seconds = int(value["N"].partition(".")[0] or "0")
    return seconds if 0 <= seconds <= LATEST else None


def _bounds(within: Range, after: bytes | None, *, forward: bool) -> tuple[str, list[bytes]]:
    bounds = [
        (f"range {'>=' if within.low_included else '>'} ?", within.low),
        (f"range {'<=' if within.high_included else '<'} ?", within.high),
        (f"range {'>' if forward else '<'} ?", after),
    ]
    used = [(text, value) for text, value in bounds if value is not None]
    return "".join(f" AND {text}" for text, _ in used), [value for _, value in used]
