"""Answers are told of, whatever else is in the table of jobs."""

import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import boto3
import pytest
from moto import mock_aws

from rollcall.cli.answer_watch import AnswerWatch, EndedJobs, FinishedJobs
from rollcall.contracts.events import LookupMessage, Upload
from rollcall.contracts.jobs import JobStore

KEYS = {"region_name": "us-east-1", "aws_access_key_id": "a", "aws_secret_access_key": "b"}
MALFORMED: list[dict[str, Any]] = [
    {"done": {Decimal(0)}},
    {"upload": "clip.mp4", "created": "yesterday"},
    {"upload": {"bucket": "b"}, "created": Decimal(1)},
    {"packs": "three", "done": {"x"}},
    {"packs": {"0": "three"}},
]


@pytest.fixture
def table() -> Iterator[Any]:
    with mock_aws():
        dynamodb: Any = boto3.resource("dynamodb", **KEYS)  # type: ignore[call-overload]
        yield dynamodb.create_table(
            TableName="jobs",
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "job", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "job", "KeyType": "HASH"}],
        )
        dynamodb.meta.client.close()


def finish(jobs: JobStore, key: str) -> Upload:
    upload = Upload(bucket="in", key=key, version="1")
    jobs.start(upload, frames_per_second=1)
    jobs.published(upload.job, "done")
    return upload


@pytest.mark.parametrize("item", MALFORMED)
def test_an_item_that_is_no_job_keeps_no_other_from_being_told(table: Any, item: dict[str, Any]) -> None:
    jobs = JobStore(table)
    upload = finish(jobs, "clip.mp4")
    table.put_item(Item=item | {"job": "0", "status": "done"})

    assert [job.upload for job in FinishedJobs(table, jobs).new()] == [upload]
    assert jobs.get("0") is None


def wait_until(condition: Callable[[], object]) -> None:
    end = time.monotonic() + 30
    while not condition() and time.monotonic() < end:
        time.sleep(0.02)


class Session:
    """A session in which one result cannot be read, for a reason that nobody thought of."""

    def __init__(self, table: Any) -> None:
        self.jobs = JobStore(table)
        self._table = table
        self.s3 = self

    def table(self, _: str) -> Any:
        return self._table

    def uploads_waiting(self) -> int:
        return 0

    def bucket(self, role: str) -> str:
        return role

    def get_object(self, **where: str) -> Any:
        if where["Key"] == "odd.mp4.json":
            raise ZeroDivisionError
        return {"Body": self}

    def read(self) -> bytes:
        return b"{}"


def test_the_thread_survives_what_it_cannot_tell(table: Any) -> None:
    told: list[str] = []
    troubles: list[str] = []
    session = Session(table)
    finish(session.jobs, "odd.mp4")
    time.sleep(0.01)
    finish(session.jobs, "even.mp4")

    watch = AnswerWatch(session, answered=told.append, trouble=troubles.append)  # type: ignore[arg-type]
    try:
        wait_until(lambda: told)
    finally:
        watch.stop()
        watch.join(30)

    assert [line for line in told if "even.mp4" in line]
    assert troubles == ["odd.mp4 is answered, and its result cannot be read here (ZeroDivisionError())"]


def test_a_job_whose_lookup_has_passed_is_told_of_once_and_without_a_look_at_all_jobs(table: Any) -> None:
    told: list[str] = []
    ended = EndedJobs()
    session = Session(table)
    finish(session.jobs, "before.mp4")
    running = Upload(bucket="in", key="running.mp4", version="1")
    session.jobs.start(running, frames_per_second=1)

    watch = AnswerWatch(session, answered=told.append, trouble=told.append, ended=ended, from_now_on=True)  # type: ignore[arg-type]
    try:
        passed = [LookupMessage(upload=finish(session.jobs, key)).model_dump_json() for key in ("a.mp4", "b.mp4")]
        ended.note("face_recognition", [passed[1]])
        ended.note("lookup", ["no message", passed[0], passed[0], LookupMessage(upload=running).model_dump_json()])
        wait_until(lambda: told)
        ended.note("lookup", [passed[0]])
        session.jobs.published(running.job, "done")
        ended.note("lookup", [LookupMessage(upload=running).model_dump_json()])
        wait_until(lambda: len(told) > 1)
    finally:
        watch.stop()
        watch.join(30)

    assert [line.split(":")[0] for line in told] == ["done a.mp4", "done running.mp4"]
