"""Recognized photos persist, as every upload does: the photo in the input bucket, its result in the output bucket.

The result has the names of the answer, but for people who were deleted since then. A deletion may miss what is written
meanwhile. So who is still enrolled is asked again once all is written; if somebody is not, it is written anew.
"""

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rollcall.api.photos.decisions import Decision
from rollcall.api.photos.gallery_cache import RecordCache
from rollcall.api.recognizers.messages import Ready, SeenPhoto
from rollcall.contracts.events import Upload
from rollcall.contracts.jobs import Job, MediaSummary
from rollcall.contracts.object_keys import crop_key
from rollcall.contracts.uploads import ANSWERED, UNVERSIONED
from rollcall.people.gallery_store import GalleryStore
from rollcall.people.gop_faces import FaceRecord, GopFaces
from rollcall.results.announce import Announcer
from rollcall.results.compose import CROPS, Evidence, publication_of
from rollcall.results.forget import delete_versions, result_without
from rollcall.results.publisher import Publication, Publisher
from rollcall.results.result import Result

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


@dataclass(frozen=True, kw_only=True)
class KeptPhoto:
    key: str
    photo: bytes = field(repr=False)
    content_type: str
    seen: SeenPhoto = field(repr=False)
    decision: Decision = field(repr=False)  # as it was answered
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
        faces: GalleryStore,
        records: RecordCache,
        announcer: Announcer,
        name_texts: bool = False,
    ) -> None:
        self._s3 = s3
        self._bucket = input_bucket
        self._publisher = Publisher(s3, output_bucket, name_texts=name_texts)
        self._ready = ready
        self._faces = faces
        self._records = records
        self._announcer = announcer

    def write(self, kept: KeptPhoto) -> None:
        started = time.monotonic()
        # the version is not known before the photo is put, and whoever sees the photo must find the result
        upload = Upload(bucket=self._bucket, key=kept.key, version=UNVERSIONED)
        publication = publication_of(self._evidence(kept, upload), lookup_seconds=time.monotonic() - started)
        gone = self._deleted(kept.decision, known=frozenset())
        self._store(kept, upload, _without(publication, gone), keep=not gone)
        while later := self._deleted(kept.decision, known=gone):
            gone |= later
            self._store(kept, upload, _without(publication, gone), keep=False)
        self._announcer.announce(upload, publication.result)

    def _deleted(self, decision: Decision, *, known: frozenset[str]) -> frozenset[str]:
        """The people whose name was decided by a face that is no longer enrolled; `known` are not asked for again.

        The face counts, not the name: somebody else may have been enrolled under it since then.
        """
        asked = {name: face for name, face in decision.decided_by.items() if name not in known}
        return frozenset(name for name, face in asked.items() if not self._faces.has(name, face))

    def _store(self, kept: KeptPhoto, upload: Upload, publication: Publication, *, keep: bool) -> None:
        """Stores the result, and the photo if `keep`. Else it shows somebody deleted, and is deleted too."""
        self._publisher.publish(upload, publication)
        if keep:
            self._s3.put_object(
                Bucket=self._bucket,
                Key=kept.key,
                Body=kept.photo,
                ContentType=kept.content_type,
                Metadata={ANSWERED: "true"},
            )
        else:
            delete_versions(self._s3, self._bucket, kept.key)

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
        return Evidence(
            job=_job(kept, upload),
            gops=[gop],
            identities=kept.decision.identities,
            calibration=kept.decision.calibration,
            records=self._records.get(kept.decision.decided_by),
        )


def _without(publication: Publication, names: frozenset[str]) -> Publication:
    """The result that a photo would have if it had been stored before these people were forgotten."""
    result = publication.result
    crops = dict(publication.crops)
    for name in names:
        assert isinstance(result, Result)
        result = result_without(result, name)
        for number in range(1, CROPS + 1):
            crops.pop(crop_key(result.video, name, number), None)
    return Publication(result=result, crops=crops)


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
