"""A queue known by its name; its address is looked up at first use."""

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from rollcall.contracts.errors import RollcallError

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient


MOST_AT_ONCE = 10  # of SQS and of EventBridge
MOST_BYTES = 250_000  # of them together; AWS takes 256 KB of either


class NotSent(RollcallError):
    """SQS did not take a message of a batch; sending it is tried again."""


def in_batches(bodies: Sequence[str]) -> Iterator[list[str]]:
    """In order, as many at once as AWS takes."""
    some: list[str] = []
    size = 0
    for body in bodies:
        length = len(body.encode())
        if some and (len(some) == MOST_AT_ONCE or size + length > MOST_BYTES):
            yield some
            some, size = [], 0
        some.append(body)
        size += length
    if some:
        yield some


class NamedQueue:
    def __init__(self, sqs: "SQSClient", name: str) -> None:
        self._sqs = sqs
        self._name = name

    def _send(self, body: str) -> None:
        self._sqs.send_message(QueueUrl=self._url, MessageBody=body)

    def _send_all(self, bodies: Sequence[str]) -> list[Exception | None]:
        """The error of each message that the queue did not take."""
        errors: list[Exception | None] = []
        for some in in_batches(bodies):
            if len(some) == 1:
                self._send(some[0])
                errors.append(None)
                continue
            answer = self._sqs.send_message_batch(
                QueueUrl=self._url, Entries=[{"Id": str(n), "MessageBody": body} for n, body in enumerate(some)]
            )
            failed = {entry["Id"]: entry["Code"] for entry in answer.get("Failed", ())}
            errors += [
                NotSent(f"queue {self._name}: {failed[id]}") if id in failed else None
                for id in map(str, range(len(some)))
            ]
        return errors

    @cached_property
    def _url(self) -> str:
        return self._sqs.get_queue_url(QueueName=self._name)["QueueUrl"]
