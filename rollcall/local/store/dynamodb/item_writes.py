"""Writes of one item, each under its condition: what single requests, batches and transactions are made of."""

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rollcall.local.store.dynamodb import items
from rollcall.local.store.dynamodb.applying import apply
from rollcall.local.store.dynamodb.condition_expressions import Condition, read_condition
from rollcall.local.store.dynamodb.dynamodb_errors import ConditionFailed, invalid, not_supported
from rollcall.local.store.dynamodb.evaluation import holds
from rollcall.local.store.dynamodb.names import Names
from rollcall.local.store.dynamodb.primary_keys import Key
from rollcall.local.store.dynamodb.tables import Table, Tables
from rollcall.local.store.dynamodb.updates import Update, read_update
from rollcall.local.store.dynamodb.values import ITEM_BYTES, checked_item, item_size

Asked = Mapping[str, Any]
_LEGACY = ("Expected", "AttributeUpdates", "ConditionalOperator")


@dataclass(frozen=True, kw_only=True)
class Written:
    """What was there before, and what is there now."""

    old: dict[str, Any] | None
    new: dict[str, Any] | None

    @property
    def sizes(self) -> tuple[int, int]:
        return item_size(self.old or {}), item_size(self.new or {})


@dataclass(frozen=True, kw_only=True)
class Write:
    """Ready to be run inside a transaction. Without item, update and `delete` it only checks."""

    table: Table
    key: Key
    key_attributes: Mapping[str, Any]
    condition: Condition | None
    tell: bool  # whoever fails the condition is told of the item
    item: dict[str, Any] | None = None
    update: Update | None = None
    delete: bool = False

    def run(self, connection: sqlite3.Connection) -> Written:
        """Raises ServiceError: the condition fails, or the update cannot be."""
        old = items.get(connection, self.table, self.key)
        if self.condition is not None and not holds(self.condition, old or {}):
            raise ConditionFailed(old if self.tell else None)
        if self.delete:
            items.delete(connection, self.table, self.key)
            return Written(old=old, new=None)
        new = self.item if self.update is None else self._updated(old)
        if new is not None:
            items.put(connection, self.table, self.key, new, _fitting(new, updated=self.update is not None))
        return Written(old=old, new=new)

    def _updated(self, old: Mapping[str, Any] | None) -> dict[str, Any]:
        assert self.update is not None
        return apply(self.update, old if old is not None else self.key_attributes)


def read_put(tables: Tables, asked: Asked) -> Write:
    table, item = tables.find(asked["TableName"]), checked_item(asked["Item"])
    key = table.schema.of_item(item)
    _fitting(item, updated=False)
    return _write(table, key, asked, item=item)


def read_delete(tables: Tables, asked: Asked) -> Write:
    table = tables.find(asked["TableName"])
    key, _ = table.schema.of_key(asked["Key"])
    return _write(table, key, asked, delete=True)


def read_check(tables: Tables, asked: Asked) -> Write:
    table = tables.find(asked["TableName"])
    key, _ = table.schema.of_key(asked["Key"])
    return _write(table, key, asked)


def read_update_of(tables: Tables, asked: Asked) -> Write:
    table = tables.find(asked["TableName"])
    key, attributes = table.schema.of_key(asked["Key"])
    return _write(table, key, asked, key_attributes=attributes, updates=True)


def _write(
    table: Table, key: Key, asked: Asked, *, key_attributes: Asked | None = None, updates: bool = False, **what: Any
) -> Write:
    for name in _LEGACY:
        if asked.get(name) is not None:
            raise not_supported(f"The legacy parameter {name}")
    names = Names(asked)
    update = Update() if updates else None
    if updates and (expression := asked.get("UpdateExpression")) is not None:
        update = read_update(expression, names)
        for path in update.paths:
            table.schema.check_unchanged(str(path[0]))
    text = asked.get("ConditionExpression")
    condition = None if text is None else read_condition("ConditionExpression", text, names)
    names.check_used(any_expression=text is not None or asked.get("UpdateExpression") is not None)
    return Write(
        table=table,
        key=key,
        key_attributes=key_attributes or {},
        condition=condition,
        tell=asked.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD",
        update=update,
        **what,
    )


def _fitting(item: Mapping[str, Any], *, updated: bool) -> int:
    size = item_size(item)
    if size > ITEM_BYTES:
        raise invalid(f"Item size {'to update ' if updated else ''}has exceeded the maximum allowed size")
    return size
