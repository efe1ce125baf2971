"""EventBridge: events on the default bus, and rules that send them to queues."""

import json
import sqlite3
import time
import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Protocol

from rollcall.local.store.database import Database
from rollcall.local.store.events import patterns
from rollcall.local.store.identity import ACCOUNT, REGION
from rollcall.local.store.json_protocol import Call, Operation, broken_constraints
from rollcall.local.store.store_errors import ServiceError

MIGRATIONS = (
    """
CREATE TABLE events_rule (
    name TEXT PRIMARY KEY,
    pattern TEXT NOT NULL,
    state TEXT NOT NULL,
    description TEXT
) WITHOUT ROWID;
CREATE TABLE events_target (
    rule TEXT NOT NULL,
    id TEXT NOT NULL,
    arn TEXT NOT NULL,
    PRIMARY KEY (rule, id)
) WITHOUT ROWID;
""",
)
BUS = "default"
_BUS_ARN = f"arn:aws:events:{REGION}:{ACCOUNT}:event-bus/{BUS}"
ENTRY_BYTES = 256 * 1024
OWN_SOURCE = "rollcall"
_SIMPLE_TARGET = {"Id", "Arn"}
Answer = dict[str, Any]


class Queues(Protocol):
    def exists(self, connection: sqlite3.Connection, arn: str) -> bool: ...
    def send(self, connection: sqlite3.Connection, arn: str, body: str, *, once: str | None = None) -> None: ...


class EventBridge:
    service = "events"
    opaque: frozenset[str] = frozenset()
    choices = True

    def __init__(self, database: Database, queues: Queues) -> None:
        database.migrate("events", MIGRATIONS)
        self._database = database
        self._queues = queues
        self.operations: Mapping[str, Operation] = {
            "PutEvents": self._put_events,
            "PutRule": self._put_rule,
            "DescribeRule": self._describe_rule,
            "ListRules": self._list_rules,
            "DeleteRule": self._delete_rule,
            "PutTargets": self._put_targets,
            "ListTargetsByRule": self._list_targets,
            "RemoveTargets": self._remove_targets,
        }

    def missing(self, problems: list[str]) -> ServiceError:
        return ServiceError("ValidationException", broken_constraints(problems))

    def error_headers(self, _error: ServiceError) -> dict[str, str]:
        return {}

    async def _put_events(self, call: Call) -> Answer:
        told, sent = [], []
        for entry in call.asked["Entries"]:
            failure = _failure(entry)
            id = str(uuid.uuid4())
            told.append(failure or {"EventId": id})
            if failure is None:
                sent.append(_event(id, entry))
        rules = self._rules()
        targets = [(rule, event) for event in sent for rule in rules if patterns.matches(patterns.read(rule[1]), event)]
        if targets:
            await self._database.write(lambda c: self._deliver(c, targets))
        return {"FailedEntryCount": sum("ErrorCode" in entry for entry in told), "Entries": told}

    def _rules(self) -> list[tuple[str, str]]:
        rows = self._database.read().execute("SELECT name, pattern FROM events_rule WHERE state != 'DISABLED'")
        return rows.fetchall()

    def _deliver(self, connection: sqlite3.Connection, matched: Sequence[tuple[tuple[str, str], Any]]) -> None:
        for (rule, _), event in matched:
            for (arn,) in connection.execute("SELECT arn FROM events_target WHERE rule = ?", (rule,)).fetchall():
                self._queues.send(connection, arn, json.dumps(event, ensure_ascii=False), once=_once(event))

    async def _put_rule(self, call: Call) -> Answer:
        asked = call.asked
        _check_bus(asked)
        pattern = asked.get("EventPattern")
        if not pattern or asked.get("ScheduleExpression"):
            raise ServiceError(
                "NotImplemented", "A rule without a pattern is not supported by the local events.", status=501
            )
        patterns.checked(pattern)
        row = (asked["Name"], pattern, asked.get("State") or "ENABLED", asked.get("Description"))
        await self._database.write(lambda c: c.execute("INSERT OR REPLACE INTO events_rule VALUES (?, ?, ?, ?)", row))
        return {"RuleArn": _arn(asked["Name"])}

    async def _describe_rule(self, call: Call) -> Answer:
        return {"EventBusName": BUS, **self._rule(call, call.asked["Name"])}

    async def _list_rules(self, call: Call) -> Answer:
        _check_bus(call.asked)
        prefix = call.asked.get("NamePrefix") or ""
        rows = self._database.read().execute("SELECT name, pattern, state, description FROM events_rule ORDER BY name")
        return {"Rules": [_shown(row) for row in rows if row[0].startswith(prefix)]}

    async def _delete_rule(self, call: Call) -> None:
        _check_bus(call.asked)
        name = call.asked["Name"]

        def work(connection: sqlite3.Connection) -> None:
            if connection.execute("SELECT 1 FROM events_target WHERE rule = ?", (name,)).fetchone():
                raise ServiceError("ValidationException", "Rule can't be deleted since it has targets.")
            connection.execute("DELETE FROM events_rule WHERE name = ?", (name,))

        await self._database.write(work)

    async def _put_targets(self, call: Call) -> Answer:
        self._rule(call, call.asked["Rule"])
        targets = call.asked["Targets"]
        for target in targets:
            _check_target(target)
        rows = [(call.asked["Rule"], target["Id"], target["Arn"]) for target in targets]
        await self._database.write(
            lambda c: c.executemany("INSERT OR REPLACE INTO events_target VALUES (?, ?, ?)", rows)
        )
        return {"FailedEntryCount": 0, "FailedEntries": []}

    async def _list_targets(self, call: Call) -> Answer:
        self._rule(call, call.asked["Rule"])
        rows = self._database.read().execute("SELECT id, arn FROM events_target WHERE rule = ?", (call.asked["Rule"],))
        return {"Targets": [{"Id": id, "Arn": arn} for id, arn in rows]}

    async def _remove_targets(self, call: Call) -> Answer:
        self._rule(call, call.asked["Rule"])
        rows = [(call.asked["Rule"], id) for id in call.asked["Ids"]]
        await self._database.write(lambda c: c.executemany("DELETE FROM events_target WHERE rule = ? AND id = ?", rows))
        return {"FailedEntryCount": 0, "FailedEntries": []}

    def _rule(self, call: Call, name: str) -> Answer:
        _check_bus(call.asked)
        row = (
            self._database.read()
            .execute("SELECT name, pattern, state, description FROM events_rule WHERE name = ?", (name,))
            .fetchone()
        )
        if row is None:
            raise ServiceError("ResourceNotFoundException", f"Rule {name[:64]} does not exist on EventBus {BUS}.")
        return _shown(row)


