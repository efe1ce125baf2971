"""Everything that the routes need, put together from the environment."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rollcall.api.access import Gatekeeper, IamCallers, KeyHolders, ThisMachine
from rollcall.api.api_environment import Environment
from rollcall.api.api_keys import ApiKeyStore, RateLimiter
from rollcall.api.body import BodyReader
from rollcall.api.photos.archive import Archive
from rollcall.api.photos.gallery_cache import GalleryCache, RecordCache
from rollcall.api.photos.photo_desk import PhotoDesk
from rollcall.api.photos.photo_store import PhotoStore
from rollcall.api.recognizers.recognizer_pool import Recognizer, RecognizerPool, RecognizerSettings
from rollcall.contracts.jobs import JobStore
from rollcall.contracts.usage_error import UsageError
from rollcall.people.calibration import load_calibration
from rollcall.people.gallery_store import GalleryStore
from rollcall.people.people_store import PeopleStore
from rollcall.results.announce import Announcer, Events

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.service_resource import DynamoDBServiceResource
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient


@dataclass(frozen=True, kw_only=True)
class Capacity:
    """How much is done and held at once; docs/decisions/0040-photos-by-http.md has the measurements."""

    together: int = 4  # photos that one recognizer takes at a time
    waiting: int = 512  # photos before new ones are refused
    body_seconds: float = 30.0  # for a body to arrive
    bodies_room: int = 256 * 1024**2  # bytes
    archive_room: int = 128 * 1024**2  # bytes
    archive_threads: int = 2


@dataclass(frozen=True, kw_only=True)
class Services:
    settings: Environment
    s3: "S3Client"
    jobs: JobStore
    people: PeopleStore
    faces: GalleryStore
    bodies: BodyReader
    pool: RecognizerPool
    gallery: GalleryCache
    records: RecordCache
    archive: Archive | None
    photos: PhotoDesk
    gatekeeper: Gatekeeper

    def close(self) -> None:
        self.photos.close()
        if self.archive is not None:
            self.archive.close()
        self.pool.close()


def open_services(
    settings: Environment,
    *,
    s3: "S3Client",
    sqs: "SQSClient",
    events: Events,
    dynamodb: "DynamoDBServiceResource",
    capacity: Capacity | None = None,
) -> Services:
    """Returns once the engine is loaded."""
    capacity = capacity or Capacity()
    pool = _pool(settings, capacity)
    people = PeopleStore(dynamodb.Table(settings.people_table))
    faces = GalleryStore(dynamodb.Table(settings.faces_table))
    embedder = pool.ready.embedder
    calibration = load_calibration(embedder, threshold=settings.threshold)
    gallery = GalleryCache(faces, embedder=embedder, calibration=calibration, seconds=settings.gallery_seconds)
    records = RecordCache(people, seconds=settings.gallery_seconds)
    store = PhotoStore(
        s3=s3,
        input_bucket=settings.input_bucket,
        output_bucket=settings.output_bucket,
        ready=pool.ready,
        faces=faces,
        records=records,
        announcer=Announcer(
            sqs=sqs,
            events=events,
            bucket=settings.output_bucket,
            queue=settings.results_queue,
            bus=settings.event_bus,
        ),
        name_texts=settings.name_texts,
    )
    archive = None if settings.keep == "never" else _archive(store, pool, capacity)
    return Services(
        settings=settings,
        s3=s3,
        jobs=JobStore(dynamodb.Table(settings.jobs_table)),
        people=people,
        faces=faces,
        bodies=BodyReader(max_bytes=settings.max_photo_bytes, seconds=capacity.body_seconds, room=capacity.bodies_room),
        pool=pool,
        gallery=gallery,
        records=records,
        archive=archive,
        photos=PhotoDesk(
            pool=pool, gallery=gallery, records=records, archive=archive, wait_until_kept=settings.keep == "before"
        ),
        gatekeeper=_gatekeeper(settings, dynamodb),
    )


def _gatekeeper(settings: Environment, dynamodb: "DynamoDBServiceResource") -> Gatekeeper:
    if settings.auth == "loopback":
        return ThisMachine()
    if settings.auth == "iam":
        return IamCallers()
    if settings.api_keys_table is None:
        raise UsageError("AUTH=keys needs API_KEYS_TABLE, the table that holds the keys")
    keys = ApiKeyStore(dynamodb.Table(settings.api_keys_table))
    return KeyHolders(keys, RateLimiter(keys))


def _archive(store: PhotoStore, pool: RecognizerPool, capacity: Capacity) -> Archive:
    return Archive(store.write, room=capacity.archive_room, threads=capacity.archive_threads, busy=pool.busy)


def _pool(settings: Environment, capacity: Capacity) -> RecognizerPool:
    recognizer = RecognizerSettings(
        model_dir=settings.model_dir,
        embedder=settings.embedder,
        detector=settings.detector,
        min_face=settings.min_face,
        threads=settings.threads,
        max_bytes=settings.max_photo_bytes,
        max_pixels=settings.max_photo_pixels,
    )
    return RecognizerPool(
        lambda: Recognizer(recognizer),
        size=settings.recognizers,
        together=capacity.together,
        waiting=capacity.waiting,
    )
