"""DynamoDB: its operations, as AWS's JSON protocol names them."""

import asyncio
import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from rollcall.local.store.database import Database
from rollcall.local.store.dynamodb import item_batches as batches
from rollcall.local.store.dynamodb import item_reads as reads
from rollcall.local.store.dynamodb import items, transactions
from rollcall.local.store.dynamodb.capacity import consumed, write_units
from rollcall.local.store.dynamodb.dynamodb_errors import invalid
from rollcall.local.store.dynamodb.dynamodb_schema import MIGRATIONS
from rollcall.local.store.dynamodb.item_writes import Write, Written, read_delete, read_put, read_update_of
from rollcall.local.store.dynamodb.paths import project
from rollcall.local.store.dynamodb.tables import Table, Tables
from rollcall.local.store.json_protocol import Call, Operation, broken_constraints
from rollcall.local.store.store_errors import ServiceError

EXPIRE_SECONDS = 30.0
AT_ONCE = 500  # items that are removed by one transaction
OLDEST_SECONDS = 5 * 365 * 86_400  # what expired before is kept, as by DynamoDB
COUNTED_AT_ONCE = 10_000  # items; the count of more is good enough for a while:
COUNTED_SECONDS = 60.0
MOST_LISTED = 100
MOST_BRIEF = 10  # writes of one request: more would keep others waiting

Answer = dict[str, Any]
Result = TypeVar("Result")


