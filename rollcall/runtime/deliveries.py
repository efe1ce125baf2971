"""Attempts at the messages of one queue: whether one may still be tried, when it comes again, when it is dead.

SQS counts deliveries, and not all of them are attempts. A throttled invocation counts too, and so do a worker that
died before it began and a batch that was given back. So each attempt after the first delivery is counted here when it
begins, because a killed worker can tell nobody afterwards. An ordinary message costs no request.
"""

import time
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field

from rollcall.contracts.named_queue import NamedQueue
from rollcall.runtime.back_off import back_off

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
    from mypy_boto3_dynamodb.service_resource import DynamoDBServiceResource
    from mypy_boto3_sqs import SQSClient

KEPT_SECONDS = 14 * 86_400  # longer than any message lives


class DeliveryEnvironment(BaseModel):
    """The environment that every function with a queue has for its messages."""

    model_config = ConfigDict(hide_input_in_errors=True)  # all variables are its input, secrets too

    attempts: int = Field(alias="ATTEMPTS", gt=0)  # after the first delivery, which may not have been one
    attempts_table: str = Field(alias="ATTEMPTS_TABLE", min_length=1)
    dead_letters: str = Field(alias="DEAD_LETTERS", min_length=1)


class Deliveries:
    def __init__(self, settings: DeliveryEnvironment, *, sqs: "SQSClient", dynamodb: "DynamoDBServiceResource") -> None:
        self._sqs = sqs
        self._table = dynamodb.Table(settings.attempts_table)
        self._dead_letters = _DeadLetters(sqs, settings.dead_letters)
        self._attempts = settings.attempts

    def begin(self, record: "SQSRecord") -> bool:
        """Count an attempt; False if there were enough before it."""
        if not came_before(record):
            return True
        answer = self._table.update_item(
            Key={"message": record.message_id},
            UpdateExpression="ADD begun :one SET expires = :expires",
            ExpressionAttributeValues={":one": 1, ":expires": int(time.time()) + KEPT_SECONDS},
            ReturnValues="UPDATED_NEW",
        )
        return int(str(answer["Attributes"]["begun"])) <= self._attempts

    def bury(self, record: "SQSRecord") -> None:
        """Put a copy among the dead letters: the queue itself moves only what was delivered far more often."""
        self._dead_letters.bury(record.body)

    def come_again(self, record: "SQSRecord") -> None:
        back_off(self._sqs, record)


def came_before(record: "SQSRecord") -> bool:
    return int(record.attributes.approximate_receive_count) > 1


class _DeadLetters(NamedQueue):
    def bury(self, body: str) -> None:
        self._send(body)
