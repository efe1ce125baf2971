"""SQS: its operations, as AWS's JSON protocol names them."""

import asyncio
import sqlite3
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any, TypeVar

from rollcall.local.store.database import Database
from rollcall.local.store.json_protocol import Call, Operation
from rollcall.local.store.sqs import queue_messages as messages
from rollcall.local.store.sqs import repeats
from rollcall.local.store.sqs.attributes import DEFAULTS
from rollcall.local.store.sqs.long_polls import LongPolls
from rollcall.local.store.sqs.message_batches import each
from rollcall.local.store.sqs.moves import Moves
from rollcall.local.store.sqs.pages import page
from rollcall.local.store.sqs.queue_messages import Taken, Taking
from rollcall.local.store.sqs.queues import Queue, Queues, url_of
from rollcall.local.store.sqs.receiving import shown, wanted_attributes
from rollcall.local.store.sqs.sending import MOST_BYTES, Outgoing, outgoing
from rollcall.local.store.sqs.sqs_errors import invalid, missing, query_name
from rollcall.local.store.sqs.sqs_schema import MIGRATIONS
from rollcall.local.store.store_errors import ServiceError

PURGE_SECONDS = 60  # between two of one queue, as in SQS
LOOK_AT_LEAST = 0.02  # seconds between two looks of one receiver
EXPIRE_AT_ONCE = 1000
REMOVED_AT_ONCE = 2000
EXPIRE_SECONDS = 60.0

Result = TypeVar("Result")
Answer = dict[str, Any]


