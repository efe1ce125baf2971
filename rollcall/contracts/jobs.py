"""The state of a job: one DynamoDB item per upload, written so that doing it again changes nothing.

Only `start` creates it. Every other update raises Superseded for a job that is gone, as when its upload was deleted:
DynamoDB would make a new item of whatever a late worker adds.

The split reports of each range where it began and how far it got. Once the reports lead from the first sampled frame to
the video's end, `media` counts all GoPs. A job is complete when as many of them are in the set of GoPs done.
Each is a single atomic update that returns the whole item, so whichever comes last sees a complete job.
"""

import logging
import time
from collections.abc import Sequence
from contextlib import suppress
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, Field, ValidationError

from rollcall.contracts.batch_get import batch_get
from rollcall.contracts.errors import Superseded
from rollcall.contracts.events import Upload
from rollcall.contracts.packs import MAX_SAMPLES

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.service_resource import Table
    from mypy_boto3_dynamodb.type_defs import UpdateItemOutputTableTypeDef

SCHEMA = 2
UNDIVIDED_SCHEMA = 1  # its packs are numbered without gaps, by one reader after the other
KEPT_SECONDS = 30 * 86_400


class MediaSummary(BaseModel):
    """What the split knows once it has read the whole file."""

    duration: float  # seconds; 0 for a photo
    frames: int  # sampled frames over all GoPs and tracks
    tracks: int = 1  # video tracks that were looked at
    gops: int
    step: float  # seconds from one sampled frame to the next; 0 for a photo
    width: int  # pixels, upright
    height: int
    seconds_spent: float
    notes: list[str] = []  # sentences for the owner


class JobError(BaseModel):
    code: str  # stable, for programs
    message: str  # a plain sentence, for people


class RangeSummary(BaseModel):
    """What the split knows once it has read a range, or handed the rest of it on."""

    next: int  # number of the first sampled frame that it did not reach
    then: int | None = None  # where the next track begins, if this range reached its track's end
    gops: int
    duration: float | None  # seconds, of the video; None where it goes on after this range
    step: float
    width: int
    height: int
    seconds_spent: float
    notes: list[str] = []
    error: JobError | None = None  # why the rest of the range could not be read, where other tracks could


INTERNAL_ERROR = JobError(
    code="internal",
    message="The file could not be processed after several attempts. Upload it again, or see the logs.",
)


class Job(BaseModel):
    job: str
    upload: Upload
    schema_version: int = SCHEMA
    status: Literal["running", "done", "failed"] = "running"  # what was last published
    created: float
    frames_per_second: float | None = None  # of all its ranges, whatever the setting is by then
    ranges: dict[int, RangeSummary] = Field(default_factory=dict)  # by the number of their first sampled frame
    media: MediaSummary | None = None
    packed: int = 0  # GoP packs written so far, for progress
    done: frozenset[int] = frozenset()
    error: JobError | None = None

    @property
    def complete(self) -> bool:
        return self.media is not None and len(self.done) >= self.media.gops

    @property
    def awaits_publication(self) -> bool:
        return self.complete and self.status != "done"

    @property
    def refused(self) -> bool:
        """Whether something is wrong with the upload itself, so that no further attempt can help."""
        return self.error is not None and self.error.code != INTERNAL_ERROR.code

    @property
    def chain(self) -> list[RangeSummary] | None:
        """The ranges that lead from the first sampled frame to the video's end; None while one is missing."""
        found: list[RangeSummary] = []
        at: int | None = 0
        while at is not None:
            reached = self.ranges.get(at)
            if reached is None:
                return None
            found.append(reached)
            at = reached.next if reached.duration is None else reached.then
        return found


