"""Messages in SQL: put into a queue, taken, hidden, deleted, moved to the dead letters."""

import base64
import binascii
import hashlib
import json
import secrets
import sqlite3
import time
import uuid
from dataclasses import dataclass
from typing import Any

from rollcall.local.store.sqs.message_attributes import Attributes
from rollcall.local.store.sqs.queues import Queue
from rollcall.local.store.store_errors import ServiceError

IN_HAND_LIMIT = 120_000  # messages of one queue that are received and not deleted yet


@dataclass(frozen=True, kw_only=True)
class Sent:
    uuid: str
    md5: str


@dataclass(frozen=True, kw_only=True)
class Taken:
    """A message that is handed out."""

    id: int
    uuid: str
    body: str
    md5: str
    attributes: dict[str, Any]
    system: dict[str, Any]
    sent: int
    received: int
    first_received: int
    receipt: str
    source: str | None


@dataclass(frozen=True)
class Counts:
    waiting: int
    in_hand: int
    delayed: int


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def insert(
    connection: sqlite3.Connection,
    queue: Queue,
    body: str,
    *,
    delay: int = 0,
    attributes: Attributes | None = None,
    system: Attributes | None = None,
) -> Sent:
    now = now_ms()
    sent = Sent(uuid=str(uuid.uuid4()), md5=md5_of(body))
    connection.execute(
        "INSERT INTO sqs_message (queue, visible, uuid, body, md5, attributes, system, sent)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            queue.id,
            now + 1000 * delay,
            sent.uuid,
            body,
            sent.md5,
            json.dumps(attributes) if attributes else None,
            json.dumps(system) if system else None,
            now,
        ),
    )
    return sent


def md5_of(body: str) -> str:
    return hashlib.md5(body.encode(), usedforsecurity=False).hexdigest()


def any_visible(connection: sqlite3.Connection, queue: Queue) -> bool:
    found = connection.execute(
        "SELECT 1 FROM sqs_message WHERE queue = ? AND visible <= ? LIMIT 1", (queue.id, now_ms())
    )
    return found.fetchone() is not None


def next_visible(connection: sqlite3.Connection, queue: Queue) -> float | None:
    """Seconds until a hidden message comes back, if there is one."""
    (first,) = connection.execute("SELECT min(visible) FROM sqs_message WHERE queue = ?", (queue.id,)).fetchone()
    return None if first is None else max(0.0, (first - now_ms()) / 1000)


@dataclass(frozen=True, kw_only=True)
class Taking:
    """How to take messages. `dead_letters`: their queue, and the receives after which a message goes there."""

    queue: Queue
    dead_letters: tuple[Queue, int] | None
    hide: int  # seconds
    now: int


def take(connection: sqlite3.Connection, taking: Taking, *, most: int) -> list[Taken]:
    """Takes messages and hides them from others. A message that was received too often goes to the dead letters."""
    taken: list[Taken] = []
    while len(taken) < most:
        rows = connection.execute(
            "SELECT id, uuid, body, md5, attributes, system, sent, received, first_received, source FROM sqs_message"
            " WHERE queue = ? AND visible <= ? ORDER BY visible, id LIMIT ?",
            (taking.queue.id, taking.now, most - len(taken)),
        ).fetchall()
        if not rows:
            break
        taken += [message for row in rows if (message := _take(connection, taking, row)) is not None]
    return taken


def _take(connection: sqlite3.Connection, taking: Taking, row: Any) -> Taken | None:
    id, message_uuid, body, md5, attributes, system, sent, received, first_received, source = row
    queue, now = taking.queue, taking.now
    if sent + 1000 * queue.number("MessageRetentionPeriod") <= now:
        connection.execute("DELETE FROM sqs_message WHERE id = ?", (id,))
        return None
    if taking.dead_letters is not None and received >= taking.dead_letters[1]:
        connection.execute(
            "UPDATE sqs_message SET queue = ?, visible = ?, in_hand = 0, receipt = NULL, source = ? WHERE id = ?",
            (taking.dead_letters[0].id, now, queue.arn, id),
        )
        return None
    receipt = secrets.token_hex(12)
    first = first_received or now
    connection.execute(
        "UPDATE sqs_message SET visible = ?, in_hand = 1, received = received + 1, first_received = ?, receipt = ?"
        " WHERE id = ?",
        (now + max(1, 1000 * taking.hide), first, receipt, id),  # at no time twice in one answer
    )
    return Taken(
        id=id,
        uuid=message_uuid,
        body=body,
        md5=md5,
        attributes=json.loads(attributes) if attributes else {},
        system=json.loads(system) if system else {},
        sent=sent,
        received=received + 1,
        first_received=first,
        receipt=_handle(queue.id, id, receipt),
        source=source,
    )


