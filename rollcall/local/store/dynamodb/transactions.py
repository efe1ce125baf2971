"""Transactions: all of their writes or none, and each reason why not."""

import hashlib
import json
import sqlite3
import time
from collections.abc import Callable, Mapping
from typing import Any

from rollcall.local.store.dynamodb import item_reads as reads
from rollcall.local.store.dynamodb import items
from rollcall.local.store.dynamodb.capacity import consumed_by_all, read_units, write_units
from rollcall.local.store.dynamodb.dynamodb_errors import ConditionFailed, invalid
from rollcall.local.store.dynamodb.item_writes import Write, read_check, read_delete, read_put, read_update_of
from rollcall.local.store.dynamodb.names import Names
from rollcall.local.store.dynamodb.tables import Table, Tables
from rollcall.local.store.dynamodb.values import item_size
from rollcall.local.store.store_errors import ServiceError

MOST_BYTES = 4 * 1024 * 1024
TOKEN_SECONDS = 600  # in which the same request does nothing again

Asked = Mapping[str, Any]
_CODES = {"ValidationException": "ValidationError"}
_KINDS: Mapping[str, Callable[[Tables, Asked], Write]] = {
    "Put": read_put,
    "Update": read_update_of,
    "Delete": read_delete,
    "ConditionCheck": read_check,
}


def read_writes(tables: Tables, asked: Asked) -> list[Write]:
    writes = [_read_write(tables, entry) for entry in asked["TransactItems"]]
    if len({(write.table.id, write.key) for write in writes}) < len(writes):
        raise invalid("Transaction request cannot include multiple operations on one item")
    return writes


def run_writes(connection: sqlite3.Connection, writes: list[Write], asked: Asked) -> dict[str, Any]:
    """Raises ServiceError where one of them cannot be; then the caller undoes the others."""
    told = consumed_by_all(asked, [(write.table, 2 * write_units(item_size(write.item or {}))) for write in writes])
    if not _first_time(connection, asked):
        return told
    reasons = [_reason(connection, write) for write in writes]
    if any(reason is not None for reason in reasons):
        raise _canceled(reasons)
    return told


def get(connection: sqlite3.Connection, tables: Tables, asked: Asked) -> dict[str, Any]:
    connection.execute("BEGIN")  # all as they are at one moment
    try:
        found = [_get_one(connection, tables, entry["Get"]) for entry in asked["TransactItems"]]
    finally:
        connection.execute("COMMIT")
    units = [(table, 2 * read_units(item_size(item or {}), consistent=True)) for table, item, _ in found]
    return {"Responses": [shown for _, _, shown in found], **consumed_by_all(asked, units)}


def _get_one(
    connection: sqlite3.Connection, tables: Tables, asked: Asked
) -> tuple[Table, dict[str, Any] | None, dict[str, Any]]:
    table, names = tables.find(asked["TableName"]), Names(asked)
    key, _ = table.schema.of_key(asked["Key"])
    projection = reads.read_projection(asked, names)
    names.check_used(any_expression=projection.paths is not None)
    item = items.get(connection, table, key)
    return table, item, {} if item is None else {"Item": projection.of(item)}


def _read_write(tables: Tables, entry: Asked) -> Write:
    given = [kind for kind in _KINDS if entry.get(kind) is not None]
    if len(given) != 1:
        raise invalid(
            "TransactItems can only contain one of Check, Put, Update or Delete"
            if given
            else "Invalid Request: TransactWriteRequest should contain Delete or Put or Update request"
        )
    return _KINDS[given[0]](tables, entry[given[0]])


def _reason(connection: sqlite3.Connection, write: Write) -> ServiceError | None:
    try:
        write.run(connection)
    except ServiceError as error:
        return error
    return None


def _canceled(reasons: list[ServiceError | None]) -> ServiceError:
    told = [_told(reason) for reason in reasons]
    codes = ", ".join(reason["Code"] for reason in told)
    message = f"Transaction cancelled, please refer cancellation reasons for specific reasons [{codes}]"
    return ServiceError(
        "TransactionCanceledException",
        message,
        members={
            "Message": message,
            "CancellationReasons": told,
        },
    )


def _told(reason: ServiceError | None) -> dict[str, Any]:
    if reason is None:
        return {"Code": "None"}
    if isinstance(reason, ConditionFailed):
        of_item = {} if reason.item is None else {"Item": reason.item}
        return {"Code": "ConditionalCheckFailed", "Message": reason.message, **of_item}
    return {
        "Code": _CODES.get(reason.code, reason.code),
        "Message": reason.message,
    }


def _first_time(connection: sqlite3.Connection, asked: Asked) -> bool:
    """Whether the request's token is new. Raises ServiceError if it came with another request."""
    token = asked.get("ClientRequestToken")
    if not token:
        return True
    digest = hashlib.sha256(json.dumps(asked["TransactItems"], sort_keys=True).encode()).hexdigest()
    now = int(time.time())
    connection.execute("DELETE FROM ddb_token WHERE at < ?", (now - TOKEN_SECONDS,))
    known = connection.execute("SELECT digest FROM ddb_token WHERE token = ?", (token,)).fetchone()
    if known is None:
        connection.execute("INSERT INTO ddb_token VALUES (?, ?, ?)", (token, digest, now))
        return True
    if known[0] != digest:
        raise ServiceError(
            "IdempotentParameterMismatchException",
            "The request uses the same client token as a previous, but non-identical request.",
        )
    return False