class JobStore:
    def __init__(self, table: "Table") -> None:
        self._table = table

    def start(self, upload: Upload, *, frames_per_second: float, whole: RangeSummary | None = None) -> Job:
        """Create the job, or find it as an earlier delivery of the same event left it.

        `whole`: of an upload that is read already, as a photo is: its only range, so that nothing is left to count.
        """
        now = time.time()
        values = {
            "upload": upload.model_dump(),
            "created": _number(now),
            "schema_version": SCHEMA,
            "expires": int(now) + KEPT_SECONDS,
            "frames_per_second": _number(frames_per_second),
            "ranges": {},
            "packs": {},
        }
        if whole is not None:
            values |= {"ranges": {"0": _numbers(whole)}, "packs": {"0": whole.gops}, "media": _numbers(_media([whole]))}
        return self._update(
            upload.job,
            f"SET {', '.join(f'{name} = if_not_exists({name}, :{name})' for name in values)}",
            {f":{name}": value for name, value in values.items()},
            creates=True,
        )

    def discard(self, job: str) -> None:
        """Deletes the job of an upload that was replaced or deleted. A job that has been published stays."""
        with suppress(self._condition_failed):
            self._table.delete_item(
                Key={"job": job},
                ConditionExpression="attribute_not_exists(#status)",
                ExpressionAttributeNames={"#status": "status"},
            )

    def get(self, job: str) -> Job | None:
        item = self._table.get_item(Key={"job": job}, ConsistentRead=True).get("Item")
        return None if item is None else _readable(item)

    def require(self, job: str) -> Job:
        """Raises Superseded if there is none."""
        found = self.get(job) if job else None
        if found is None:
            raise gone()
        return found

    def require_each(self, jobs: Sequence[str]) -> list[Job | Exception]:
        """Superseded in the place of a job that does not exist. `jobs` may name one twice."""
        if len(jobs) == 1:
            return [self.require(jobs[0])]
        found = self.get_many(sorted({*jobs}))
        return [found.get(job) or gone() for job in jobs]

    def get_many(self, jobs: Sequence[str]) -> dict[str, Job]:
        """The jobs that exist and can be read, by their ids."""
        found = map(_readable, batch_get(self._table, [{"job": job} for job in jobs]))
        return {job.job: job for job in found if job is not None}

    def packed(self, job: str, *, first: int, count: int) -> Job:
        """Notes how many packs are written of the range that starts with this sampled frame."""
        return self._update(job, "SET packs.#first = :count", {":count": count}, names={"#first": str(first)})

    def range_done(self, job: str, first: int, summary: RangeSummary) -> Job:
        values = {":range": _numbers(summary)}
        return self.close(self._update(job, "SET ranges.#first = :range", values, names={"#first": str(first)}))

    def close(self, job: Job) -> Job:
        """Count the GoPs if all ranges are there."""
        chain = job.chain
        if job.media is not None or chain is None:
            return job
        errors = [reached.error for reached in chain if reached.error is not None]
        if errors and not any(reached.gops for reached in chain):
            return self.fail(job.job, errors[0])
        return self._update(job.job, "SET media = :media", {":media": _numbers(_media(chain))})

    def gop_done(self, job: str, index: int) -> Job:
        return self._update(job, "ADD done :index", {":index": {index}})

    def fail(self, job: str, error: JobError) -> Job:
        """Notes why the job failed; the first error stays."""
        values = {":error": error.model_dump()}
        return self._update(job, "SET #error = if_not_exists(#error, :error)", values, names={"#error": "error"})

    def published(self, job: str, status: Literal["done", "failed"]) -> None:
        values = {":status": status}
        self._write(job, "SET #status = :status", values, names={"#status": "status"}, returns="NONE")

    def _update(
        self,
        job: str,
        expression: str,
        values: dict[str, Any],
        names: dict[str, str] | None = None,
        *,
        creates: bool = False,
    ) -> Job:
        answer = self._write(job, expression, values, names, creates=creates, returns="ALL_NEW")
        return parse_job(answer["Attributes"])

    def _write(
        self,
        job: str,
        expression: str,
        values: dict[str, Any],
        names: dict[str, str] | None = None,
        *,
        creates: bool = False,
        returns: Literal["ALL_NEW", "NONE"],
    ) -> "UpdateItemOutputTableTypeDef":
        """`returns`: `NONE` where nobody looks at the item, since to read it takes time."""
        more: dict[str, Any] = {"ExpressionAttributeNames": names} if names else {}  # for DynamoDB's reserved words
        if not creates:
            more["ConditionExpression"] = "attribute_exists(upload)"
        try:
            return self._table.update_item(
                Key={"job": job},
                UpdateExpression=expression,
                ExpressionAttributeValues=values,
                ReturnValues=returns,
                **more,
            )
        except self._condition_failed:
            raise gone() from None

    @property
    def _condition_failed(self) -> type[Exception]:
        return self._table.meta.client.exceptions.ConditionalCheckFailedException


def gone() -> Superseded:
    return Superseded("the job is gone, as that of an upload which was deleted")


def _media(chain: list[RangeSummary]) -> MediaSummary:
    last = next((reached for reached in reversed(chain) if reached.error is None), chain[-1])
    ends = [reached for reached in chain if reached.duration is not None]
    return MediaSummary(
        duration=max(reached.duration or 0.0 for reached in ends),
        frames=sum(reached.next % MAX_SAMPLES for reached in ends),
        tracks=len(ends),
        gops=sum(reached.gops for reached in chain),
        step=last.step,
        width=last.width,
        height=last.height,
        seconds_spent=sum(reached.seconds_spent for reached in chain),
        notes=list(dict.fromkeys(note for reached in chain for note in reached.notes)),
    )


def parse_job(item: dict[str, Any]) -> Job:
    done = frozenset(int(index) for index in item.get("done", ()))
    packed = sum(item.get("packs", {}).values(), start=item.get("packed", 0))
    return Job.model_validate(item | {"done": done, "packed": int(packed)})


def _readable(item: dict[str, Any]) -> Job | None:
    """The job; None for an item that no stage has written, so that the others can still be read."""
    try:
        return parse_job(item)
    except (ValidationError, AttributeError, TypeError, ValueError):
        logging.getLogger(__name__).warning("the item %.64r of the jobs table is no job", item.get("job"))
        return None


def _numbers(summary: BaseModel) -> dict[str, Any]:
    """The summary's fields as DynamoDB takes them: it has no floats."""
    fields = summary.model_dump()
    return {name: _number(value) if isinstance(value, int | float) else value for name, value in fields.items()}


def _number(value: float) -> Decimal:
    return Decimal(str(value))
