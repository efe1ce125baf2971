"""What arrives in the queues: S3's notifications, and the message that asks for a lookup."""

from collections.abc import Iterator
from urllib.parse import unquote_plus

from pydantic import BaseModel, ConfigDict, Field

from functions.common.keys import job_id


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


class ObjectCreated(BaseModel):
    """One record of an S3 notification, with its key decoded."""

    bucket: str
    key: str
    version: str | None


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


class S3Notification(BaseModel):
    # `s3:TestEvent`, which S3 sends when a notification is set up, has no records
    records: list[_Record] = Field(default_factory=list, alias="Records")

    def created(self) -> Iterator[ObjectCreated]:
        for record in self.records:
            yield ObjectCreated(
                bucket=record.s3.bucket.name,
                key=unquote_plus(record.s3.object.key),
                version=record.s3.object.version_id,
            )
