"""What is told of a job: its state, and how far it has come."""

from typing import Literal

from pydantic import BaseModel, Field

from functions.api.services import Services
from functions.common.jobs import Job, JobError
from functions.common.uploads import latest

UPLOAD = "upload-"


class JobState(BaseModel):
    job: str
    state: Literal["awaiting-upload", "queued", "running", "done", "failed"]
    key: str
    packs: int = Field(default=0, description="pieces of the video that have been cut")
    recognized: int = Field(default=0, description="pieces in which the faces are found")
    of: int | None = Field(default=None, description="pieces in all; null until the whole video has been cut")
    error: JobError | None = None


def job_state(services: Services, job: str, *, uploaded_under: str) -> JobState | None:
    if not job.startswith(UPLOAD):
        known = services.jobs.get(job)
        return None if known is None else _state(known, job)
    key = f"{uploaded_under}/{job.removeprefix(UPLOAD)}"
    current = latest(services.s3, services.settings.input_bucket, key)
    if current is None:
        return JobState(job=job, state="awaiting-upload", key=key)
    known = services.jobs.get(current.upload.job)
    return JobState(job=job, state="queued", key=key) if known is None else _state(known, job)


def _state(known: Job, job: str) -> JobState:
    return JobState(
        job=job,
        state=known.status,
        key=known.upload.key,
        packs=known.packed,
        recognized=len(known.done),
        of=None if known.media is None else known.media.gops,
        error=known.error if known.status == "failed" else None,
    )
