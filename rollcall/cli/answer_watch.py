"""Tells of each upload that has its answer, even while the local AWS cannot be asked."""

import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from threading import Event, Thread
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError
from pydantic import ValidationError

from rollcall.cli.aws_errors import AWS_ERRORS
from rollcall.cli.outputs import RESULT
from rollcall.cli.session import Session
from rollcall.cli.show.result_table import line_of
from rollcall.contracts.events import LookupMessage
from rollcall.contracts.jobs import Job, JobStore
from rollcall.contracts.object_keys import result_key
from rollcall.contracts.s3_absence import is_gone
from rollcall.contracts.shown_text import printable
from rollcall.pipeline.roles import LOOKUP
from rollcall.results.result import Result

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.service_resource import Table

WATCH_SECONDS = 0.5
WHOLE_SECONDS = 30.0  # between two looks at the whole table of jobs
WHOLE_SHARE = 100  # such a look grows with the number of jobs: it takes no more than one part in so many of the time
PATIENCE_SECONDS = 15.0  # before it is said that nothing can be seen: a server that is started again takes seconds


class EndedJobs:
    """Jobs that have ended lately, most likely, as the Lambda host sees them pass. Any thread may note them."""

    def __init__(self) -> None:
        self._ids: deque[str] = deque()

    def note(self, component: str, messages: Sequence[str]) -> None:
        """Messages that a function has dealt with."""
        if component == LOOKUP.component:
            for message in messages:
                with suppress(ValidationError):  # anybody may send to the queue
                    self._ids.append(LookupMessage.model_validate_json(message).upload.job)

    def take(self) -> set[str]:
        """Takes the jobs that nobody has taken yet."""
        return {self._ids.popleft() for _ in range(len(self._ids))}


class AnswerWatch:
    """Looks from a thread of its own: a server that hangs must not keep others from noticing."""

    def __init__(
        self,
        session: Session,
        *,
        answered: Callable[[str], None],
        trouble: Callable[[str], None],
        ended: EndedJobs | None = None,
        from_now_on: bool = False,
    ) -> None:
        """`ended`: told of at once. Others are found in the table, later. `from_now_on`: nothing is told of jobs that
        have ended before.
        """
        self._session = session
        self._answered = answered
        self._trouble = trouble
        self._finished = FinishedJobs(session.table("jobs"), session.jobs)
        self._ended = ended or EndedJobs()
        self._next_whole = time.monotonic()
        if from_now_on:
            self._finished.skip()
            self._next_whole += WHOLE_SECONDS
        self._waiting = 0
        self._untold: list[Job] = []
        self._stopping = False
        self._wake = Event()
        self._failing_since: float | None = None
        self._told = False
        self._unread: OSError | None = None
        self._thread = Thread(target=self._run, name="answers", daemon=True)
        self._thread.start()

    def unanswered(self) -> int:
        """Uploads that waited or were in work when it last looked."""
        return self._finished.running + self._waiting

    def check(self) -> None:
        """Raises the error that keeps it from printing."""
        if self._unread is not None:
            raise self._unread

    def look_soon(self) -> None:
        self._next_whole = time.monotonic()
        self._wake.set()

    def stop(self) -> None:
        """Stops after one more look, so that it knows what is left; `join` waits for that."""
        self._stopping = True
        self._wake.set()

    def join(self, seconds: float) -> None:
        self._thread.join(seconds)

    def _run(self) -> None:
        last = False
        while not last:
            last = self._stopping
            try:
                self._look(whole=last or time.monotonic() >= self._next_whole)
            except AWS_ERRORS as error:
                self._failed(error)
            except OSError as error:  # whoever read the lines has gone
                self._unread = error
                return
            except Exception as error:  # noqa: BLE001 - the thread's end: nobody would be told of anything any more
                self._trouble(f"answers cannot be told of for now, and are stored all the same ({error!r})")
            else:
                self._failing_since, self._told = None, False
            if not self._stopping:
                self._wake.wait(WATCH_SECONDS)
                self._wake.clear()

    def _look(self, *, whole: bool) -> None:
        ids = self._ended.take()
        if whole:
            self._look_at_all()
        elif ids:
            try:
                self._untold += self._finished.among(ids)
            except AWS_ERRORS:
                self._next_whole = time.monotonic()  # they are among all
                raise
        while self._untold and not self._stopping:
            self._tell(self._untold[0])
            self._untold.pop(0)

    def _look_at_all(self) -> None:
        started = time.monotonic()
        self._untold += self._finished.new()
        self._waiting = self._session.uploads_waiting()
        now = time.monotonic()
        self._next_whole = now + max(WHOLE_SECONDS, WHOLE_SHARE * (now - started))

    def _tell(self, job: Job) -> None:
        try:
            line = describe_answer(self._session, job)
        except AWS_ERRORS:
            raise  # it is tried again
        except Exception as error:  # noqa: BLE001 - one that cannot be read must not keep the others from being told
            self._trouble(f"{printable(job.upload.key)} is answered, and its result cannot be read here ({error!r})")
        else:
            self._answered(line)

    def _failed(self, error: Exception) -> None:
        now = time.monotonic()
        self._failing_since = self._failing_since or now
        if not self._told and not self._stopping and now - self._failing_since > PATIENCE_SECONDS:
            self._told = True
            self._trouble(f"answers cannot be told of for now, and are stored all the same: {error}")


class FinishedJobs:
    def __init__(self, table: "Table", jobs: JobStore) -> None:
        self._table = table
        self._jobs = jobs
        self.running = 0
        self._known: set[str] = set()

    def skip(self) -> None:
        """Take jobs that have ended by now as told already."""
        self._known = set(self._ended())

    def new(self) -> list[Job]:
        """Jobs that have ended since the last call."""
        return self.among(self._ended())

    def among(self, ids: Iterable[str]) -> list[Job]:
        """Finds the jobs that have ended and that no earlier call has told of."""
        found = self._jobs.get_many(sorted({*ids} - self._known))
        jobs = [job for job in found.values() if job.status != "running"]
        self._known |= {job.job for job in jobs}
        return sorted(jobs, key=lambda job: job.created)

    def _ended(self) -> list[str]:
        pages = self._table.meta.client.get_paginator("scan").paginate(
            TableName=self._table.name,
            ProjectionExpression="job, #status",
            ExpressionAttributeNames={"#status": "status"},
        )
        items = [item for page in pages for item in page["Items"]]
        ended = [str(item["job"]) for item in items if str(item.get("status")) in {"done", "failed"}]
        self.running = len(items) - len(ended)
        return ended


def describe_answer(session: Session, job: Job) -> str:
    key = job.upload.key
    try:
        answer = session.s3.get_object(Bucket=session.bucket("output"), Key=result_key(key))
        result = RESULT.validate_json(answer["Body"].read())
    except ClientError as error:
        if not is_gone(error):
            raise
        return f"done {printable(key)}: its result has been deleted since"
    except ValidationError:
        return f"done {printable(key)}: what is stored as its result is none of Rollcall's"
    took = f" ({result.timings.total:.1f} s)" if isinstance(result, Result) else ""
    return line_of(key, result) + took
