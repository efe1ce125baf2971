"""The attributes of a queue that somebody may set, and their bounds."""

import json
from collections.abc import Mapping
from typing import Any

from rollcall.local.store.sqs.sqs_errors import invalid
from rollcall.local.store.store_errors import ServiceError

MEBIBYTE = 1024 * 1024
DEFAULTS = {
    "VisibilityTimeout": "30",
    "DelaySeconds": "0",
    "MaximumMessageSize": str(MEBIBYTE),
    "MessageRetentionPeriod": "345600",
    "ReceiveMessageWaitTimeSeconds": "0",
    "SqsManagedSseEnabled": "true",
}
_BOUNDS = {
    "VisibilityTimeout": (0, 43_200),
    "DelaySeconds": (0, 900),
    "MaximumMessageSize": (1024, MEBIBYTE),
    "MessageRetentionPeriod": (60, 1_209_600),
    "ReceiveMessageWaitTimeSeconds": (0, 20),
    "KmsDataKeyReusePeriodSeconds": (60, 86_400),
}
_JSON = {"Policy", "RedrivePolicy", "RedriveAllowPolicy"}
_TEXTS = {"KmsMasterKeyId", "SqsManagedSseEnabled"}
_OF_FIFO = {"FifoQueue", "ContentBasedDeduplication", "DeduplicationScope", "FifoThroughputLimit"}
MOST_RECEIVES = 1000


def checked(asked: Mapping[str, str]) -> dict[str, str]:
    """Raises ServiceError for what SQS would not take."""
    for name, value in asked.items():
        if name in _OF_FIFO:
            raise ServiceError("NotImplemented", "FIFO queues are not supported by the local sqs.", status=501)
        if name in _BOUNDS:
            _check_number(name, value)
        elif name in _JSON:
            _check_json(name, value)
        elif name not in _TEXTS:
            raise ServiceError("InvalidAttributeName", f"Unknown Attribute {name[:100]}.")
    return dict(asked)


def dead_letter_target(attributes: Mapping[str, str]) -> tuple[str, int] | None:
    """The ARN of the dead-letter queue, and how often a message is received before it goes there."""
    policy = attributes.get("RedrivePolicy")
    if not policy:
        return None
    read = json.loads(policy)
    return read["deadLetterTargetArn"], int(read.get("maxReceiveCount", 10))


def _check_number(name: str, value: str) -> None:
    least, most = _BOUNDS[name]
    if not (value.isascii() and value.isdigit() and least <= int(value[:12]) <= most):
        raise ServiceError("InvalidAttributeValue", f"Invalid value for the parameter {name}.")


def _check_json(name: str, value: str) -> None:
    if not value:
        return  # takes it away
    try:
        read = json.loads(value)
    except (ValueError, RecursionError):
        raise _not(name, value, "Not valid JSON.") from None
    if not isinstance(read, dict):
        raise _not(name, value, "Not a JSON object.")
    if name == "RedrivePolicy":
        _check_redrive(value, read)


def _check_redrive(value: str, policy: dict[str, Any]) -> None:
    if not isinstance(policy.get("deadLetterTargetArn"), str):
        raise _not("RedrivePolicy", value, "Redrive policy does not contain mandatory attribute: deadLetterTargetArn.")
    count = policy.get("maxReceiveCount")
    if count is None:
        raise _not("RedrivePolicy", value, "Redrive policy does not contain mandatory attribute: maxReceiveCount.")
    text = str(count)
    if isinstance(count, bool | float) or not (text.isascii() and text.isdigit() and 1 <= int(text) <= MOST_RECEIVES):
        raise _not(
            "RedrivePolicy",
            value,
            f"Invalid value for maxReceiveCount: {text[:20]}, valid values are from 1 to"
            f" {MOST_RECEIVES} both inclusive.",
        )


def _not(name: str, value: str, reason: str) -> ServiceError:
    return invalid(name, value, reason)
