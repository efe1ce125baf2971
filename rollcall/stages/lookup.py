"""Turn a finished job into its published result; only ever for the newest upload of a key."""

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from rollcall.contracts.errors import GalleryMismatch, RollcallError, Superseded
from rollcall.contracts.events import LookupMessage, Upload
from rollcall.contracts.jobs import INTERNAL_ERROR, Job, JobError, JobStore, gone
from rollcall.contracts.lookup_queue import LookupQueue
from rollcall.contracts.object_keys import gop_faces_key
from rollcall.contracts.uploads import latest, require_latest
from rollcall.people.calibration import load_calibration
from rollcall.people.gallery import Gallery, Templates
from rollcall.people.gallery_store import GalleryStore, face_id
from rollcall.people.gop_faces import GopFaces
from rollcall.people.people_store import PeopleStore, Record
from rollcall.people.tracks import identify, link
from rollcall.results.announce import Announcer
from rollcall.results.compose import Evidence, publication_of
from rollcall.results.publisher import Publication, Publisher
from rollcall.results.result import Failure, Result
from rollcall.runtime.observability import about, count, logger, stage, took
from rollcall.runtime.together import Shared, Steps

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

LOOKUPS = 5  # at most, of one job: a person who is deleted during a lookup makes another one necessary
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
        self._found: Shared[str, Job | None] = Shared(lambda ids: _each(ids, jobs.get_many(sorted({*ids}))))
        self._galleries = Shared(self._load_galleries)
        self._records = Shared(self._read_records)
        self._enrolled = Shared(self._are_enrolled)
        self._announced = Shared(announcer.announce_all)

    def look_up(self, body: str) -> Steps[None]:
        yield from self._attempt(body, self._publish)

    def give_up(self, body: str) -> Steps[None]:
        yield from self._attempt(body, self._fail)

    def _attempt(self, body: str, work: Callable[[Job], Steps[None]]) -> Steps[None]:
        upload = LookupMessage.model_validate_json(body).upload
        about(upload)
        job = yield from self._found(upload.job)
        try:
            require_latest(self._s3, upload)
            if job is None:
                raise gone()
            yield from work(job)
        except Superseded:
            # a worker may have been ended between writing a result and asking whether it is still wanted
            if job is None or job.status == "running":
                self._withdraw(upload)
            self._publish_newest(upload)
            raise

    def _fail(self, job: Job) -> Steps[None]:
        if job.status == "done":  # only telling of it has failed: the result stays
            yield from self._publish(job)
        else:
            yield from self._publish(self._jobs.fail(job.job, INTERNAL_ERROR), failed=True)

    def _publish(self, job: Job, *, failed: bool = False) -> Steps[None]:
        publication = yield from self._store(job, failed=failed)
        if publication is None:
            return  # asked too early: the last stage to finish asks again
        try:
            require_latest(self._s3, job.upload)
            self._jobs.published(job.job, publication.result.status)
        except Superseded:
            self._withdraw(job.upload)
            raise
        yield from self._announced((job.upload, publication.result))
        _report(publication.result)

    def _store(self, job: Job, *, failed: bool) -> Steps[Publication | None]:
        """Looks up and writes; does both again if a person in the result was deleted meanwhile."""
        for _ in range(LOOKUPS):
            publication = yield from self._publication(job, failed=failed)
            if publication is None:
                return None
            if not (yield from self._still_enrolled(publication)):
                continue
            with stage("store"):
                self._publisher.publish(job.upload, publication)
            if (yield from self._still_enrolled(publication)):
                return publication
        raise RollcallError(
            f"{job.upload.key}: a person in it was deleted during each of {LOOKUPS} lookups; the message comes again"
        )

    def _still_enrolled(self, publication: Publication) -> Steps[bool]:
        """Asks by faces, not by name: somebody else may have been enrolled under the name since then."""
        asked = frozenset((name, face) for name, faces in publication.enrolled.items() for face in faces)
        return not asked or (yield from self._enrolled(asked))

    def _are_enrolled(self, asked: Sequence[frozenset[tuple[str, str]]]) -> list[bool | Exception]:
        there = self._gallery.present(frozenset().union(*asked))
        return [faces <= there for faces in asked]

    def _withdraw(self, upload: Upload) -> None:
        self._publisher.withdraw(upload)
        self._jobs.discard(upload.job)

    def _publish_newest(self, upload: Upload) -> None:
        """The upload that replaced this one may have published already: then its result may be overwritten."""
        now = latest(self._s3, upload.bucket, upload.key)
        newest = None if now is None else self._jobs.get(now.upload.job)
        if newest is not None and (newest.complete or newest.error is not None):
            self._lookups.ask(newest.upload)

    def _publication(self, job: Job, *, failed: bool) -> Steps[Publication | None]:
        try:
            if job.complete and not failed:
                return (yield from self._result(job))
        except GalleryMismatch as mismatch:
            return _failure(job, JobError(code="gallery-mismatch", message=str(mismatch)))
        return None if job.error is None else _failure(job, job.error)

    def _result(self, job: Job) -> Steps[Publication]:
        started = time.monotonic()
        with stage("fetch"):
            gops = self._read(job)
        enrolled = yield from self._galleries(_embedder_of(gops))
        gallery = enrolled.gallery
        sightings = [face.sighting() for gop in gops for face in gop.faces]
        # in a photo every face counts; in a video a glimpse of somebody unknown is more often no face at all
        photo = job.media is not None and job.media.step == 0
        least = 0.0 if photo else gallery.calibration.least_evidence
        with stage("lookup"):
            tracks = link(sightings, gallery)
            identities = identify(tracks, gallery, least_evidence=least)
        names = [identity.match.name for identity in identities if identity.match.name is not None]
        evidence = Evidence(
            job=job,
            gops=gops,
            identities=identities,
            calibration=gallery.calibration,
            records=(yield from self._records(names)) if names else {},
        )
        publication = publication_of(evidence, lookup_seconds=time.monotonic() - started)
        return replace(publication, enrolled={name: enrolled.faces(name) for name in names})

    def _read(self, job: Job) -> list[GopFaces]:
        if len(job.done) == 1:
            return [self._read_gop(job.upload, index) for index in job.done]
        with ThreadPoolExecutor(READERS) as pool:
            return list(pool.map(lambda index: self._read_gop(job.upload, index), sorted(job.done)))

    def _read_gop(self, upload: Upload, index: int) -> GopFaces:
        try:
            answer = self._s3.get_object(Bucket=self._stage_1_bucket, Key=gop_faces_key(upload.key, upload.job, index))
        except self._s3.exceptions.NoSuchKey:
            require_latest(self._s3, upload)
            raise
        return GopFaces.model_validate_json(answer["Body"].read())

    def _load_galleries(self, embedders: Sequence[str]) -> "list[_Enrolled | Exception]":
        """Reads the galleries anew, so that nobody is missing who was enrolled before the lookup."""
        loaded: dict[str, _Enrolled | Exception] = {}
        for embedder in {*embedders}:
            try:
                groups = self._gallery.load(embedder)
                calibration = load_calibration(embedder, threshold=self._threshold)
                loaded[embedder] = _Enrolled(groups, Gallery(groups, calibration))
            except RollcallError as error:
                loaded[embedder] = error
        return [loaded[embedder] for embedder in embedders]

    def _read_records(self, asked: Sequence[list[str]]) -> list[Mapping[str, Record] | Exception]:
        records = self._people.get_many(name for names in asked for name in names)
        return [records for _ in asked]


@dataclass(frozen=True)
class _Enrolled:
    groups: Sequence[Templates]
    gallery: Gallery

    def faces(self, name: str) -> frozenset[str]:
        """Ids of the faces that the name was enrolled with."""
        pairs = (pair for group in self.groups for pair in zip(group.names, group.embeddings, strict=True))
        return frozenset(face_id(face) for other, face in pairs if other == name)


def _each(ids: Sequence[str], found: Mapping[str, Job]) -> list[Job | None | Exception]:
    return [found.get(id) for id in ids]


def _embedder_of(gops: Sequence[GopFaces]) -> str:
    embedders = {gop.embedder for gop in gops}
    if len(embedders) > 1:
        raise GalleryMismatch("The embedder was changed while this video was being read. Upload it again.")
    return embedders.pop()


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
