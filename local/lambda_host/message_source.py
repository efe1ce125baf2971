"""Messages of one queue: received in batches, then deleted, or given back to come again."""

import random
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import MessageTypeDef

MAX_RECEIVED = 10  # SQS's limit of a call
LONG_POLL_SECONDS = 2
HOLD_BACK_SECONDS = 0.3  # how long a shuffled delivery waits for others to change places with
MAX_BACK_OFF_SECONDS = 30


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """How badly SQS behaves; all within what it promises."""

    duplicate: bool = False
    shuffle_seed: int | None = None


def back_off_seconds(receive_count: int) -> int:
    """1, 2, 4, … On AWS a failed message stays hidden for the queue's visibility timeout, here up to 90 minutes."""
    return int(min(MAX_BACK_OFF_SECONDS, 2 ** max(0, receive_count - 1)))


class MessageSource:
    def __init__(self, sqs: "SQSClient", *, queue_url: str, batch_size: int) -> None:
        self._sqs = sqs
        self._queue_url = queue_url
        self._batch_size = min(batch_size, MAX_RECEIVED)

    def receive(self) -> list["MessageTypeDef"]:
        return self._receive(self._batch_size, LONG_POLL_SECONDS)

    def backlog(self) -> int:
        """Messages that wait to be received."""
        answer = self._sqs.get_queue_attributes(
            QueueUrl=self._queue_url, AttributeNames=["ApproximateNumberOfMessages"]
        )
        return int(answer["Attributes"]["ApproximateNumberOfMessages"])

    def settle(self, messages: Sequence["MessageTypeDef"], failed: Collection[str]) -> None:
        done = [message for message in messages if message["MessageId"] not in failed]
        again = [message for message in messages if message["MessageId"] in failed]
        if done:
            self._sqs.delete_message_batch(
                QueueUrl=self._queue_url,
                Entries=[{"Id": str(n), "ReceiptHandle": m["ReceiptHandle"]} for n, m in enumerate(done)],
            )
        if again:
            self._sqs.change_message_visibility_batch(
                QueueUrl=self._queue_url,
                Entries=[
                    {
                        "Id": str(n),
                        "ReceiptHandle": m["ReceiptHandle"],
                        "VisibilityTimeout": back_off_seconds(int(m["Attributes"]["ApproximateReceiveCount"])),
                    }
                    for n, m in enumerate(again)
                ],
            )

    def _receive(self, count: int, wait_seconds: int) -> list["MessageTypeDef"]:
        answer = self._sqs.receive_message(
            QueueUrl=self._queue_url,
            MaxNumberOfMessages=count,
            WaitTimeSeconds=wait_seconds,
            MessageSystemAttributeNames=["All"],
            MessageAttributeNames=["All"],
        )
        return answer.get("Messages", [])


class UnreliableSource(MessageSource):
    """Delivers messages twice and out of order, as SQS may; for tests of what is built on it."""

    def __init__(self, sqs: "SQSClient", *, queue_url: str, batch_size: int, delivery: Delivery) -> None:
        super().__init__(sqs, queue_url=queue_url, batch_size=batch_size)
        self._duplicate = delivery.duplicate
        self._random = None if delivery.shuffle_seed is None else random.Random(delivery.shuffle_seed)
        self._seen: set[str] = set()
        self._held: list[MessageTypeDef] = []

    def receive(self) -> list["MessageTypeDef"]:
        if self._random is None:
            return self._with_copies(super().receive())
        self._hold_back()
        self._random.shuffle(self._held)
        batch, self._held = self._held[: self._batch_size], self._held[self._batch_size :]
        return batch

    def _hold_back(self) -> None:
        end = time.monotonic() + HOLD_BACK_SECONDS
        while len(self._held) < MAX_RECEIVED and (not self._held or time.monotonic() < end):
            wait_seconds = 0 if self._held else LONG_POLL_SECONDS
            messages = self._with_copies(self._receive(MAX_RECEIVED, wait_seconds))
            if not messages and not self._held:
                return
            self._held += messages

    def _with_copies(self, messages: list["MessageTypeDef"]) -> list["MessageTypeDef"]:
        """A copy of each message goes to the end of the queue; copies, and messages that come again, have none."""
        for message in messages if self._duplicate else []:
            if message["MessageId"] not in self._seen:
                copy = self._sqs.send_message(QueueUrl=self._queue_url, MessageBody=message["Body"])
                self._seen |= {message["MessageId"], copy["MessageId"]}
        return messages
