"""The event of received SQS messages, as the Runtime API hands it over."""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rollcall.runtime.worker import sqs_event as events

if TYPE_CHECKING:
    from mypy_boto3_sqs.type_defs import MessageTypeDef


def sqs_event(messages: Sequence["MessageTypeDef"], *, queue_arn: str) -> bytes:
    region = queue_arn.split(":")[3]
    return json.dumps(events.sqs_event(messages, queue_arn=queue_arn, region=region)).encode()
