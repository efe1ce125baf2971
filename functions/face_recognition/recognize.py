"""Find the faces of one GoP pack, and account for it in its job."""

import time
from typing import TYPE_CHECKING, TypedDict

from botocore.exceptions import ClientError

from functions.common.errors import BadPack, Superseded
from functions.common.events import ObjectCreated, S3Notification
from functions.common.gop_faces import GopFaces
from functions.common.jobs import INTERNAL_ERROR, Job, JobStore
from functions.common.keys import gop_faces_key, pack_key, packed_key
from functions.common.lookup_queue import LookupQueue
from functions.common.observability import about, count, logger, stage, took
from functions.common.packs import MAX_PACK_BYTES, Pack, read_pack
from functions.common.uploads import latest, require_latest
from functions.face_recognition.faces import faces_of
from model.engine import Engine

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

CLOCKS_APART_SECONDS = 60  # S3's and this function's, at most


class Recognizer:
    def __init__(
        self, *, s3: "S3Client", jobs: JobStore, lookups: LookupQueue, engine: Engine, input_bucket: str
    ) -> None:
        self._s3 = s3
        self._jobs = jobs
        self._lookups = lookups
        self.engine = engine
        self._input_bucket = input_bucket

    def recognize(self, body: str) -> None:
        for created in S3Notification.model_validate_json(body).created():
            self._recognize(created)

    def give_up(self, body: str) -> None:
        for created in S3Notification.model_validate_json(body).created():
            job = self._job_of(created)
            if job is not None and not job.complete:
                about(job.upload)
                self._jobs.fail(job.job, INTERNAL_ERROR)
                self._lookups.ask(job.upload)

    def _job_of(self, created: ObjectCreated) -> Job | None:
        """As the pack says, or, where it has outlived its day, the job of what its key was packed from."""
        try:
            head = self._s3.head_object(**_object(created))
        except ClientError:
            logger.exception("the pack cannot be read", pack=created.key)
            return self._job_of_source(created)
        return self._jobs.get(head["Metadata"].get("job", ""))

    def _job_of_source(self, created: ObjectCreated) -> Job | None:
        source = latest(self._s3, self._input_bucket, packed_key(created.key))
        job = None if source is None else self._jobs.get(source.upload.job)
        if job is None or created.time is None or job.created > created.time.timestamp() + CLOCKS_APART_SECONDS:
            return None  # deleted, or replaced by a newer upload, which has packs of its own
        return job

    def _recognize(self, created: ObjectCreated) -> None:
        started = time.monotonic()
        pack = self._get(created)
        upload, index = pack.manifest.upload, pack.manifest.index
        about(upload, gop=index)
        took("fetch", time.monotonic() - started)
        job = self._jobs.get(upload.job)
        if job is None:
            raise BadPack(f"{created.key}: its manifest names an upload that has no job")
        if index not in job.done:
            try:
                require_latest(self._s3, upload)
            except Superseded as newer:
                logger.info(str(newer))
                return
            with stage("recognize"):
                faces = faces_of(pack, self.engine, watch=stage)
            with stage("store"):
                self._put(created.bucket, faces)
            job = self._jobs.gop_done(job.job, index)
            count(gops=1, frames=len(pack.frames), faces=len(faces.faces))
            logger.info("gop done", faces=len(faces.faces), recognize_seconds=round(faces.seconds_spent, 4))
        if job.awaits_publication:
            self._lookups.ask(upload)

    def _get(self, created: ObjectCreated) -> Pack:
        answer = self._s3.get_object(**_object(created))
        if answer["ContentLength"] > MAX_PACK_BYTES:
            raise BadPack(f"{created.key}: {answer['ContentLength']} bytes, at most {MAX_PACK_BYTES}")
        pack = read_pack(answer["Body"].read())
        if created.key != pack_key(pack.manifest.upload.key, pack.manifest.index):
            raise BadPack(f"{created.key}: its manifest belongs to another key")
        return pack

    def _put(self, bucket: str, faces: GopFaces) -> None:
        self._s3.put_object(
            Bucket=bucket,
            Key=gop_faces_key(faces.upload.key, faces.upload.job, faces.index),
            Body=faces.model_dump_json().encode(),
            ContentType="application/json",
        )


class _Object(TypedDict, total=False):
    Bucket: str
    Key: str
    VersionId: str


def _object(created: ObjectCreated) -> _Object:
    """Exactly the version that the event tells of: a newer upload may have put another pack under the same key."""
    where = _Object(Bucket=created.bucket, Key=created.key)
    if created.version is not None:
        where["VersionId"] = created.version
    return where