def delete(connection: sqlite3.Connection, queue: Queue, handle: str) -> None:
    """Nothing happens where somebody else has received it since, as in SQS."""
    id, receipt = _read_handle(queue, handle)
    connection.execute("DELETE FROM sqs_message WHERE id = ? AND queue = ? AND receipt = ?", (id, queue.id, receipt))


def hide(connection: sqlite3.Connection, queue: Queue, handle: str, seconds: int) -> None:
    id, receipt = _read_handle(queue, handle)
    now = now_ms()
    row = connection.execute(
        "SELECT visible FROM sqs_message WHERE id = ? AND queue = ? AND receipt = ?", (id, queue.id, receipt)
    ).fetchone()
    if row is None:
        raise ServiceError(
            "InvalidParameterValue",
            f"Value {handle[:200]} for parameter ReceiptHandle is invalid. Reason: Message does not exist or is not"
            " available for visibility timeout change.",
        )
    if row[0] <= now:
        raise ServiceError("MessageNotInflight", "The specified message isn't in flight.")
    connection.execute("UPDATE sqs_message SET visible = ? WHERE id = ?", (now + 1000 * seconds, id))


def count(connection: sqlite3.Connection, queue: Queue) -> Counts:
    now = now_ms()
    (waiting,) = connection.execute(
        "SELECT count(*) FROM sqs_message WHERE queue = ? AND visible <= ?", (queue.id, now)
    ).fetchone()
    hidden = connection.execute(
        "SELECT count(*), coalesce(sum(in_hand), 0) FROM sqs_message WHERE queue = ? AND visible > ?", (queue.id, now)
    ).fetchone()
    return Counts(waiting=waiting, in_hand=hidden[1], delayed=hidden[0] - hidden[1])


def too_many_in_hand(connection: sqlite3.Connection, queue: Queue) -> bool:
    found = connection.execute(
        "SELECT 1 FROM sqs_message WHERE queue = ? AND visible > ? AND in_hand = 1 LIMIT 1 OFFSET ?",
        (queue.id, now_ms(), IN_HAND_LIMIT - 1),
    )
    return found.fetchone() is not None


def show_again(connection: sqlite3.Connection) -> None:
    """Shows received messages again after a start: their receivers have most likely ended with the server."""
    connection.execute("UPDATE sqs_message SET visible = ?, in_hand = 0 WHERE in_hand = 1", (now_ms(),))


def last_id(connection: sqlite3.Connection) -> int:
    (last,) = connection.execute("SELECT coalesce(max(id), 0) FROM sqs_message").fetchone()
    return int(last)


def remove(connection: sqlite3.Connection, queue: Queue, last: int, *, most: int) -> int:
    """Messages of a queue that are no newer than `last`. Returns how many were removed."""
    return connection.execute(
        "DELETE FROM sqs_message WHERE id IN (SELECT id FROM sqs_message WHERE queue = ? AND id <= ? LIMIT ?)",
        (queue.id, last, most),
    ).rowcount


def expire(connection: sqlite3.Connection, queue: Queue, *, most: int) -> None:
    oldest = now_ms() - 1000 * queue.number("MessageRetentionPeriod")
    connection.execute(
        "DELETE FROM sqs_message WHERE id IN (SELECT id FROM sqs_message WHERE queue = ? AND sent <= ? LIMIT ?)",
        (queue.id, oldest, most),
    )


def _handle(queue: int, id: int, receipt: str) -> str:
    return base64.b64encode(f"{queue}:{id}:{receipt}".encode()).decode()


def _read_handle(queue: Queue, handle: str) -> tuple[int, str]:
    try:
        of_queue, id, receipt = base64.b64decode(handle, validate=True).decode("ascii").split(":")
        numbers = int(of_queue), int(id)
    except (binascii.Error, ValueError):
        numbers, receipt = (-1, -1), ""
    if numbers[0] != queue.id or abs(numbers[1]) >= 2**63:
        raise ServiceError(
            "ReceiptHandleIsInvalid", f'The input receipt handle "{handle[:200]}" is not a valid receipt handle.'
        )
    return numbers[1], receipt