class DynamoDb:
    service = "dynamodb"
    opaque = frozenset({"AttributeValue"})
    choices = True

    def __init__(self, database: Database) -> None:
        database.migrate("dynamodb", MIGRATIONS)
        self._database = database
        self._tables = Tables(database.read())
        self._counts: dict[int, tuple[float, tuple[int, int]]] = {}
        self.operations: Mapping[str, Operation] = {
            "CreateTable": self._create_table,
            "DeleteTable": self._delete_table,
            "DescribeTable": self._describe_table,
            "ListTables": self._list_tables,
            "DescribeTimeToLive": self._describe_ttl,
            "UpdateTimeToLive": self._update_ttl,
            "PutItem": self._put_item,
            "UpdateItem": self._update_item,
            "DeleteItem": self._delete_item,
            "GetItem": self._read(reads.get),
            "Query": self._read(reads.query),
            "Scan": self._read(reads.scan),
            "BatchGetItem": self._read(batches.get),
            "TransactGetItems": self._read(transactions.get),
            "BatchWriteItem": self._batch_write,
            "TransactWriteItems": self._transact_write,
        }

    def missing(self, problems: list[str]) -> ServiceError:
        return invalid(broken_constraints(problems))

    def error_headers(self, _error: ServiceError) -> dict[str, str]:
        return {}

    async def run(self) -> None:
        """Removes expired items until it is canceled."""
        while True:
            for table in self._tables.all():
                await self._expire(table)
            await asyncio.sleep(EXPIRE_SECONDS)

    async def _expire(self, table: Table) -> None:
        now = int(time.time())
        if table.ttl is None:
            return

        def work(connection: sqlite3.Connection) -> int:
            expired = items.expire(connection, table, now=now, oldest=now - OLDEST_SECONDS, most=AT_ONCE)
            if expired:
                self._database.erase_soon()
            return expired

        while await self._database.write(work, durable=False, brief=False):
            pass

    # tables

    async def _create_table(self, call: Call) -> Answer:
        table = await self._change(lambda c: self._tables.create(c, call.asked))
        return {"TableDescription": table.described(status="ACTIVE", items=0, size=0)}

    async def _delete_table(self, call: Call) -> Answer:
        table = self._table(call)
        await self._change(lambda c: self._tables.delete(c, table))
        while await self._database.write(lambda c: items.remove(c, table, most=AT_ONCE), brief=False):
            self._database.erase_soon()
        return {"TableDescription": table.described(status="DELETING", items=0, size=0)}

    async def _describe_table(self, call: Call) -> Answer:
        table = self._table(call)
        count, size = self._count(table)
        return {"Table": table.described(status="ACTIVE", items=count, size=size)}

    def _count(self, table: Table) -> tuple[int, int]:
        at, counts = self._counts.get(table.id, (-COUNTED_SECONDS, (0, 0)))
        if time.monotonic() - at > COUNTED_SECONDS:
            counts = items.count(self._database.read(), table)
            if counts[0] > COUNTED_AT_ONCE:
                self._counts[table.id] = time.monotonic(), counts
        return counts

    async def _list_tables(self, call: Call) -> Answer:
        most, start = call.asked.get("Limit") or MOST_LISTED, call.asked.get("ExclusiveStartTableName") or ""
        names = [table.name for table in self._tables.all() if table.name > start]
        more = {"LastEvaluatedTableName": names[most - 1]} if len(names) > most else {}
        return {"TableNames": names[:most], **more}

    async def _describe_ttl(self, call: Call) -> Answer:
        ttl = self._table(call).ttl
        told = {"TimeToLiveStatus": "DISABLED"}
        return {"TimeToLiveDescription": told if ttl is None else {"TimeToLiveStatus": "ENABLED", "AttributeName": ttl}}

    async def _update_ttl(self, call: Call) -> Answer:
        table, asked = self._table(call), call.asked["TimeToLiveSpecification"]
        if asked["Enabled"] is (table.ttl is not None):
            raise invalid(f"TimeToLive is already {'enabled' if asked['Enabled'] else 'disabled'}")
        if not asked["Enabled"] and asked["AttributeName"] != table.ttl:
            raise invalid(f"TimeToLive is active on a different AttributeName: current AttributeName is {table.ttl}")

        def work(connection: sqlite3.Connection) -> None:
            changed = self._tables.set_ttl(connection, table, asked["AttributeName"] if asked["Enabled"] else None)
            items.set_expiries(connection, changed)

        await self._change(work, brief=False)
        return {"TimeToLiveSpecification": asked}

    # items

    async def _put_item(self, call: Call) -> Answer:
        _check_return_values(call, {"NONE", "ALL_OLD"})
        return await self._write_one(call, read_put(self._tables, call.asked))

    async def _delete_item(self, call: Call) -> Answer:
        _check_return_values(call, {"NONE", "ALL_OLD"})
        return await self._write_one(call, read_delete(self._tables, call.asked))

    async def _update_item(self, call: Call) -> Answer:
        return await self._write_one(call, read_update_of(self._tables, call.asked))

    async def _write_one(self, call: Call, write: Write) -> Answer:
        written = await self._write([write], write.run)
        attributes = _returned(call.asked.get("ReturnValues", "NONE"), write, written)
        answer: Answer = {"Attributes": attributes} if attributes else {}
        return answer | consumed(call.asked, write.table, lambda: write_units(*written.sizes))

    async def _batch_write(self, call: Call) -> Answer:
        writes = batches.read_writes(self._tables, call.asked)
        return await self._write(writes, lambda c: batches.run_writes(c, writes, call.asked))

    async def _transact_write(self, call: Call) -> Answer:
        writes = transactions.read_writes(self._tables, call.asked)
        return await self._write(writes, lambda c: transactions.run_writes(c, writes, call.asked))

    async def _write(self, writes: Sequence[Write], work: Callable[[sqlite3.Connection], Result]) -> Result:
        deletes = any(write.delete for write in writes)

        def run(connection: sqlite3.Connection) -> Result:
            if deletes:
                self._database.erase_soon()
            return work(connection)

        return await self._database.write(run, brief=len(writes) <= MOST_BRIEF)

    def _read(self, read: Callable[[sqlite3.Connection, Tables, Mapping[str, Any]], Answer]) -> Operation:
        async def operation(call: Call) -> Answer:
            return read(self._database.read(), self._tables, call.asked)

        return operation

    def _table(self, call: Call) -> Table:
        return self._tables.find(call.asked["TableName"])

    async def _change(self, work: Callable[[sqlite3.Connection], Result], *, brief: bool = True) -> Result:
        """Changes tables. If the transaction fails, the tables in memory are read from SQL again."""
        try:
            return await self._database.write(work, brief=brief)
        except (sqlite3.Error, OSError):
            self._tables.read(self._database.read())
            raise


def _returned(wanted: str, write: Write, written: Written) -> Mapping[str, Any]:
    if wanted == "ALL_OLD":
        return written.old or {}
    if wanted == "ALL_NEW":
        return written.new or {}
    paths = write.update.paths if write.update else []
    if wanted == "UPDATED_OLD":
        return project(written.old or {}, paths)
    return project(written.new or {}, paths) if wanted == "UPDATED_NEW" else {}


def _check_return_values(call: Call, allowed: set[str]) -> None:
    if call.asked.get("ReturnValues", "NONE") not in allowed:
        raise invalid("ReturnValues can only be ALL_OLD or NONE")
