"""Uploads files as any S3 client would, follows their jobs and fetches their results, all at the same time."""

import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from botocore.exceptions import BotoCoreError

from rollcall.cli.answers import Answer
from rollcall.cli.outputs import not_answered
from rollcall.contracts.errors import RollcallError
from rollcall.contracts.events import Upload
from rollcall.contracts.jobs import Job
from rollcall.media.folders import reason_of, why_unreadable
from rollcall.media.media_files import MediaFile

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

POLL_SECONDS = 0.25
LOOKED_AT = 100  # jobs at each poll, the most that one request to DynamoDB can ask for
UPLOADS_AT_ONCE = 4
FETCHES_AT_ONCE = 4
PUT_BYTES = 8 * 1024**2  # up to here a file is read whole and put by one request


@dataclass(frozen=True)
class Stage:
    name: str  # uploading | splitting | recognizing | looking up | fetching | done | failed
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
FETCHING = Stage("fetching")


class Progress(Protocol):
    def update(self, key: str, stage: Stage) -> None: ...


class Unreadable(RollcallError):
    """A file that could not be uploaded because it could not be read; the message says why."""


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
    """Raises Unreadable if the file itself is to blame."""
    unreadable = why_unreadable(file.path)  # it may have become a pipe, or be gone
    if unreadable is not None:
        raise Unreadable(unreadable)
    try:
        return Upload(bucket=bucket, key=file.key, version=_put(s3, bucket, file))
    except OSError as error:
        raise Unreadable(reason_of(error)) from error
    except BotoCoreError as error:  # boto3 takes an error of the disk for one of the network
        reason = _broken_at(file.path)
        if reason is None:
            raise
        raise Unreadable(reason) from error


def _put(s3: "S3Client", bucket: str, file: MediaFile) -> str:
    with file.path.open("rb") as content:
        start = content.read(PUT_BYTES + 1)
    if len(start) <= PUT_BYTES:
        return s3.put_object(Bucket=bucket, Key=file.key, Body=start)["VersionId"]
    s3.upload_file(str(file.path), bucket, file.key)
    return s3.head_object(Bucket=bucket, Key=file.key)["VersionId"]


def _broken_at(path: Path) -> str | None:
    try:
        with path.open("rb") as content:
            while content.read(PUT_BYTES):
                pass
    except OSError as error:
        return reason_of(error)
    return None


@dataclass(frozen=True, kw_only=True)
class Steps:
    """The steps for each file. `upload` and `fetch` run in threads.

    `lost` is called often, with the jobs that are awaited and whether anything moved. It returns by job id which
    uploads will get no answer, and why.
    """

    upload: Callable[[MediaFile], Upload]  # raises Unreadable
    look: Callable[[Sequence[str]], Mapping[str, Job]]
    fetch: Callable[[MediaFile, Job], Answer]
    lost: Callable[[Sequence[Upload], bool], Mapping[str, str]]


class Push:
    """Uploads files in order, at most `ahead` of their answers, so that queues stay short and answers come soon."""

    def __init__(self, files: Sequence[MediaFile], steps: Steps, progress: Progress, *, ahead: int | None) -> None:
        self._steps = steps
        self._progress = progress
        self._ahead = ahead or len(files)
        self._queued = deque(files)
        self._uploading: dict[Future[Upload], MediaFile] = {}
        self._awaited: dict[str, tuple[MediaFile, Upload]] = {}  # by job, longest not looked at first
        self._fetching: dict[Future[Answer], MediaFile] = {}
        self._next_look = 0.0

    def answers(self) -> Iterator[tuple[MediaFile, Answer]]:
        """Each file with its answer, in the order in which answers came."""
        uploads, fetches = ThreadPoolExecutor(UPLOADS_AT_ONCE), ThreadPoolExecutor(FETCHES_AT_ONCE)
        try:
            while self._queued or self._uploading or self._awaited or self._fetching:
                self._upload(uploads)
                at_work: list[Future[Any]] = [*self._uploading, *self._fetching]
                wait(at_work, timeout=POLL_SECONDS, return_when=FIRST_COMPLETED)
                yield from self._finished_uploads()
                yield from self._fetched()
                self._look(fetches)
                yield from self._lost(bool(at_work))
                if not at_work:
                    time.sleep(POLL_SECONDS)
        finally:  # whoever interrupts does not wait for a large file
            uploads.shutdown(wait=False, cancel_futures=True)
            fetches.shutdown(wait=False, cancel_futures=True)

    def _upload(self, pool: ThreadPoolExecutor) -> None:
        while (
            self._queued
            and len(self._uploading) < 2 * UPLOADS_AT_ONCE
            and len(self._uploading) + len(self._awaited) + len(self._fetching) < self._ahead
        ):
            file = self._queued.popleft()
            self._progress.update(file.key, UPLOADING)
            self._uploading[pool.submit(self._steps.upload, file)] = file

    def _finished_uploads(self) -> Iterator[tuple[MediaFile, Answer]]:
        """Good uploads are awaited from now on; the others are answered."""
        for future in [future for future in self._uploading if future.done()]:
            file = self._uploading.pop(future)
            try:
                upload = future.result()
            except Unreadable as error:
                yield self._ended(file, not_answered(file.key, f"The file cannot be uploaded: {error}."))
            else:
                self._awaited[upload.job] = file, upload
                self._progress.update(file.key, SPLITTING)

    def _fetched(self) -> Iterator[tuple[MediaFile, Answer]]:
        for future in [future for future in self._fetching if future.done()]:
            yield self._ended(self._fetching.pop(future), future.result())

    def _look(self, pool: ThreadPoolExecutor) -> None:
        if time.monotonic() < self._next_look:
            return
        looked_at = list(self._awaited)[:LOOKED_AT]
        jobs = self._steps.look(looked_at) if looked_at else {}
        for job_id in looked_at:
            file, upload = self._awaited.pop(job_id)
            job = jobs.get(job_id)
            if job is not None and stage_of(job).finished:
                self._progress.update(file.key, FETCHING)
                self._fetching[pool.submit(self._steps.fetch, file, job)] = file
            else:
                self._progress.update(file.key, stage_of(job))
                self._awaited[job_id] = file, upload
        self._next_look = time.monotonic() + POLL_SECONDS

    def _lost(self, moved: bool) -> Iterator[tuple[MediaFile, Answer]]:
        for job_id, reason in self._steps.lost([upload for _, upload in self._awaited.values()], moved).items():
            file, _ = self._awaited.pop(job_id)
            yield self._ended(file, not_answered(file.key, reason))

    def _ended(self, file: MediaFile, answer: Answer) -> tuple[MediaFile, Answer]:
        self._progress.update(file.key, Stage(answer.status))
        return file, answer