def _check_bus(asked: Mapping[str, Any]) -> None:
    if (name := asked.get("EventBusName") or BUS) not in {BUS, _BUS_ARN}:
        raise ServiceError("ResourceNotFoundException", f"Event bus {name[:256]} does not exist.")


def _check_target(target: Mapping[str, Any]) -> None:
    more = [name for name, value in target.items() if value is not None and name not in _SIMPLE_TARGET]
    if more or not target["Arn"].startswith(f"arn:aws:sqs:{REGION}:{ACCOUNT}:"):
        what = f"{', '.join(more)} of a target" if more else "A target that is no queue of this account"
        raise ServiceError("NotImplemented", f"{what} is not supported by the local events.", status=501)


def _failure(entry: Mapping[str, Any]) -> Answer | None:
    for name in ("Source", "DetailType", "Detail"):
        if not entry.get(name):
            return {
                "ErrorCode": "InvalidArgument",
                "ErrorMessage": f"Parameter {name} is not valid. Reason: {name} is a required argument.",
            }
    if (entry.get("EventBusName") or BUS) not in {BUS, _BUS_ARN}:
        return {"ErrorCode": "ResourceNotFoundException", "ErrorMessage": "The event bus does not exist."}
    if sum(len(entry[name].encode()) for name in ("Source", "DetailType", "Detail")) > ENTRY_BYTES:
        return {"ErrorCode": "InvalidArgument", "ErrorMessage": f"Total size of the entry is over {ENTRY_BYTES} bytes."}
    try:
        detail = json.loads(entry["Detail"])
    except (ValueError, RecursionError):
        detail = None
    return (
        None if isinstance(detail, dict) else {"ErrorCode": "MalformedDetail", "ErrorMessage": "Detail is malformed."}
    )


def _event(id: str, entry: Mapping[str, Any]) -> dict[str, Any]:
    at = datetime.fromtimestamp(float(entry.get("Time") or time.time()), UTC)
    return {
        "version": "0",
        "id": id,
        "detail-type": entry["DetailType"],
        "source": entry["Source"],
        "account": ACCOUNT,
        "time": at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "region": REGION,
        "resources": entry.get("Resources") or [],
        "detail": json.loads(entry["Detail"]),
    }


def _once(event: Mapping[str, Any]) -> str | None:
    """Rollcall's own events have an id, and stages that were killed put them again. Others may come as they like."""
    id = event["detail"].get("id")
    return id if event["source"] == OWN_SOURCE and isinstance(id, str) else None


def _shown(row: tuple[str, str, str, str | None]) -> Answer:
    name, pattern, state, description = row
    shown = {"Name": name, "Arn": _arn(name), "EventPattern": pattern, "State": state, "Description": description}
    return {key: value for key, value in shown.items() if value is not None}


def _arn(rule: str) -> str:
    return f"arn:aws:events:{REGION}:{ACCOUNT}:rule/{rule}"
