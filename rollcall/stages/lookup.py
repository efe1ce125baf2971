"""Turn a finished job into its published result; only ever for the newest upload of a key."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING

from rollcall.contracts.errors import GalleryMismatch, RollcallError, Superseded
from rollcall.contracts.events import LookupMessage, Upload
from rollcall.contracts.jobs import INTERNAL_ERROR, Job, JobError, JobStore, gone
from rollcall.contracts.lookup_queue import LookupQueue
from rollcall.contracts.object_keys import gop_faces_key
from rollcall.contracts.uploads import latest, require_latest
from rollcall.people.calibration import load_calibration
from rollcall.people.gallery import Gallery
from rollcall.people.gallery_store import GalleryStore, face_id
from rollcall.people.gop_faces import GopFaces
from rollcall.people.people_store import PeopleStore
from rollcall.people.tracks import identify, link
from rollcall.results.announce import Announcer
from rollcall.results.compose import Evidence, publication_of
from rollcall.results.publisher import Publication, Publisher
from rollcall.results.result import Failure, Result
from rollcall.runtime.observability import about, count, logger, stage, took

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

LOOKUPS = 5  # of one job, each after somebody who was seen was deleted during the one before
READERS = 8  # parallel GETs: a six-hour video has over 2,000 GoPs


class Lookup:
    def __init__(
        self,
        *,
        s3: "S3Client",
        jobs: JobStore,
        gallery: GalleryStore,
        people: PeopleStore,
        lookups: LookupQueue,
        publisher: Publisher,
        announcer: Announcer,
        stage_1_bucket: str,
        threshold: float | None,
    ) -> None:
        self._s3 = s3
        self._jobs = jobs
        self._gallery = gallery
        self._people = people
        self._lookups = lookups
        self._publisher = publisher
        self._announcer = announcer
        self._stage_1_bucket = stage_1_bucket
        self._threshold = threshold

    def look_up(self, body: str) -> None:
        self._attempt(body, self._publish)

    def give_up(self, body: str) -> None:
        self._attempt(body, self._fail)

    def _attempt(self, body: str, work: Callable[[Job], None]) -> None:
        upload = LookupMessage.model_validate_json(body).upload
        about(upload)
        job = self._jobs.get(upload.job)
        try:
            require_latest(self._s3, upload)
            if job is None:
                raise gone()
            work(job)
        except Superseded:
            # a worker may have been ended between writing a result and asking whether it is still wanted
            if job is None or job.status == "running":
                self._withdraw(upload)
            self._publish_newest(upload)
            raise

    def _fail(self, job: Job) -> None:
        if job.status == "done":  # only telling of it has failed: the result stays
            self._publish(job)
        else:
            self._publish(self._jobs.fail(job.job, INTERNAL_ERROR), failed=True)

    def _publish(self, job: Job, *, failed: bool = False) -> None:
        publication = self._store(job, failed=failed)
        if publication is None:
            return  # asked too early: the last stage to finish asks again
        try:
            require_latest(self._s3, job.upload)
            self._jobs.published(job.job, publication.result.status)
        except Superseded:
            self._withdraw(job.upload)
            raise
        self._announcer.announce(job.upload, publication.result)
        _report(publication.result)

    def _store(self, job: Job, *, failed: bool) -> Publication | None:
        """A deletion may miss what is written meanwhile. Then everybody is looked up again."""
        for _ in range(LOOKUPS):
            with stage("lookup"):
                publication = self._publication(job, failed=failed)
            if publication is None:
                return None
            if not self._still_enrolled(publication):
                continue
            with stage("store"):
                self._publisher.publish(job.upload, publication)
            if self._still_enrolled(publication):
                return publication
        raise RollcallError(f"people who were seen have been deleted during {LOOKUPS} lookups, one after the other")

    def _still_enrolled(self, publication: Publication) -> bool:
        """Asks by faces, not by name: somebody else may have been enrolled under the name since then."""
        return all(faces <= set(self._gallery.faces_of(name)) for name, faces in publication.enrolled.items())

    def _withdraw(self, upload: Upload) -> None:
        self._publisher.withdraw(upload)
        self._jobs.discard(upload.job)

    def _publish_newest(self, upload: Upload) -> None:
        """The upload that replaced this one may have published already: then its result may be overwritten."""
        now = latest(self._s3, upload.bucket, upload.key)
        newest = None if now is None else self._jobs.get(now.upload.job)
        if newest is not None and (newest.complete or newest.error is not None):
            self._lookups.ask(newest.upload)

    def _publication(self, job: Job, *, failed: bool) -> Publication | None:
        try:
            if job.complete and not failed:
                return self._result(job)
        except GalleryMismatch as mismatch:
            return _failure(job, JobError(code="gallery-mismatch", message=str(mismatch)))
        return None if job.error is None else _failure(job, job.error)

    def _result(self, job: Job) -> Publication:
        started = time.monotonic()
        gops = self._read(job)
        enrolled, gallery = self._load_gallery({gop.embedder for gop in gops})
        records = [record for gop in gops for record in gop.faces]
        tracks = link([record.sighting() for record in records], gallery)
        # in a photo every face counts; in a video a glimpse of somebody unknown is more often no face at all
        photo = job.media is not None and job.media.step == 0
        identities = identify(tracks, gallery, least_evidence=0.0 if photo else gallery.calibration.least_evidence)
        names = [identity.match.name for identity in identities if identity.match.name is not None]
        evidence = Evidence(
            job=job,
            gops=gops,
            identities=identities,
            calibration=gallery.calibration,
            records=self._people.get_many(names),
        )
        publication = publication_of(evidence, lookup_seconds=time.monotonic() - started)
        return replace(publication, enrolled={name: enrolled(name) for name in names})

    def _read(self, job: Job) -> list[GopFaces]:
        with ThreadPoolExecutor(READERS) as pool:
            return list(pool.map(lambda index: self._read_gop(job.upload, index), sorted(job.done)))

    def _read_gop(self, upload: Upload, index: int) -> GopFaces:
        try:
            answer = self._s3.get_object(Bucket=self._stage_1_bucket, Key=gop_faces_key(upload.key, upload.job, index))
        except self._s3.exceptions.NoSuchKey:
            require_latest(self._s3, upload)
            raise
        return GopFaces.model_validate_json(answer["Body"].read())

    def _load_gallery(self, embedders: set[str]) -> tuple[Callable[[str], frozenset[str]], Gallery]:
        """Which faces each name was enrolled with, and the gallery of them."""
        if len(embedders) > 1:
            raise GalleryMismatch("The embedder was changed while this video was being read. Upload it again.")
        (embedder,) = embedders
        groups = self._gallery.load(embedder)

        def enrolled(name: str) -> frozenset[str]:
            pairs = (pair for group in groups for pair in zip(group.names, group.embeddings, strict=True))
            return frozenset(face_id(face) for other, face in pairs if other == name)

        return enrolled, Gallery(groups, load_calibration(embedder, threshold=self._threshold))


def _report(result: Result | Failure) -> None:
    """Counts of people; never their names."""
    if isinstance(result, Failure):
        count(failures=1)
        logger.info("published", status=result.status, code=result.error.code)
        return
    count(results=1, people=len(result.people), unknowns=len(result.unknown))
    took("total", result.timings.total)
    logger.info(
        "published",
        status=result.status,
        frames=result.frames,
        people=len(result.people),
        unknowns=len(result.unknown),
        total_seconds=result.timings.total,
    )


def _failure(job: Job, error: JobError) -> Publication:
    return Publication(result=Failure(video=job.upload.key, error=error))
