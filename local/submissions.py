"""Uploading files as any S3 client would, and following their jobs to the end."""

import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from functions.common.events import Upload
from functions.common.jobs import Job, JobStore
from local.media_files import MediaFile

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

POLL_SECONDS = 0.2
JOBS_PER_POLL = 8  # the queues' own traffic must not wait behind the watching of a thousand uploads
UPLOADS_AT_ONCE = 2


@dataclass(frozen=True)
class Stage:
    name: str  # uploading | splitting | recognizing | looking up | done | failed
    done: int = 0  # GoPs
    total: int = 0  # GoPs; 0 while unknown

    def __str__(self) -> str:
        if self.name != "recognizing":
            return self.name
        return f"recognizing GoP {self.done}/{self.total}" if self.total else f"recognizing, {self.done} GoPs done"

    @property
    def finished(self) -> bool:
        return self.name in {"done", "failed"}


UPLOADING = Stage("uploading")
SPLITTING = Stage("splitting")


class Progress(Protocol):
    def update(self, key: str, stage: Stage) -> None: ...


def stage_of(job: Job | None) -> Stage:
    if job is None:
        return SPLITTING
    if job.status != "running":
        return Stage(job.status)
    if job.error is not None or job.complete:
        return Stage("looking up")
    if job.media is None:
        return SPLITTING if not job.packed else Stage("recognizing", len(job.done))
    return Stage("recognizing", len(job.done), job.media.gops)


def send(s3: "S3Client", bucket: str, file: MediaFile) -> Upload:
    s3.upload_file(str(file.path), bucket, file.key)
    return Upload(bucket=bucket, key=file.key, version=s3.head_object(Bucket=bucket, Key=file.key)["VersionId"])


def push(
    files: Sequence[MediaFile],
    *,
    s3: "S3Client",
    bucket: str,
    jobs: JobStore,
    progress: Progress,
    check: Callable[[Sequence[Upload]], None],
) -> Iterator[tuple[MediaFile, Job]]:
    """Upload all files; yield each with its job once there is an answer.

    `check` is called with the uploads whose answers are awaited, and raises when there will be none.
    """
    for file in files:
        progress.update(file.key, UPLOADING)
    pool = ThreadPoolExecutor(UPLOADS_AT_ONCE)
    waiting = deque((file, pool.submit(send, s3, bucket, file)) for file in files)
    try:
        while waiting:
            time.sleep(POLL_SECONDS)
            yield from _poll(waiting, jobs, progress)
            if all(upload.done() for _, upload in waiting):
                check([upload.result() for _, upload in waiting])
    finally:
        pool.shutdown(wait=False, cancel_futures=True)  # whoever interrupts does not wait for a large file


def _poll(
    waiting: deque[tuple[MediaFile, Future[Upload]]], jobs: JobStore, progress: Progress
) -> Iterator[tuple[MediaFile, Job]]:
    for _ in range(min(JOBS_PER_POLL, len(waiting))):
        file, upload = waiting.popleft()
        job = jobs.get(upload.result().job) if upload.done() else None
        stage = stage_of(job) if upload.done() else UPLOADING
        progress.update(file.key, stage)
        if job is not None and stage.finished:
            yield file, job
        else:
            waiting.append((file, upload))
