"""Small pipelines of throw-away functions, and what became of the messages sent to them."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from rollcall.local.cloud import LocalCloud
from rollcall.pipeline.description import (
    Bucket,
    Function,
    Notification,
    Pipeline,
    Queue,
    Table,
)

LAMBDAS = Path(__file__).parent / "lambdas"
OUTPUT = "try-output"
Found = TypeVar("Found")

PATIENCE = 60  # seconds: only a failing test waits so long


def function(name: str, **settings: Any) -> Function:
    defaults: dict[str, Any] = {
        "name": name,
        "component": name,
        "handler": "tasks.handler",
        "timeout": 20,
        "memory_mb": 512,
        "scratch_mb": 64,
        "queue": name,
        "batch_size": 1,
        "max_concurrency": 2,
        "environment": {"OUTPUT_BUCKET": OUTPUT},
    }
    return Function(**(defaults | settings))


def pipeline(*functions: Function, max_receive_count: int = 2, suffix: str = ".zip") -> Pipeline:
    return Pipeline(
        prefix="try",
        buckets=(
            Bucket(
                role="input",
                name="try-input",
                versioned=True,
                expire_days=1,
                notifications=(Notification(queue="uploads"),),
            ),
            Bucket(
                role="output",
                name=OUTPUT,
                versioned=False,
                notifications=(Notification(queue="packs", suffix=suffix),),
            ),
        ),
        queues=tuple(
            Queue(
                name=name,
                visibility_timeout=600,
                dead_letter_queue=f"{name}-dead-letters",
                max_receive_count=max_receive_count,
            )
            for name in ("uploads", "packs", *(function.queue for function in functions))
        ),
        tables=(Table(name="try-jobs", key="job", sort_key="part", ttl_attribute="expires"),),
        functions=functions,
    )


def until(condition: Callable[[], Found | None], *, patience: float = PATIENCE) -> Found:
    end = time.monotonic() + patience
    while not (result := condition()):
        assert time.monotonic() < end, f"in {patience} s this never came true: {condition}"
        time.sleep(0.02)
    return result


class Messages:
    """Sends tasks and finds their deliveries and dead letters."""

    def __init__(self, cloud: LocalCloud) -> None:
        self._cloud = cloud
        self._s3 = cloud.client("s3")
        self._sqs = cloud.client("sqs")

    def send(self, queue: str, **task: Any) -> str:
        return self._sqs.send_message(QueueUrl=self.url(queue), MessageBody=json.dumps(task))["MessageId"]

    def deliveries(self, message: str) -> list[dict[str, Any]]:
        keys = self._s3.list_objects_v2(Bucket=OUTPUT, Prefix=f"{message}/").get("Contents", [])
        return [json.load(self._s3.get_object(Bucket=OUTPUT, Key=key["Key"])["Body"]) for key in keys]

    def until_delivered(self, message: str, times: int = 1) -> list[dict[str, Any]]:
        return until(lambda: (found := self.deliveries(message)) and len(found) >= times and found or [])

    def until_dead(self, queue: str) -> dict[str, Any]:
        (message, *_) = until(lambda: self.receive(f"{queue}-dead-letters"))
        return dict(message)

    def receive(self, queue: str) -> list[Any]:
        """Takes what is visible out of the queue."""
        url = self.url(queue)
        messages = self._sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
        for message in messages:
            self._sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return list(messages)

    def left(self, queue: str) -> int:
        """Messages in the queue, hidden ones included."""
        answer = self._sqs.get_queue_attributes(
            QueueUrl=self.url(queue),
            AttributeNames=["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"],
        )
        return sum(int(count) for count in answer["Attributes"].values())

    def url(self, queue: str) -> str:
        return self._sqs.get_queue_url(QueueName=queue)["QueueUrl"]

    def errors(self, function: str) -> list[str | None]:
        return [report.error for report in self._cloud.reports() if report.function == function]
