"""What arrives in the queues: S3's notifications, ranges of long videos, and the message that asks for a lookup."""

import json
from collections.abc import Iterator
from datetime import datetime
from urllib.parse import unquote_plus

from pydantic import BaseModel, ConfigDict, Field

from rollcall.contracts.object_keys import job_id


class Upload(BaseModel):
    """One version of one object in the input bucket."""

    model_config = ConfigDict(frozen=True)

    bucket: str
    key: str
    version: str  # the object's version id

    @property
    def job(self) -> str:
        return job_id(self.key, self.version)


class LookupMessage(BaseModel):
    upload: Upload


class Stretch(BaseModel):
    """The sampled frames of a video from number `first` to before `end`, or to the end of the video."""

    model_config = ConfigDict(frozen=True)

    first: int = Field(default=0, ge=0)
    end: int | None = None
    origin: int = 0  # when the first frame of the video starts, in units of the stream's time base
    anchor: int | None = None  # when a key frame before `first` starts: who seeks must find it there again
    share: int = Field(default=1, gt=0)  # of the video's budget this is one part in so many
    spent_bytes: int = Field(default=0, ge=0)  # of that part, before `first`
    spent_frames: int = Field(default=0, ge=0)
    every_frame: bool = False  # to be read with the frames that no other refers to: without them samples came late


class SplitRange(BaseModel):
    """A stretch of an upload that an invocation of its own reads."""

    model_config = ConfigDict(frozen=True)

    upload: Upload
    stretch: Stretch
    first_pack: int = Field(ge=0)  # the numbers from here on are this range's own
    track: int | None = None  # the stream in the file; None: the longest moving picture
    base: int = Field(default=0, ge=0)  # what its frame numbers begin with: those of each track are apart
    then: int | None = None  # the base of the track that is read after this one


class RangeMessage(BaseModel):
    range: SplitRange


class ObjectCreated(BaseModel):
    """One record of an S3 notification, with its key decoded."""

    bucket: str
    key: str
    version: str | None
    time: datetime | None = None


class _Bucket(BaseModel):
    name: str


class _Object(BaseModel):
    key: str  # S3 encodes keys in notifications as in a query string
    version_id: str | None = Field(default=None, alias="versionId")


class _Entity(BaseModel):
    bucket: _Bucket
    object: _Object


class _Record(BaseModel):
    s3: _Entity
    event_time: datetime | None = Field(default=None, alias="eventTime")


class S3Notification(BaseModel):
    # `s3:TestEvent`, which S3 sends when a notification is set up, has no records
    records: list[_Record] = Field(default_factory=list, alias="Records")

    def created(self) -> Iterator[ObjectCreated]:
        for record in self.records:
            yield ObjectCreated(
                bucket=record.s3.bucket.name,
                key=unquote_plus(record.s3.object.key),
                version=record.s3.object.version_id,
                time=record.event_time,
            )


def parse_split_message(body: str) -> S3Notification | SplitRange:
    """What arrives in the split queue; raise ValidationError for anything else."""
    message = json.loads(body)
    if isinstance(message, dict) and "range" in message:
        return RangeMessage.model_validate(message).range
    return S3Notification.model_validate(message)
