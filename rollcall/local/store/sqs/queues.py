"""The queues of the account: made, found, changed and removed."""

import json
import re
import sqlite3
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from rollcall.local.store.identity import ACCOUNT, REGION
from rollcall.local.store.sqs.attributes import DEFAULTS, checked, dead_letter_target
from rollcall.local.store.sqs.sqs_errors import invalid, no_queue
from rollcall.local.store.store_errors import ServiceError

_NAME = re.compile(r"[A-Za-z0-9_-]{1,80}")
_ARN = f"arn:aws:sqs:{REGION}:{ACCOUNT}:"


@dataclass(frozen=True)
class Queue:
    id: int
    name: str
    created: int  # seconds since 1970
    modified: int
    attributes: Mapping[str, str]
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def arn(self) -> str:
        return _ARN + self.name

    def number(self, attribute: str) -> int:
        return int(self.attributes[attribute])

    @property
    def dead_letters(self) -> tuple[str, int] | None:
        return dead_letter_target(self.attributes)


class Queues:
    """What SQL tells of queues, kept in memory as well: each request asks for one. Changes go through `put`."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._by_name: dict[str, Queue] = {}
        self.read(connection)

    def read(self, connection: sqlite3.Connection) -> None:
        rows = connection.execute("SELECT id, name, created, modified, attributes, tags FROM sqs_queue")
        self._by_name = {
            name: Queue(id, name, created, modified, json.loads(attributes), json.loads(tags))
            for id, name, created, modified, attributes, tags in rows
        }

    def all(self) -> list[Queue]:
        return sorted([*self._by_name.values()], key=lambda queue: queue.name)

    def of_url(self, url: str) -> Queue:
        """The queue, by the last part of the URL: a queue has more than one address."""
        return self.of_name(url.rstrip("/").rpartition("/")[2])

    def of_name(self, name: str) -> Queue:
        queue = self._by_name.get(name)
        if queue is None:
            raise no_queue()
        return queue

    def of_arn(self, arn: str) -> Queue | None:
        return self._by_name.get(arn.removeprefix(_ARN)) if arn.startswith(_ARN) else None

    def sources_of(self, queue: Queue) -> list[Queue]:
        """The queues whose dead letters come to this one."""
        return [other for other in self.all() if (target := other.dead_letters) and target[0] == queue.arn]

    def put(self, connection: sqlite3.Connection, queue: Queue) -> None:
        connection.execute(
            "UPDATE sqs_queue SET modified = ?, attributes = ?, tags = ? WHERE id = ?",
            (queue.modified, json.dumps(queue.attributes), json.dumps(queue.tags), queue.id),
        )
        self._by_name[queue.name] = queue

    def create(
        self, connection: sqlite3.Connection, name: str, asked: Mapping[str, str], tags: Mapping[str, str]
    ) -> Queue:
        """Makes the queue, or returns the one that exists with the same attributes."""
        _check_name(name)
        attributes = self.checked(asked)
        if (queue := self._by_name.get(name)) is not None:
            if any(queue.attributes.get(key) != value for key, value in attributes.items()):
                raise ServiceError(
                    "QueueNameExists", "A queue already exists with the same name and a different value for attributes."
                )
            return queue
        now = int(time.time())
        given = DEFAULTS | attributes
        cursor = connection.execute(
            "INSERT INTO sqs_queue (name, created, modified, attributes, tags) VALUES (?, ?, ?, ?, ?)",
            (name, now, now, json.dumps(given), json.dumps(tags)),
        )
        assert cursor.lastrowid is not None
        queue = self._by_name[name] = Queue(cursor.lastrowid, name, now, now, given, dict(tags))
        return queue

    def delete(self, connection: sqlite3.Connection, queue: Queue) -> None:
        """Its messages stay, in no queue, until they are removed."""
        connection.execute("DELETE FROM sqs_queue WHERE id = ?", (queue.id,))
        self._by_name.pop(queue.name, None)

    def checked(self, asked: Mapping[str, str]) -> dict[str, str]:
        attributes = checked(asked)
        target = dead_letter_target(attributes)
        if target is not None and self.of_arn(target[0]) is None:
            raise invalid("RedrivePolicy", attributes["RedrivePolicy"], "Dead letter target does not exist.")
        return attributes


def url_of(queue: Queue, base_url: str) -> str:
    return f"{base_url}/{ACCOUNT}/{queue.name}"


def _check_name(name: str) -> None:
    if name.endswith(".fifo"):
        raise ServiceError("NotImplemented", "FIFO queues are not supported by the local sqs.", status=501)
    if not _NAME.fullmatch(name):
        raise ServiceError(
            "InvalidParameterValue",
            "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length",
        )
