"""Messages as SQS may deliver them at its worst: twice and out of order."""

import random
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rollcall.runtime.worker.message_source import MAX_RECEIVED, MessageSource

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import MessageTypeDef

LONG_POLL_SECONDS = 2
HOLD_BACK_SECONDS = 0.3  # how long a shuffled delivery waits for others to change places with
MAX_BACK_OFF_SECONDS = 8


def quick_back_off_seconds(deliveries: int) -> int:
    """1, 2, 4, … seconds: shorter than on AWS, because a user waits at this machine."""
    return int(min(MAX_BACK_OFF_SECONDS, 2 ** max(0, deliveries - 1)))


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """How badly SQS behaves; all within what it promises."""

    duplicate: bool = False
    shuffle_seed: int | None = None


class UnreliableSource(MessageSource):
    """Delivers messages twice and out of order, as SQS may; for tests of what is built on it."""

    def __init__(self, sqs: "SQSClient", *, queue_url: str, batch_size: int, delivery: Delivery) -> None:
        super().__init__(
            sqs,
            queue_url=queue_url,
            batch_size=batch_size,
            wait_seconds=LONG_POLL_SECONDS,
            back_off=quick_back_off_seconds,
        )
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
        """Puts a copy of each message at the end of the queue, but not of copies and messages that come again."""
        for message in messages if self._duplicate else []:
            if message["MessageId"] not in self._seen:
                copy = self._sqs.send_message(QueueUrl=self._queue_url, MessageBody=message["Body"])
                self._seen |= {message["MessageId"], copy["MessageId"]}
        return messages
