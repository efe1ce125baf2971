"""Asking for a lookup: sent when a job's last GoP is done, or when the job has failed."""

from functools import cached_property
from typing import TYPE_CHECKING

from functions.common.events import LookupMessage, Upload

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient


class LookupQueue:
    def __init__(self, sqs: "SQSClient", name: str) -> None:
        self._sqs = sqs
        self._name = name

    @cached_property
    def _url(self) -> str:
        return self._sqs.get_queue_url(QueueName=self._name)["QueueUrl"]

    def ask(self, upload: Upload) -> None:
        self._sqs.send_message(QueueUrl=self._url, MessageBody=LookupMessage(upload=upload).model_dump_json())
