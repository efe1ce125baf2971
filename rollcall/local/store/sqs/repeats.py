"""Messages that come once: a queue takes a message of the same id once a day, however often it is sent.

A sender that is killed before it has noted what it sent sends it again, and a standard queue delivers it again. A queue
with the tag `rollcall:once` does not: the tag names the field of its messages' JSON that holds the id. The ids are in
the transaction that delivers the message.
"""

import json
import sqlite3
from typing import Any

from rollcall.local.store.sqs import queue_messages as messages
from rollcall.local.store.sqs.queue_messages import Sent
from rollcall.local.store.sqs.queues import Queue

TAG = "rollcall:once"
KEPT_MS = 24 * 3600 * 1000
FORGOTTEN_AT_ONCE = 5000


def id_of(queue: Queue, body: str) -> str | None:
    """None for a message that may come again."""
    field = queue.tags.get(TAG)
    if not field:
        return None
    try:
        message = json.loads(body)
    except (ValueError, RecursionError):
        return None
    id = message.get(field) if isinstance(message, dict) else None
    return id if isinstance(id, str) else None


def deliver(connection: sqlite3.Connection, queue: Queue, body: str, *, id: str | None, **more: Any) -> Sent:
    """Inserts the message, unless one of this id has come. Then the answer is as if it had, with the first one's."""
    if id is None:
        return messages.insert(connection, queue, body, **more)
    first = connection.execute(
        "SELECT uuid FROM sqs_delivered WHERE queue = ? AND id = ? AND at >= ?", (queue.id, id, _oldest())
    ).fetchone()
    if first is not None:
        return Sent(uuid=first[0], md5=messages.md5_of(body))
    sent = messages.insert(connection, queue, body, **more)
    row = (queue.id, id, sent.uuid, messages.now_ms())
    connection.execute("INSERT OR REPLACE INTO sqs_delivered (queue, id, uuid, at) VALUES (?, ?, ?, ?)", row)
    return sent


def forget_old(connection: sqlite3.Connection) -> None:
    connection.execute(
        "DELETE FROM sqs_delivered WHERE (queue, id) IN (SELECT queue, id FROM sqs_delivered WHERE at < ? LIMIT ?)",
        (_oldest(), FORGOTTEN_AT_ONCE),
    )


def _oldest() -> int:
    return messages.now_ms() - KEPT_MS
