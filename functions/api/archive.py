"""Recognized photos persist, as every upload does: the photo in the input bucket, its result in the output bucket.

The writing is done beside the answers, by a few threads that hold back while photos are being looked at, unless what
waits is more than half of the room for it. With no room left, answers wait for it: nothing is dropped.
"""

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from functions.api.gallery_cache import GalleryCache, RecordCache
from functions.api.messages import Ready, SeenPhoto
from functions.common.announce import Announcer
from functions.common.events import Upload
from functions.common.gop_faces import FaceRecord, GopFaces
from functions.common.jobs import Job, MediaSummary
from functions.common.observability import logger
from functions.lookup.publish import Publisher
from functions.lookup.result import Evidence, publication_of
from model.tracks import identify, link

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

ANSWERED = "answered"  # metadata of an object in the input bucket that is not to be worked on: its result exists
UNVERSIONED = "null"
ATTEMPTS = 3
QUIET_SECONDS = 0.25  # without a photo being looked at


@dataclass(frozen=True, kw_only=True)
class KeptPhoto:
    key: str
    photo: bytes = field(repr=False)
    content_type: str
    seen: SeenPhoto = field(repr=False)
    created: float  # seconds since the epoch

    @property
    def size(self) -> int:
        return len(self.photo) + sum(len(face.crop) for face in self.seen.faces)


class PhotoStore:
    """Writes one photo and its result, the photo last: whoever sees it in the bucket finds its result.

    Then it is announced, as the result of every upload is.
    """

    def __init__(
        self,
        *,
        s3: "S3Client",
        input_bucket: str,
        output_bucket: str,
        ready: Ready,
        gallery: GalleryCache,
        records: RecordCache,
        announcer: Announcer,
        name_texts: bool = False,
    ) -> None:
        self._s3 = s3
        self._bucket = input_bucket
        self._publisher = Publisher(s3, output_bucket, name_texts=name_texts)
        self._ready = ready
        self._gallery = gallery
        self._records = records
        self._announcer = announcer

    def write(self, kept: KeptPhoto) -> None:
        started = time.monotonic()
        # the version is not known before the photo is put, and whoever sees the photo must find the result
        upload = Upload(bucket=self._bucket, key=kept.key, version=UNVERSIONED)
        evidence = self._evidence(kept, upload)
        publication = publication_of(evidence, lookup_seconds=time.monotonic() - started)
        self._publisher.publish(upload, publication)
        self._s3.put_object(
            Bucket=self._bucket,
            Key=kept.key,
            Body=kept.photo,
            ContentType=kept.content_type,
            Metadata={ANSWERED: "true"},
        )
        self._announcer.announce(upload, publication.result)

    def _evidence(self, kept: KeptPhoto, upload: Upload) -> Evidence:
        faces = [_record(face.box, face.quality.weight, face.embedding, face.crop) for face in kept.seen.faces]
        gop = GopFaces(
            upload=upload,
            index=0,
            model=self._ready.model,
            embedder=self._ready.embedder,
            faces=faces,
            seconds_spent=kept.seen.seconds_spent,
        )
        # the gallery of now, not of the answer: nobody deleted in between may be named
        gallery = self._gallery.get()
        identities = identify(link([face.sighting() for face in faces], gallery.calibration), gallery)
        return Evidence(
            job=_job(kept, upload),
            gops=[gop],
            identities=identities,
            calibration=gallery.calibration,
            records=self._records.get({identity.match.name for identity in identities if identity.match.name}),
        )


def _record(box: tuple[float, float, float, float], weight: float, embedding: bytes, crop: bytes) -> FaceRecord:
    return FaceRecord(frame=0, time=0.0, box=box, weight=weight, embedding=embedding, crop=crop)


def _job(kept: KeptPhoto, upload: Upload) -> Job:
    media = MediaSummary(
        duration=0.0,
        frames=1,
        gops=1,
        step=0.0,
        width=kept.seen.width,
        height=kept.seen.height,
        seconds_spent=0.0,
    )
    return Job(job=upload.job, upload=upload, created=kept.created, media=media, done=frozenset({0}))


class Archive:
    def __init__(
        self, write: Callable[[KeptPhoto], None], *, room: int, threads: int, busy: Callable[[], bool]
    ) -> None:
        """`room`: bytes that may wait; `busy`: whether somebody waits for an answer right now."""
        self._write = write
        self._room = room
        self._busy = busy
        self._waiting: deque[KeptPhoto] = deque()
        self._in_hand: dict[str, KeptPhoto] = {}
        self._bytes = 0
        self._closing = False
        self._quiet_from = 0.0
        self._hurried = 0  # how many wait in `flush`
        self._changed = threading.Condition()
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(threads)]
        for thread in self._threads:
            thread.start()

    def keep(self, kept: KeptPhoto) -> None:
        """Returns at once while there is room."""
        with self._changed:
            self._changed.wait_for(lambda: self._bytes + kept.size <= self._room or not self._waiting)
            self._waiting.append(kept)
            self._bytes += kept.size
            self._changed.notify_all()

    def has(self, key: str) -> bool:
        """Whether the photo still waits to be written."""
        with self._changed:
            return key in self._in_hand or any(kept.key == key for kept in self._waiting)

    def waiting(self) -> int:
        """Photos that are not written yet."""
        with self._changed:
            return len(self._waiting) + len(self._in_hand)

    def flush(self) -> None:
        """Returns once everything that was given until now is written."""
        with self._changed:
            wanted = {kept.key for kept in self._waiting} | set(self._in_hand)
            self._hurried += 1
            self._changed.notify_all()
            self._changed.wait_for(lambda: wanted.isdisjoint(self._in_hand) and self._none_waits(wanted))
            self._hurried -= 1

    def settle(self) -> None:
        """Returns once what is being written now is written: what follows is named by the gallery of then."""
        with self._changed:
            now = set(self._in_hand)
            self._changed.wait_for(lambda: now.isdisjoint(self._in_hand))

    def close(self) -> None:
        self.flush()
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()

    def _run(self) -> None:
        while (kept := self._next()) is not None:
            try:
                self._try_to_write(kept)
            finally:
                with self._changed:
                    del self._in_hand[kept.key]
                    self._bytes -= kept.size
                    self._changed.notify_all()

    def _next(self) -> KeptPhoto | None:
        with self._changed:
            while not self._waiting or self._holds_back():
                if self._closing:
                    return None
                self._changed.wait(QUIET_SECONDS / 10 if self._waiting else None)
            kept = self._waiting.popleft()
            self._in_hand[kept.key] = kept
            return kept

    def _none_waits(self, keys: set[str]) -> bool:
        return all(kept.key not in keys for kept in self._waiting)

    def _holds_back(self) -> bool:
        if self._busy():
            self._quiet_from = time.monotonic() + QUIET_SECONDS
        quiet = time.monotonic() >= self._quiet_from
        return not (quiet or self._hurried or self._closing or self._bytes > self._room // 2)

    def _try_to_write(self, kept: KeptPhoto) -> None:
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return self._write(kept)
            except Exception:
                logger.exception("photo not kept", key=kept.key, attempt=attempt, attempts=ATTEMPTS)
                time.sleep(0.2 * attempt)
