"""A queue known by its name; its address is looked up at first use."""

from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient


class NamedQueue:
    def __init__(self, sqs: "SQSClient", name: str) -> None:
        self._sqs = sqs
        self._name = name

    def _send(self, body: str) -> None:
        self._sqs.send_message(QueueUrl=self._url, MessageBody=body)

    @cached_property
    def _url(self) -> str:
        return self._sqs.get_queue_url(QueueName=self._name)["QueueUrl"]
