"""Move tasks: dead letters sent back, a few at a time, so that nobody else has to wait."""

import asyncio
import base64
import binascii
import json
import sqlite3
import uuid
from collections.abc import Mapping
from typing import Any

from rollcall.local.store.database import Database
from rollcall.local.store.json_protocol import Call
from rollcall.local.store.sqs import queue_messages as messages
from rollcall.local.store.sqs.long_polls import LongPolls
from rollcall.local.store.sqs.queues import Queue, Queues
from rollcall.local.store.sqs.sqs_errors import invalid
from rollcall.local.store.store_errors import ServiceError

AT_ONCE = 200
PAUSE_SECONDS = 0.005
MOST_LISTED = 10
FASTEST = 500  # messages a second that somebody may ask for

Answer = dict[str, Any]


class Moves:
    def __init__(self, database: Database, queues: Queues, polls: LongPolls) -> None:
        self._database = database
        self._queues = queues
        self._polls = polls
        self._running: set[asyncio.Task[None]] = set()

    def resume(self) -> None:
        for (id,) in self._database.read().execute("SELECT id FROM sqs_move WHERE status = 'RUNNING'").fetchall():
            self._run(id)

    async def start_task(self, call: Call) -> Answer:
        source = self._source(call.asked["SourceArn"])
        destination = call.asked.get("DestinationArn")
        if destination is not None and self._queues.of_arn(destination) is None:
            raise _no_resource(destination)
        rate = call.asked.get("MaxNumberOfMessagesPerSecond")
        if rate is not None and not 1 <= rate <= FASTEST:
            raise invalid("MaxNumberOfMessagesPerSecond", rate, f"Must be between 1 and {FASTEST}, if provided.")
        id = await self._database.write(lambda c: _begin(c, source, destination, rate))
        self._run(id)
        return {"TaskHandle": _handle(id, source)}

    async def list_tasks(self, call: Call) -> Answer:
        source = self._source(call.asked["SourceArn"])
        most = call.asked.get("MaxResults") or 1
        if not 1 <= most <= MOST_LISTED:
            raise invalid("MaxResults", most, f"Must be between 1 and {MOST_LISTED}, if provided.")
        rows = self._database.read().execute(
            "SELECT id, destination, rate, status, reason, moved, total, started FROM sqs_move WHERE source = ?"
            " ORDER BY id DESC LIMIT ?",
            (source.arn, most),
        )
        return {"Results": [_shown(source, row) for row in rows]}

    async def cancel_task(self, call: Call) -> Answer:
        id = _read_handle(call.asked["TaskHandle"])

        def work(connection: sqlite3.Connection) -> int | None:
            connection.execute("UPDATE sqs_move SET status = 'CANCELLED' WHERE id = ? AND status = 'RUNNING'", (id,))
            row = connection.execute("SELECT moved FROM sqs_move WHERE id = ? AND changes() = 1", (id,)).fetchone()
            return None if row is None else int(row[0])

        moved = await self._database.write(work)
        if moved is None:
            raise ServiceError("ResourceNotFoundException", "Task does not exist, or has ended.", status=404)
        return {"ApproximateNumberOfMessagesMoved": moved}

    def _source(self, arn: str) -> Queue:
        queue = self._queues.of_arn(arn)
        if queue is None:
            raise _no_resource(arn)
        if not self._queues.sources_of(queue):
            raise invalid("SourceArn", arn, "Source queue must be configured as a Dead Letter Queue.")
        return queue

    def _run(self, id: int) -> None:
        task = asyncio.get_running_loop().create_task(self._move(id))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _move(self, id: int) -> None:
        while (pause := await self._database.write(lambda c: self._step(c, id), brief=False)) is not None:
            await asyncio.sleep(pause)

    def _step(self, connection: sqlite3.Connection, id: int) -> float | None:
        """The seconds until the next one; None at the end."""
        source_arn, destination, rate, status, last = connection.execute(
            "SELECT source, destination, rate, status, last FROM sqs_move WHERE id = ?", (id,)
        ).fetchone()
        source = self._queues.of_arn(source_arn)
        if status != "RUNNING" or source is None:
            return None
        # those that came after the start are not for this task: they may be the same ones, having failed again
        rows = connection.execute(
            "SELECT id, source FROM sqs_message WHERE queue = ? AND visible <= ? AND id <= ? ORDER BY visible, id"
            " LIMIT ?",
            (source.id, messages.now_ms(), last, min(AT_ONCE, rate or AT_ONCE)),
        ).fetchall()
        for message, came_from in rows:
            target = self._queues.of_arn(destination or came_from or "")
            if target is None:
                _end(connection, id, "FAILED", "The destination queue does not exist.")
                return None
            self._send_back(connection, message, target)
        connection.execute("UPDATE sqs_move SET moved = moved + ? WHERE id = ?", (len(rows), id))
        if not rows:
            _end(connection, id, "COMPLETED", None)
            return None
        return PAUSE_SECONDS if rate is None else 1.0

    def _send_back(self, connection: sqlite3.Connection, message: int, target: Queue) -> None:
        """Sends it back as a new message, with another id and no receives."""
        now = messages.now_ms()
        connection.execute(
            "INSERT INTO sqs_message (queue, visible, uuid, body, md5, attributes, system, sent)"
            " SELECT ?, ?, ?, body, md5, attributes, system, ? FROM sqs_message WHERE id = ?",
            (target.id, now, str(uuid.uuid4()), now, message),
        )
        connection.execute("DELETE FROM sqs_message WHERE id = ?", (message,))
        self._database.after_commit(lambda: self._polls.ring(target.id))


