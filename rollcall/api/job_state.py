"""What a client is told about a job: its status, and how far it is."""

from typing import Literal

from pydantic import BaseModel, Field, computed_field

from rollcall.api.services import Services
from rollcall.contracts.jobs import Job, JobError
from rollcall.contracts.uploads import Latest, latest

UPLOAD = "upload-"


class JobState(BaseModel):
    job: str
    status: Literal["awaiting-upload", "queued", "running", "done", "failed"]
    key: str = Field(description="of the upload; while it is awaited, what its key begins with")
    packs: int = Field(default=0, description="pieces of the video that have been cut")
    recognized: int = Field(default=0, description="pieces in which the faces are found")
    of: int | None = Field(default=None, description="pieces in all; null until the whole video has been cut")
    error: JobError | None = None

    @computed_field(description="what `status` says, by its earlier name")  # type: ignore[prop-decorator]
    @property
    def state(self) -> str:
        return self.status


def job_state(services: Services, job: str, *, uploaded_under: str) -> JobState | None:
    if not job.startswith(UPLOAD):
        known = services.jobs.get(job)
        return None if known is None else _state(known, job)
    start = f"{uploaded_under}/{job.removeprefix(UPLOAD)}"
    current = _latest_under(services, start)
    if current is None:
        return JobState(job=job, status="awaiting-upload", key=start)
    known = services.jobs.get(current.upload.job)
    return JobState(job=job, status="queued", key=current.upload.key) if known is None else _state(known, job)


def _latest_under(services: Services, start: str) -> Latest | None:
    """The one upload whose key begins with `start`; the name of the file may follow."""
    bucket = services.settings.input_bucket
    listed = services.s3.list_objects_v2(Bucket=bucket, Prefix=start, MaxKeys=1).get("Contents", ())
    return latest(services.s3, bucket, listed[0]["Key"]) if listed else None


def _state(known: Job, job: str) -> JobState:
    return JobState(
        job=job,
        status=known.status,
        key=known.upload.key,
        packs=known.packed,
        recognized=len(known.done),
        of=None if known.media is None else known.media.gops,
        error=known.error if known.status == "failed" else None,
    )
