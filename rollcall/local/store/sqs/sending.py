"""What a sender gives, checked."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rollcall.local.store.sqs import message_attributes
from rollcall.local.store.sqs.attributes import MEBIBYTE
from rollcall.local.store.sqs.queues import Queue
from rollcall.local.store.sqs.sqs_errors import invalid, missing
from rollcall.local.store.store_errors import ServiceError

MOST_BYTES = MEBIBYTE  # of a message, or of all in a batch
LONGEST_DELAY = 900
SYSTEM_ATTRIBUTE = "AWSTraceHeader"


@dataclass(frozen=True, kw_only=True)
class Outgoing:
    body: str
    size: int
    delay: int
    attributes: dict[str, Any]
    system: dict[str, Any]

    @property
    def digests(self) -> dict[str, str]:
        of_attributes = {"MD5OfMessageAttributes": message_attributes.md5(self.attributes)} if self.attributes else {}
        of_system = {"MD5OfMessageSystemAttributes": message_attributes.md5(self.system)} if self.system else {}
        return of_attributes | of_system


def outgoing(queue: Queue, asked: Mapping[str, Any]) -> Outgoing:
    """Raises ServiceError for what SQS would not take."""
    body = asked["MessageBody"]
    attributes, system = asked.get("MessageAttributes") or {}, asked.get("MessageSystemAttributes") or {}
    if not body:
        raise missing("MessageBody")
    if not message_attributes.is_text(body):
        raise ServiceError(
            "InvalidMessageContents",
            "Invalid characters found. Valid unicode characters are #x9 | #xA |"
            " #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF",
        )
    message_attributes.check(attributes)
    _check_system(system)
    size = len(body.encode()) + message_attributes.size(attributes)
    longest = queue.number("MaximumMessageSize")
    if size > longest:
        raise ServiceError(
            "InvalidParameterValue",
            f"One or more parameters are invalid. Reason: Message must be shorter than {longest} bytes.",
        )
    return Outgoing(body=body, size=size, delay=_delay(queue, asked), attributes=attributes, system=system)


def _delay(queue: Queue, asked: Mapping[str, Any]) -> int:
    delay = asked.get("DelaySeconds")
    if delay is None:
        return queue.number("DelaySeconds")
    if not 0 <= delay <= LONGEST_DELAY:
        raise invalid("DelaySeconds", delay, f"DelaySeconds must be >= 0 and <= {LONGEST_DELAY}.")
    return int(delay)


def _check_system(system: Mapping[str, Any]) -> None:
    for name, attribute in system.items():
        if name != SYSTEM_ATTRIBUTE or attribute["DataType"] != "String" or not attribute.get("StringValue"):
            raise ServiceError("InvalidParameterValue", f"Message system attribute name '{name[:100]}' is invalid.")
