"""Split one upload into GoP packs, and account for it in its job."""

import time
from typing import TYPE_CHECKING

from functions.common.errors import EmptyFile, MediaError, Superseded, TooLarge
from functions.common.events import ObjectCreated, S3Notification, Upload
from functions.common.jobs import INTERNAL_ERROR, Job, JobError, JobStore, MediaSummary
from functions.common.keys import MAX_INPUT_KEY_BYTES, pack_key
from functions.common.lookup_queue import LookupQueue
from functions.common.observability import logger
from functions.common.packs import Manifest, write_pack
from functions.common.uploads import Latest, latest, require_latest
from functions.video_split.decode import Gop, decode
from functions.video_split.probe import Limits, Media, probe

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

URL_SECONDS = 3600  # longer than any invocation lives


class Splitter:
    def __init__(
        self,
        *,
        s3: "S3Client",
        jobs: JobStore,
        lookups: LookupQueue,
        stage_1_bucket: str,
        frames_per_second: float,
        limits: Limits,
    ) -> None:
        self._s3 = s3
        self._jobs = jobs
        self._lookups = lookups
        self._stage_1_bucket = stage_1_bucket
        self._frames_per_second = frames_per_second
        self._limits = limits

    def split(self, body: str) -> None:
        for created in S3Notification.model_validate_json(body).created():
            current = self._current(created)
            if current is not None:
                self._split(current)

    def give_up(self, body: str) -> None:
        for created in S3Notification.model_validate_json(body).created():
            current = self._current(created)
            if current is not None:
                self._jobs.start(current.upload)
                self._fail(current.upload, INTERNAL_ERROR)

    def _current(self, created: ObjectCreated) -> Latest | None:
        """The upload that the event tells of, unless there is nothing to do for it."""
        current = latest(self._s3, created.bucket, created.key)
        if current is None or created.version not in (None, current.upload.version):
            # deleted, or replaced by a newer upload, which has an event of its own
            logger.info("upload superseded", key=created.key, version=created.version)
            return None
        if created.key.endswith("/") and current.size == 0:
            return None  # what the S3 console calls a folder
        return current

    def _split(self, current: Latest) -> None:
        upload = current.upload
        logger.append_keys(job=upload.job, key=upload.key)
        job = self._jobs.start(upload)
        if job.complete:
            self._finish(job)  # the event came twice; whoever sent it first may have died before asking
            return
        try:
            media = self._pack(current)
        except Superseded as newer:
            logger.info(str(newer))
        except MediaError as error:
            logger.info("upload refused", code=error.code, reason=str(error))
            self._fail(upload, JobError(code=error.code, message=str(error)))
        else:
            self._finish(self._jobs.split_done(upload.job, media))

    def _pack(self, current: Latest) -> MediaSummary:
        started = time.monotonic()
        upload = current.upload
        self._require_bounds(current)
        url = self._s3.generate_presigned_url(
            "get_object",
            Params={"Bucket": upload.bucket, "Key": upload.key, "VersionId": upload.version},
            ExpiresIn=URL_SECONDS,
        )
        media = probe(url, limits=self._limits)
        gops = frames = 0
        end = 0.0
        for gop in decode(url, media, frames_per_second=self._frames_per_second, limits=self._limits):
            self._put(upload, media, gop, first_frame=frames)
            gops, frames, end = gop.index + 1, frames + len(gop.times), gop.end
            self._jobs.packed(upload.job, gops)
        step = 0.0 if media.photo else 1.0 / self._frames_per_second
        return MediaSummary(
            duration=0.0 if media.photo else end,
            frames=frames,
            gops=gops,
            step=step,
            width=media.width,
            height=media.height,
            seconds_spent=time.monotonic() - started,
        )

    def _require_bounds(self, current: Latest) -> None:
        if len(current.upload.key.encode()) > MAX_INPUT_KEY_BYTES:
            raise MediaError(
                f"The key is longer than {MAX_INPUT_KEY_BYTES} bytes. Upload the file under a shorter name."
            )
        if current.size == 0:
            raise EmptyFile("The file is empty. Upload it again.")
        if current.size > self._limits.max_bytes:
            gib = self._limits.max_bytes / 1024**3
            raise TooLarge(f"The file is larger than {gib:g} GiB, which is the limit. Upload it in parts.")

    def _put(self, upload: Upload, media: Media, gop: Gop, *, first_frame: int) -> None:
        manifest = Manifest(
            upload=upload,
            index=gop.index,
            first_frame=first_frame,
            times=gop.times,
            width=gop.width,
            height=gop.height,
            scale=gop.scale,
            photo=media.photo,
        )
        require_latest(self._s3, upload)  # a newer upload of this key puts packs under the same keys
        self._s3.put_object(
            Bucket=self._stage_1_bucket,
            Key=pack_key(upload.key, gop.index),
            Body=write_pack(manifest, gop.frames),
            ContentType="application/zip",
            Metadata={"job": upload.job},
        )

    def _fail(self, upload: Upload, error: JobError) -> None:
        self._jobs.fail(upload.job, error)
        self._lookups.ask(upload)

    def _finish(self, job: Job) -> None:
        if job.awaits_publication:
            self._lookups.ask(job.upload)
