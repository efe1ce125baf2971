"""Sends ranges of an upload back to the split queue, to be read by other invocations."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rollcall.contracts.errors import RollcallError
from rollcall.contracts.events import RangeMessage, SplitRange
from rollcall.contracts.named_queue import NamedQueue

if TYPE_CHECKING:
    from mypy_boto3_sqs.type_defs import SendMessageBatchRequestEntryTypeDef

MESSAGES_PER_REQUEST = 10  # SQS's limit


class RangeQueue(NamedQueue):
    def send(self, ranges: Sequence[SplitRange]) -> None:
        """Raises RollcallError if a range is not taken: then send all again; twice does no harm."""
        for start in range(0, len(ranges), MESSAGES_PER_REQUEST):
            batch = ranges[start : start + MESSAGES_PER_REQUEST]
            answer = self._sqs.send_message_batch(QueueUrl=self._url, Entries=[_entry(part) for part in batch])
            if refused := answer.get("Failed"):
                raise RollcallError(f"queue {self._name} did not take {len(refused)} ranges: {refused[0]['Code']}")


def _entry(part: SplitRange) -> "SendMessageBatchRequestEntryTypeDef":
    return {"Id": str(part.base + part.stretch.first), "MessageBody": RangeMessage(range=part).model_dump_json()}
