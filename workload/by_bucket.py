"""Photos or videos into the input bucket, as any S3 client puts them; the answers are awaited in the output bucket."""

import json
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from workload.media import Medium
from workload.outcomes import Outcome, Sample

LOOK_SECONDS = 0.5
STAGES = ("split", "recognize", "lookup")
BACKLOG, IN_HAND = "ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"
NOBODY = "unknown"


@dataclass(frozen=True)
class Clients:
    s3: Any
    sqs: Any


def clients(endpoint_url: str | None) -> Clients:
    config = Config(max_pool_connections=64, retries={"mode": "standard", "max_attempts": 5})
    return Clients(
        s3=boto3.client("s3", endpoint_url=endpoint_url, config=config),
        sqs=boto3.client("sqs", endpoint_url=endpoint_url, config=config),
    )


@dataclass(frozen=True)
class _Sent:
    medium: Medium
    start: float
    retries: int


class BucketRun:
    def __init__(
        self,
        clients: Clients,
        *,
        prefix: str,
        input_bucket: str | None,
        output_bucket: str | None,
        concurrency: int,
        timeout: float,
        done: Callable[[Outcome], None],
    ) -> None:
        self._s3, self._sqs = clients.s3, clients.sqs
        self._input, self._output = input_bucket or f"{prefix}-input", output_bucket or f"{prefix}-output"
        self._queues = [f"{prefix}-{stage}" for stage in STAGES]
        self._concurrency = concurrency
        self._timeout = timeout
        self._done = done
        self._folder = f"workload/{uuid.uuid4().hex[:12]}/"
        self._began = time.monotonic()
        self._sent: dict[str, _Sent] = {}  # what waits for its answer, by key
        self._outcomes: list[Outcome] = []
        self._lock = threading.Lock()

    def run(self, media: Sequence[Medium], starts: Sequence[float]) -> tuple[list[Outcome], list[Sample]]:
        samples: list[Sample] = []
        urls = [self._sqs.get_queue_url(QueueName=name)["QueueUrl"] for name in self._queues]
        with ThreadPoolExecutor(self._concurrency) as uploads:
            for number, (medium, start) in enumerate(zip(media, starts, strict=True)):
                uploads.submit(self._upload, number, medium, start)
            while len(self._outcomes) < len(media):
                samples.append(self._sample(urls))
                self._collect()
                time.sleep(LOOK_SECONDS)
        return self._outcomes, samples

    def _upload(self, number: int, medium: Medium, start: float) -> None:
        time.sleep(max(0.0, start - self._now()))
        key = f"{self._folder}{number:06d}-{medium.name}"
        began = self._now()
        try:
            answer = self._s3.put_object(Bucket=self._input, Key=key, Body=medium.content)
        except (ClientError, BotoCoreError) as error:
            self._end(_Sent(medium, began, 0), error=f"upload: {type(error).__name__}")
            return
        with self._lock:
            self._sent[key] = _Sent(medium, began, answer["ResponseMetadata"].get("RetryAttempts", 0))

    def _collect(self) -> None:
        with self._lock:
            waiting = dict(self._sent)
        if not waiting:
            return
        finished = [key for key in self._results() if key in waiting]
        with ThreadPoolExecutor(8) as readers:
            for key, answer in zip(finished, readers.map(self._answer, finished), strict=True):
                names, error = answer
                self._end(self._take(key), answer=names, error=error)
        for key, sent in waiting.items():
            if key not in finished and self._now() - sent.start > self._timeout:
                self._end(self._take(key), error="timeout")

    def _results(self) -> Iterator[str]:
        pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=self._output, Prefix=self._folder)
        for page in pages:
            yield from (
                item["Key"][: -len(".json")] for item in page.get("Contents", ()) if item["Key"].endswith(".json")
            )

    def _answer(self, key: str) -> tuple[str | None, str | None]:
        result = json.loads(self._s3.get_object(Bucket=self._output, Key=f"{key}.json")["Body"].read())
        if result["status"] == "failed":
            return None, f"failed: {result['error']['code']}"
        return "+".join(sorted(person["name"] for person in result["people"])) or NOBODY, None

    def _take(self, key: str) -> _Sent:
        with self._lock:
            return self._sent.pop(key)

    def _end(self, sent: _Sent, *, answer: str | None = None, error: str | None = None) -> None:
        outcome = Outcome(
            name=sent.medium.name,
            start=sent.start,
            seconds=self._now() - sent.start,
            answer=answer,
            expected=sent.medium.expected,
            error=error,
            retries=sent.retries,
        )
        with self._lock:
            self._outcomes.append(outcome)
        self._done(outcome)

    def _sample(self, urls: Sequence[str]) -> Sample:
        backlog = in_hand = 0
        for url in urls:
            counts = self._sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[BACKLOG, IN_HAND])["Attributes"]
            backlog += int(counts[BACKLOG])
            in_hand += int(counts[IN_HAND])
        return Sample(seconds=self._now(), backlog=backlog, in_hand=in_hand)

    def _now(self) -> float:
        return time.monotonic() - self._began
