"""Messages of one queue: received in batches, kept hidden, then deleted, or given back to come again."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rollcall.runtime.back_off import back_off_seconds

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import MessageTypeDef

MAX_RECEIVED = 10  # SQS's limit of a call


class MessageSource:
    """`visibility_timeout` (seconds) is how long a received message stays hidden; None: as long as the queue says.

    `back_off`: from the count of deliveries to the seconds that a message stays hidden once it has failed.
    """

    def __init__(
        self,
        sqs: "SQSClient",
        *,
        queue_url: str,
        batch_size: int,
        wait_seconds: int,
        visibility_timeout: int | None = None,
        back_off: Callable[[int], int] = back_off_seconds,
    ) -> None:
        self._sqs = sqs
        self._queue_url = queue_url
        self._batch_size = min(batch_size, MAX_RECEIVED)
        self._wait_seconds = wait_seconds
        self._back_off = back_off
        self._visibility: dict[str, Any] = (
            {} if visibility_timeout is None else {"VisibilityTimeout": visibility_timeout}
        )

    def receive(self) -> list["MessageTypeDef"]:
        return self._receive(self._batch_size, self._wait_seconds)

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
            self._hide(
                again, {m["MessageId"]: self._back_off(int(m["Attributes"]["ApproximateReceiveCount"])) for m in again}
            )

    def keep(self, messages: Sequence["MessageTypeDef"], seconds: int) -> None:
        """Hides the messages for so many seconds from now on."""
        self._hide(messages, {message["MessageId"]: seconds for message in messages})

    def give_back(self, messages: Sequence["MessageTypeDef"]) -> None:
        """Gives the messages back to whoever receives next."""
        self.keep(messages, 0)

    def _hide(self, messages: Sequence["MessageTypeDef"], seconds: Mapping[str, int]) -> None:
        self._sqs.change_message_visibility_batch(
            QueueUrl=self._queue_url,
            Entries=[
                {"Id": str(n), "ReceiptHandle": m["ReceiptHandle"], "VisibilityTimeout": seconds[m["MessageId"]]}
                for n, m in enumerate(messages)
            ],
        )

    def _receive(self, count: int, wait_seconds: int) -> list["MessageTypeDef"]:
        answer = self._sqs.receive_message(
            QueueUrl=self._queue_url,
            MaxNumberOfMessages=count,
            WaitTimeSeconds=wait_seconds,
            MessageSystemAttributeNames=["All"],
            MessageAttributeNames=["All"],
            **self._visibility,
        )
        return answer.get("Messages", [])