def _begin(connection: sqlite3.Connection, source: Queue, destination: str | None, rate: int | None) -> int:
    running = connection.execute("SELECT 1 FROM sqs_move WHERE source = ? AND status = 'RUNNING'", (source.arn,))
    if running.fetchone():
        raise ServiceError(
            "UnsupportedOperation",
            "There is already a task running. Only one active task is allowed for a source queue.",
        )
    total, last = connection.execute(
        "SELECT count(*), coalesce(max(id), 0) FROM sqs_message WHERE queue = ?", (source.id,)
    ).fetchone()
    cursor = connection.execute(
        "INSERT INTO sqs_move (source, destination, rate, status, total, started, last)"
        " VALUES (?, ?, ?, 'RUNNING', ?, ?, ?)",
        (source.arn, destination, rate, total, messages.now_ms(), last),
    )
    assert cursor.lastrowid is not None
    return cursor.lastrowid


def _end(connection: sqlite3.Connection, id: int, status: str, reason: str | None) -> None:
    connection.execute("UPDATE sqs_move SET status = ?, reason = ? WHERE id = ?", (status, reason, id))


def _shown(source: Queue, row: Any) -> Mapping[str, Any]:
    id, destination, rate, status, reason, moved, total, started = row
    shown = {
        "TaskHandle": _handle(id, source) if status == "RUNNING" else None,
        "Status": status,
        "SourceArn": source.arn,
        "DestinationArn": destination,
        "MaxNumberOfMessagesPerSecond": rate,
        "ApproximateNumberOfMessagesMoved": moved,
        "ApproximateNumberOfMessagesToMove": total,
        "FailureReason": reason,
        "StartedTimestamp": started,
    }
    return {name: value for name, value in shown.items() if value is not None}


def _handle(id: int, source: Queue) -> str:
    return base64.b64encode(json.dumps({"taskId": id, "sourceArn": source.arn}).encode()).decode()


def _read_handle(handle: str) -> int:
    try:
        id = json.loads(base64.b64decode(handle, validate=True))["taskId"]
        if not isinstance(id, int) or abs(id) >= 2**63:
            raise ValueError(id)
    except (binascii.Error, ValueError, KeyError, TypeError):
        raise invalid("TaskHandle", handle, "The task handle is invalid.") from None
    return id


def _no_resource(arn: str) -> ServiceError:
    return ServiceError(
        "ResourceNotFoundException",
        f"The resource that you specified for the ARN {arn[:200]} doesn't exist.",
        status=404,
    )
