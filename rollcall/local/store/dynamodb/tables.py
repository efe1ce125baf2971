"""Tables: made, described and removed."""

import json
import re
import sqlite3
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rollcall.local.store.dynamodb.dynamodb_errors import invalid, no_table, not_supported, wrong_values
from rollcall.local.store.dynamodb.primary_keys import KeyPart, KeySchema
from rollcall.local.store.identity import ACCOUNT, REGION
from rollcall.local.store.store_errors import ServiceError

_NAME = re.compile(r"[A-Za-z0-9_.-]{3,255}")
_ARN = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/"
_KEPT = ("AttributeDefinitions", "KeySchema")
_NOT_HERE = ("GlobalSecondaryIndexes", "LocalSecondaryIndexes")


@dataclass(frozen=True, kw_only=True)
class Table:
    id: int
    name: str
    uuid: str
    created: float
    definition: Mapping[str, Any]
    ttl: str | None  # the attribute that tells when an item expires
    schema: KeySchema

    @property
    def arn(self) -> str:
        return _ARN + self.name

    def described(self, *, status: str, items: int, size: int) -> dict[str, Any]:
        by_request = self.definition.get("BillingMode") == "PAY_PER_REQUEST"
        throughput = self.definition.get("ProvisionedThroughput") or {"ReadCapacityUnits": 0, "WriteCapacityUnits": 0}
        told: dict[str, Any] = {
            "TableName": self.name,
            "TableArn": self.arn,
            "TableId": self.uuid,
            "TableStatus": status,
            "CreationDateTime": self.created,
            "ItemCount": items,
            "TableSizeBytes": size,
            "ProvisionedThroughput": {"NumberOfDecreasesToday": 0, **throughput},
            "DeletionProtectionEnabled": bool(self.definition.get("DeletionProtectionEnabled")),
            **{name: self.definition[name] for name in _KEPT},
        }
        if by_request:
            told["BillingModeSummary"] = {"BillingMode": "PAY_PER_REQUEST"}
        return told


class Tables:
    """What SQL tells of tables, kept in memory as well: each request asks for one."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._by_name: dict[str, Table] = {}
        self.read(connection)

    def read(self, connection: sqlite3.Connection) -> None:
        rows = connection.execute("SELECT id, name, uuid, created, definition, ttl FROM ddb_table")
        self._by_name = {row[1]: _table(row) for row in rows}

    def all(self) -> list[Table]:
        return sorted([*self._by_name.values()], key=lambda table: table.name)

    def find(self, name: str) -> Table:
        """The table of this name or ARN. Raises ServiceError if there is none."""
        table = self._by_name.get(name.removeprefix(_ARN))
        if table is None:
            raise no_table(name[:255])
        return table

    def create(self, connection: sqlite3.Connection, asked: Mapping[str, Any]) -> Table:
        name = asked["TableName"]
        _check(asked)
        if name in self._by_name:
            raise ServiceError("ResourceInUseException", f"Table already exists: {name}")
        kept = (*_KEPT, "BillingMode", "ProvisionedThroughput", "DeletionProtectionEnabled")
        definition = json.dumps({key: asked[key] for key in kept if asked.get(key) is not None})
        connection.execute(
            "INSERT INTO ddb_table (name, uuid, created, definition) VALUES (?, ?, ?, ?)",
            (name, str(uuid.uuid4()), time.time(), definition),
        )
        return self._read_one(connection, name)

    def set_ttl(self, connection: sqlite3.Connection, table: Table, attribute: str | None) -> Table:
        connection.execute("UPDATE ddb_table SET ttl = ? WHERE id = ?", (attribute, table.id))
        return self._read_one(connection, table.name)

    def delete(self, connection: sqlite3.Connection, table: Table) -> None:
        """Its items stay, in no table, until they are removed."""
        if table.definition.get("DeletionProtectionEnabled"):
            raise invalid(
                "Resource cannot be deleted as it is currently protected against deletion. Disable deletion protection"
                " first."
            )
        connection.execute("DELETE FROM ddb_table WHERE id = ?", (table.id,))
        self._by_name.pop(table.name, None)

    def _read_one(self, connection: sqlite3.Connection, name: str) -> Table:
        row = connection.execute(
            "SELECT id, name, uuid, created, definition, ttl FROM ddb_table WHERE name = ?", (name,)
        ).fetchone()
        table = self._by_name[name] = _table(row)
        return table


def _table(row: tuple[Any, ...]) -> Table:
    id, name, unique, created, text, ttl = row
    definition = json.loads(text)
    kinds = {part["AttributeName"]: part["AttributeType"] for part in definition["AttributeDefinitions"]}
    keys = {
        key["KeyType"]: KeyPart(key["AttributeName"], kinds[key["AttributeName"]]) for key in definition["KeySchema"]
    }
    schema = KeySchema(keys["HASH"], keys.get("RANGE"))
    return Table(id=id, name=name, uuid=unique, created=created, definition=definition, ttl=ttl, schema=schema)


def _check(asked: Mapping[str, Any]) -> None:
    if not _NAME.fullmatch(asked["TableName"]):
        raise invalid(
            f"1 validation error detected: Value '{asked['TableName'][:100]}' at 'tableName' failed to satisfy"
            " constraint: Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]{3,255}"
        )
    for name in _NOT_HERE:
        if asked.get(name):
            raise not_supported(name)
    keys, definitions = asked.get("KeySchema") or [], asked.get("AttributeDefinitions") or []
    types = [key["KeyType"] for key in keys]
    if types not in (["HASH"], ["HASH", "RANGE"]):
        raise invalid("Invalid KeySchema: The first KeySchemaElement is not a HASH key type")
    names = [key["AttributeName"] for key in keys]
    if len(set(names)) < len(names):
        raise invalid("Both the Hash Key and the Range Key element in the KeySchema have the same name")
    defined = [definition["AttributeName"] for definition in definitions]
    if missing := [name for name in names if name not in defined]:
        raise wrong_values(
            "Some index key attributes are not defined in AttributeDefinitions. Keys:"
            f" [{', '.join(missing)}], AttributeDefinitions: [{', '.join(defined)}]"
        )
    if len(defined) > len(names):
        raise wrong_values(
            "Number of attributes in KeySchema does not exactly match number of attributes defined in"
            " AttributeDefinitions"
        )
    if asked.get("BillingMode", "PROVISIONED") == "PROVISIONED" and not asked.get("ProvisionedThroughput"):
        raise wrong_values(
            "ReadCapacityUnits and WriteCapacityUnits must both be specified when BillingMode is PROVISIONED"
        )
