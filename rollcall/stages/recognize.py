"""Find the faces of one GoP pack, and account for it in its job."""

import time
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from rollcall.contracts.errors import BadPack, Superseded
from rollcall.contracts.events import ObjectCreated, S3Notification
from rollcall.contracts.jobs import INTERNAL_ERROR, Job, JobStore
from rollcall.contracts.lookup_queue import LookupQueue
from rollcall.contracts.object_keys import gop_faces_key, pack_key, packed_key
from rollcall.contracts.packs import MAX_PACK_BYTES, Pack, read_pack
from rollcall.contracts.s3_absence import is_gone
from rollcall.contracts.uploads import latest, require_latest
from rollcall.engine.engine import Engine
from rollcall.people.gop_faces import GopFaces
from rollcall.runtime.batch import for_each
from rollcall.runtime.observability import about, count, logger, stage, took
from rollcall.runtime.together import Shared, Steps, alone, one_by_one
from rollcall.stages.pack_faces import faces_of_each
from rollcall.stages.stage_1 import StoredObject, removed_if_moot

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
        self._required = Shared(jobs.require_each)
        self._found = Shared(self._find)
        self._asked = Shared(lookups.ask_all)

    def recognize(self, body: str) -> Steps[None]:
        yield from for_each(S3Notification.model_validate_json(body).created(), self._recognize)

    def give_up(self, body: str) -> None:
        alone(for_each(S3Notification.model_validate_json(body).created(), one_by_one(self._give_up)))

    def _give_up(self, created: ObjectCreated) -> None:
        job = self._job_of(_stored(created), created.time)
        if not job.complete:
            about(job.upload)
            self._jobs.fail(job.job, INTERNAL_ERROR)
            self._lookups.ask(job.upload)

    def _job_of(self, stored: StoredObject, put_at: datetime | None) -> Job:
        """The job that the pack names. If the pack has expired, the job of the upload that its key was packed from."""
        job_id = self._job_id_of_pack(stored)
        return self._job_of_source(stored, put_at) if job_id is None else self._jobs.require(job_id)

    def _job_of_source(self, stored: StoredObject, put_at: datetime | None) -> Job:
        source = latest(self._s3, self._input_bucket, packed_key(stored.key))
        job = None if source is None else self._jobs.get(source.upload.job)
        if job is None or put_at is None or job.created > put_at.timestamp() + CLOCKS_APART_SECONDS:
            raise Superseded("the pack is gone, and its upload is deleted or replaced")
        if self._job_id_of_pack(StoredObject(stored.bucket, stored.key, None)) == job.job:
            raise Superseded("the pack is gone, and another has taken its place")
        return job

    def _job_id_of_pack(self, stored: StoredObject) -> str | None:
        try:
            return self._s3.head_object(**stored.where)["Metadata"].get("job", "")
        except ClientError as error:
            if is_gone(error):
                return None
            raise

    def _find(self, packs: Sequence[Pack]) -> list[GopFaces | Exception]:
        with stage("recognize"):
            return faces_of_each(packs, self.engine, watch=stage)

    def _recognize(self, created: ObjectCreated) -> Steps[None]:
        started, stored = time.monotonic(), _stored(created)
        pack = self._get(stored, created.time)
        upload = pack.manifest.upload
        about(upload, gop=pack.manifest.index)
        took("fetch", time.monotonic() - started)
        try:
            with removed_if_moot(self._s3, stored):
                yield from self._account_for(pack, stored.bucket)
        except Superseded:
            self._jobs.discard(upload.job)
            raise

    def _account_for(self, pack: Pack, bucket: str) -> Steps[None]:
        upload, index = pack.manifest.upload, pack.manifest.index
        job = yield from self._required(upload.job)
        if index not in job.done:
            if not pack.manifest.photo:  # a photo takes less than the question
                require_latest(self._s3, upload)
            faces = yield from self._found(pack)
            with stage("store"):
                stored = self._put(bucket, faces)
            with removed_if_moot(self._s3, stored):
                require_latest(self._s3, upload)
                job = self._jobs.gop_done(job.job, index)
            count(gops=1, frames=len(pack.frames), faces=len(faces.faces))
            logger.info("gop done", faces=len(faces.faces), recognize_seconds=round(faces.seconds_spent, 4))
        if job.awaits_publication:
            yield from self._asked(upload)

    def _get(self, stored: StoredObject, put_at: datetime | None) -> Pack:
        try:
            answer = self._s3.get_object(**stored.where)
        except ClientError as error:
            if is_gone(error):
                self._job_of_source(stored, put_at)
            raise
        if answer["ContentLength"] > MAX_PACK_BYTES:
            raise BadPack(f"{stored.key}: {answer['ContentLength']} bytes, at most {MAX_PACK_BYTES}")
        pack = read_pack(answer["Body"].read())
        if stored.key != pack_key(pack.manifest.upload.key, pack.manifest.index):
            raise BadPack(f"{stored.key}: its manifest belongs to another key")
        return pack

    def _put(self, bucket: str, faces: GopFaces) -> StoredObject:
        key = gop_faces_key(faces.upload.key, faces.upload.job, faces.index)
        answer = self._s3.put_object(
            Bucket=bucket, Key=key, Body=faces.model_dump_json().encode(), ContentType="application/json"
        )
        return StoredObject(bucket, key, answer.get("VersionId"))


def _stored(created: ObjectCreated) -> StoredObject:
    return StoredObject(created.bucket, created.key, created.version)
