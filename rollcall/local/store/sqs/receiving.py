"""A received message as SQS shows it, with the attributes that its receiver asks for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rollcall.local.store.identity import ACCOUNT
from rollcall.local.store.sqs import message_attributes
from rollcall.local.store.sqs.queue_messages import Taken
from rollcall.local.store.store_errors import ServiceError

_SYSTEM = frozenset(
    (
        *("All", "SenderId", "SentTimestamp", "ApproximateReceiveCount", "ApproximateFirstReceiveTimestamp"),
        *("SequenceNumber", "MessageDeduplicationId", "MessageGroupId", "AWSTraceHeader", "DeadLetterQueueSourceArn"),
    )
)


@dataclass(frozen=True)
class Wanted:
    system: frozenset[str]
    attributes: Sequence[str]


def wanted_attributes(asked: Mapping[str, Any]) -> Wanted:
    system = frozenset((asked.get("MessageSystemAttributeNames") or []) + (asked.get("AttributeNames") or []))
    for name in system - _SYSTEM:
        raise ServiceError("InvalidAttributeName", f"Unknown Attribute {name[:100]}.")
    return Wanted(system, asked.get("MessageAttributeNames") or [])


def shown(message: Taken, wanted: Wanted) -> dict[str, Any]:
    told: dict[str, Any] = {
        "MessageId": message.uuid,
        "ReceiptHandle": message.receipt,
        "MD5OfBody": message.md5,
        "Body": message.body,
    }
    if wanted.system:
        known = _system(message)
        told["Attributes"] = known if "All" in wanted.system else {k: v for k, v in known.items() if k in wanted.system}
    attributes = message_attributes.chosen(message.attributes, wanted.attributes)
    if attributes:
        told |= {"MessageAttributes": attributes, "MD5OfMessageAttributes": message_attributes.md5(attributes)}
    return told


def _system(message: Taken) -> dict[str, str]:
    known = {
        "SenderId": ACCOUNT,
        "SentTimestamp": str(message.sent),
        "ApproximateReceiveCount": str(message.received),
        "ApproximateFirstReceiveTimestamp": str(message.first_received),
    }
    if message.source is not None:
        known["DeadLetterQueueSourceArn"] = message.source
    return known | {name: value["StringValue"] for name, value in message.system.items()}