class Sqs:
    """`send` and `exists` are for other services, inside their own transactions."""

    service = "sqs"
    opaque: frozenset[str] = frozenset()
    choices = False

    def __init__(self, database: Database) -> None:
        database.migrate("sqs", MIGRATIONS)
        with database.transaction() as connection:
            messages.show_again(connection)
        self._database = database
        self._queues = Queues(database.read())
        self._polls = LongPolls()
        self._moves = Moves(database, self._queues, self._polls)
        self._purged: dict[int, float] = {}
        self.operations: Mapping[str, Operation] = {
            "CreateQueue": self._create_queue,
            "DeleteQueue": self._delete_queue,
            "ListQueues": self._list_queues,
            "GetQueueUrl": self._get_queue_url,
            "GetQueueAttributes": self._get_queue_attributes,
            "SetQueueAttributes": self._set_queue_attributes,
            "ListDeadLetterSourceQueues": self._list_sources,
            "ListQueueTags": self._list_queue_tags,
            "TagQueue": self._tag_queue,
            "UntagQueue": self._untag_queue,
            "PurgeQueue": self._purge_queue,
            "SendMessage": self._send_message,
            "SendMessageBatch": self._send_message_batch,
            "ReceiveMessage": self._receive_message,
            "DeleteMessage": self._delete_message,
            "DeleteMessageBatch": self._delete_message_batch,
            "ChangeMessageVisibility": self._change_visibility,
            "ChangeMessageVisibilityBatch": self._change_visibility_batch,
            "StartMessageMoveTask": self._moves.start_task,
            "ListMessageMoveTasks": self._moves.list_tasks,
            "CancelMessageMoveTask": self._moves.cancel_task,
        }

    def missing(self, problems: list[str]) -> ServiceError:
        name = problems[0].partition(" at '")[2].partition("'")[0]
        return missing(name[:1].upper() + name[1:])

    def error_headers(self, error: ServiceError) -> dict[str, str]:
        return {"x-amzn-query-error": query_name(error)}

    async def run(self) -> None:
        """Resumes move tasks and removes expired messages, until it is canceled."""
        self._moves.resume()
        while True:
            for queue in self._queues.all():
                await self._forget(lambda c, q=queue: messages.expire(c, q, most=EXPIRE_AT_ONCE))  # type: ignore[misc]
            await self._forget(repeats.forget_old)
            await asyncio.sleep(EXPIRE_SECONDS)

    async def _forget(self, work: Callable[[sqlite3.Connection], None]) -> None:
        await self._database.write(work, durable=False, brief=False)

    def exists(self, _connection: sqlite3.Connection, arn: str) -> bool:
        return self._queues.of_arn(arn) is not None

    def send(self, connection: sqlite3.Connection, arn: str, body: str, *, once: str | None = None) -> None:
        """Nothing happens where the queue is gone. `once`: the id of a message that is not to come twice."""
        queue = self._queues.of_arn(arn)
        if queue is not None:
            repeats.deliver(connection, queue, body, id=once, delay=queue.number("DelaySeconds"))
            self._database.after_commit(lambda: self._polls.ring(queue.id))

    # queues

    async def _create_queue(self, call: Call) -> Answer:
        asked = call.asked
        attributes, tags = asked.get("Attributes") or {}, asked.get("tags") or {}
        queue = await self._change(lambda c: self._queues.create(c, asked["QueueName"], attributes, tags))
        return {"QueueUrl": url_of(queue, call.base_url)}

    async def _delete_queue(self, call: Call) -> None:
        queue = self._queue(call)
        await self._change(lambda c: self._queues.delete(c, queue))
        await self._remove_messages(queue)

    async def _list_queues(self, call: Call) -> Answer:
        prefix = call.asked.get("QueueNamePrefix") or ""
        found = [queue for queue in self._queues.all() if queue.name.startswith(prefix)]
        return _paged("QueueUrls", found, call)

    async def _get_queue_url(self, call: Call) -> Answer:
        return {"QueueUrl": url_of(self._queues.of_name(call.asked["QueueName"]), call.base_url)}

    async def _get_queue_attributes(self, call: Call) -> Answer:
        queue = self._queue(call)
        names = call.asked.get("AttributeNames") or []
        for name in names:
            if name not in _ATTRIBUTES:
                raise ServiceError("InvalidAttributeName", f"Unknown Attribute {name[:100]}.")
        known = self._known_attributes(queue, counted="All" in names or any("Approximate" in name for name in names))
        return {"Attributes": {name: value for name, value in known.items() if "All" in names or name in names}}

    def _known_attributes(self, queue: Queue, *, counted: bool) -> dict[str, str]:
        known = {name: value for name, value in queue.attributes.items() if value}
        known |= {
            "QueueArn": queue.arn,
            "CreatedTimestamp": str(queue.created),
            "LastModifiedTimestamp": str(queue.modified),
        }
        if counted:
            counts = messages.count(self._database.read(), queue)
            known |= {
                "ApproximateNumberOfMessages": str(counts.waiting),
                "ApproximateNumberOfMessagesNotVisible": str(counts.in_hand),
                "ApproximateNumberOfMessagesDelayed": str(counts.delayed),
            }
        return known

    async def _set_queue_attributes(self, call: Call) -> None:
        queue, asked = self._queue(call), call.asked["Attributes"]

        def work(connection: sqlite3.Connection) -> None:
            given = self._queues.checked(asked)
            now = self._queues.of_name(queue.name)
            attributes = {name: value for name, value in (dict(now.attributes) | given).items() if value}
            self._queues.put(connection, replace(now, attributes=DEFAULTS | attributes, modified=int(time.time())))

        await self._change(work)

    async def _list_sources(self, call: Call) -> Answer:
        return _paged("queueUrls", self._queues.sources_of(self._queue(call)), call)

    async def _list_queue_tags(self, call: Call) -> Answer:
        return {"Tags": dict(self._queue(call).tags)}

    async def _tag_queue(self, call: Call) -> None:
        await self._set_tags(self._queue(call), lambda tags: tags | call.asked["Tags"])

    async def _untag_queue(self, call: Call) -> None:
        gone = set(call.asked["TagKeys"])
        await self._set_tags(self._queue(call), lambda tags: {k: v for k, v in tags.items() if k not in gone})

    async def _set_tags(self, queue: Queue, new: Callable[[dict[str, str]], dict[str, str]]) -> None:
        def work(connection: sqlite3.Connection) -> None:
            now = self._queues.of_name(queue.name)
            self._queues.put(connection, replace(now, tags=new(dict(now.tags))))

        await self._change(work)

    async def _purge_queue(self, call: Call) -> None:
        queue, now = self._queue(call), time.monotonic()
        if now - self._purged.get(queue.id, -PURGE_SECONDS) < PURGE_SECONDS:
            raise ServiceError(
                "PurgeQueueInProgress", f"Only one PurgeQueue operation on {queue.name} is allowed every 60 seconds."
            )
        self._purged[queue.id] = now
        await self._remove_messages(queue)

    async def _remove_messages(self, queue: Queue) -> None:
        """A part at a time: nobody else has to wait for all of them."""
        last = messages.last_id(self._database.read())
        while await self._database.write(lambda c: messages.remove(c, queue, last, most=REMOVED_AT_ONCE), brief=False):
            pass

    # messages

    async def _send_message(self, call: Call) -> Answer:
        queue = self._queue(call)
        return await self._database.write(self._sending(queue, outgoing(queue, call.asked)))

    async def _send_message_batch(self, call: Call) -> Answer:
        queue, entries = self._queue(call), call.asked["Entries"]
        ready = each(entries, lambda entry: outgoing(queue, entry))
        if sum(message.size for message in ready.values.values()) > MOST_BYTES:
            raise ServiceError("BatchRequestTooLong", f"Batch requests cannot be longer than {MOST_BYTES} bytes.")

        def work(connection: sqlite3.Connection) -> dict[str, Answer]:
            return {id: self._sending(queue, message)(connection) for id, message in ready.values.items()}

        return ready.answer(await self._database.write(work))

    def _sending(self, queue: Queue, message: Outgoing) -> Callable[[sqlite3.Connection], Answer]:
        id = repeats.id_of(queue, message.body)

        def work(connection: sqlite3.Connection) -> Answer:
            sent = repeats.deliver(
                connection,
                queue,
                message.body,
                id=id,
                delay=message.delay,
                attributes=message.attributes,
                system=message.system,
            )
            self._database.after_commit(lambda: self._polls.ring(queue.id))
            return {"MessageId": sent.uuid, "MD5OfMessageBody": sent.md5, **message.digests}

        return work

    async def _receive_message(self, call: Call) -> Answer:
        queue, asked = self._queue(call), call.asked
        most = _bounded(asked, "MaxNumberOfMessages", 1, (1, 10))
        hide = _bounded(asked, "VisibilityTimeout", queue.number("VisibilityTimeout"), (0, 43_200))
        seconds = _bounded(asked, "WaitTimeSeconds", queue.number("ReceiveMessageWaitTimeSeconds"), (0, 20))
        wanted = wanted_attributes(asked)
        taken = await self._take(queue, most=most, hide=hide, seconds=seconds)
        return {"Messages": [shown(message, wanted) for message in taken]} if taken else {}

    async def _take(self, queue: Queue, *, most: int, hide: int, seconds: int) -> list[Taken]:
        end = time.monotonic() + seconds
        with self._polls.waiter(queue.id) as waiter:
            while True:
                taken = await self._take_now(queue, most=most, hide=hide)
                remaining = end - time.monotonic()
                if taken or remaining <= 0:
                    return taken
                soonest = messages.next_visible(self._database.read(), queue)
                await waiter.wait(remaining if soonest is None else min(remaining, max(soonest, LOOK_AT_LEAST)))
                queue = self._queues.of_name(queue.name)
                waiter.again()

    async def _take_now(self, queue: Queue, *, most: int, hide: int) -> list[Taken]:
        connection = self._database.read()
        if not messages.any_visible(connection, queue):
            return []
        if messages.too_many_in_hand(connection, queue):
            raise ServiceError("OverLimit", f"There are already {messages.IN_HAND_LIMIT} messages in flight.")

        def work(connection: sqlite3.Connection) -> list[Taken]:
            # with the machine's power this may be lost: the message is then there to be received once more
            taking = Taking(queue=queue, dead_letters=self._dead_letters_of(queue), hide=hide, now=messages.now_ms())
            return messages.take(connection, taking, most=most)

        return await self._database.write(work, durable=False)

    def _dead_letters_of(self, queue: Queue) -> tuple[Queue, int] | None:
        target = queue.dead_letters
        found = self._queues.of_arn(target[0]) if target else None
        return (found, target[1]) if found and target else None

    async def _delete_message(self, call: Call) -> None:
        queue, handle = self._queue(call), call.asked["ReceiptHandle"]
        await self._database.write(lambda c: messages.delete(c, queue, handle))

    async def _delete_message_batch(self, call: Call) -> Answer:
        queue = self._queue(call)
        return await self._database.write(
            lambda c: each(
                call.asked["Entries"], lambda entry: messages.delete(c, queue, entry["ReceiptHandle"])
            ).answer()
        )

    async def _change_visibility(self, call: Call) -> None:
        queue = self._queue(call)
        await self._database.write(lambda c: self._hide(c, queue, call.asked), durable=False)

    async def _change_visibility_batch(self, call: Call) -> Answer:
        queue = self._queue(call)
        return await self._database.write(
            lambda c: each(call.asked["Entries"], lambda entry: self._hide(c, queue, entry)).answer(), durable=False
        )

    def _hide(self, connection: sqlite3.Connection, queue: Queue, asked: Mapping[str, Any]) -> None:
        if asked.get("VisibilityTimeout") is None:
            raise missing("VisibilityTimeout")
        seconds = _bounded(asked, "VisibilityTimeout", 0, (0, 43_200))
        messages.hide(connection, queue, asked["ReceiptHandle"], seconds)
        self._database.after_commit(lambda: self._polls.ring(queue.id))

    def _queue(self, call: Call) -> Queue:
        return self._queues.of_url(call.asked["QueueUrl"])

    async def _change(self, work: Callable[[sqlite3.Connection], Result]) -> Result:
        """Changes queues. If the transaction fails, the queues in memory are read from SQL again."""
        try:
            return await self._database.write(work)
        except (sqlite3.Error, OSError):
            self._queues.read(self._database.read())
            raise


_ATTRIBUTES = frozenset(
    (
        *DEFAULTS,
        *("All", "Policy", "RedrivePolicy", "RedriveAllowPolicy", "QueueArn", "CreatedTimestamp"),
        *("LastModifiedTimestamp", "ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"),
        *("ApproximateNumberOfMessagesDelayed", "FifoQueue", "ContentBasedDeduplication", "KmsMasterKeyId"),
        *("KmsDataKeyReusePeriodSeconds", "DeduplicationScope", "FifoThroughputLimit"),
    )
)


def _paged(name: str, queues: Iterable[Queue], call: Call) -> Answer:
    found, following = page(list(queues), call.asked, key=lambda queue: queue.name)
    answer: Answer = {name: [url_of(queue, call.base_url) for queue in found]}
    return answer if following is None else answer | {"NextToken": following}


def _bounded(asked: Mapping[str, Any], name: str, default: int, bounds: tuple[int, int]) -> int:
    value = asked.get(name)
    if value is None:
        return default
    if not bounds[0] <= value <= bounds[1]:
        raise invalid(name, value, f"Must be between {bounds[0]} and {bounds[1]}, if provided.")
    return int(value)
