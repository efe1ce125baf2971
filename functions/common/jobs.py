"""The state of a job: one DynamoDB item per upload, written so that doing it again changes nothing.

A job is complete when every GoP that the split counted is in the set of those done. The split's count and each
GoP's completion are single atomic updates that return the whole item, so whichever comes last sees a complete job.
"""

import time
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel

from functions.common.events import Upload

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.service_resource import Table

SCHEMA = 1
KEPT_SECONDS = 30 * 86_400


class MediaSummary(BaseModel):
    """What the split knows once it has read the whole file."""

    duration: float  # seconds; 0 for a photo
    frames: int  # sampled frames over all GoPs
    gops: int
    step: float  # seconds from one sampled frame to the next; 0 for a photo
    width: int  # pixels, upright
    height: int
    seconds_spent: float


class JobError(BaseModel):
    code: str  # stable, for programs
    message: str  # a plain sentence, for people


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


class JobStore:
    def __init__(self, table: "Table") -> None:
        self._table = table

    def start(self, upload: Upload) -> Job:
        """Create the job, or find it as an earlier delivery of the same event left it."""
        now = time.time()
        return self._update(
            upload.job,
            "SET upload = if_not_exists(upload, :upload), created = if_not_exists(created, :now),"
            " schema_version = if_not_exists(schema_version, :schema), expires = if_not_exists(expires, :expires)",
            {
                ":upload": upload.model_dump(),
                ":now": _number(now),
                ":schema": SCHEMA,
                ":expires": int(now) + KEPT_SECONDS,
            },
        )

    def get(self, job: str) -> Job | None:
        item = self._table.get_item(Key={"job": job}, ConsistentRead=True).get("Item")
        return None if item is None else _parse(item)

    def packed(self, job: str, count: int) -> None:
        self._update(job, "SET packed = :count", {":count": count})

    def split_done(self, job: str, media: MediaSummary) -> Job:
        values = {name: _number(value) for name, value in media.model_dump().items()}
        return self._update(job, "SET media = :media, packed = :gops", {":media": values, ":gops": media.gops})

    def gop_done(self, job: str, index: int) -> Job:
        return self._update(job, "ADD done :index", {":index": {index}})

    def fail(self, job: str, error: JobError) -> Job:
        return self._update(job, "SET #error = :error", {":error": error.model_dump()}, names={"#error": "error"})

    def published(self, job: str, status: Literal["done", "failed"]) -> Job:
        return self._update(job, "SET #status = :status", {":status": status}, names={"#status": "status"})

    def _update(self, job: str, expression: str, values: dict[str, Any], names: dict[str, str] | None = None) -> Job:
        aliases: dict[str, Any] = {"ExpressionAttributeNames": names} if names else {}  # for DynamoDB's reserved words
        answer = self._table.update_item(
            Key={"job": job},
            UpdateExpression=expression,
            ExpressionAttributeValues=values,
            ReturnValues="ALL_NEW",
            **aliases,
        )
        return _parse(answer["Attributes"])


def _parse(item: dict[str, Any]) -> Job:
    return Job.model_validate(item | {"done": frozenset(int(index) for index in item.get("done", ()))})


def _number(value: float) -> Decimal:
    return Decimal(str(value))
