"""Announces a result on the results queue and as an event: where to look, never who is seen.

Both may come more than once, with the same `id`. A reader that keeps the ids it has dealt with does nothing twice.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, Protocol

from pydantic import BaseModel

from rollcall.contracts.errors import RollcallError
from rollcall.contracts.events import Upload
from rollcall.contracts.named_queue import NamedQueue, in_batches
from rollcall.results.output_files import RESULT, beside_json
from rollcall.results.result import Failure, Result

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

SOURCE = "rollcall"
DETAIL_TYPE = "Result written"
SCHEMA = 1


class Events(Protocol):
    """The part of boto3's EventBridge client that is used here."""

    def put_events(self, *, Entries: list[dict[str, str]]) -> dict[str, Any]: ...


class NotAnnounced(RollcallError):
    """EventBridge did not take an event; the announcement is tried again."""


class Announcement(BaseModel):
    """The announcement; it holds no keys of crops, because those hold names."""

    schema_version: int = SCHEMA
    id: str
    job: str
    status: Literal["done", "failed"]
    input_key: str
    version: str  # of the upload
    bucket: str  # that holds the result
    keys: list[str]  # the result's JSON first


def announcement_of(upload: Upload, result: Result | Failure, *, bucket: str) -> Announcement:
    beside = [file.key(upload.key) for file in beside_json()] if isinstance(result, Result) else []
    return Announcement(
        id=f"{upload.job}-{result.status}",
        job=upload.job,
        status=result.status,
        input_key=upload.key,
        version=upload.version,
        bucket=bucket,
        keys=[RESULT.key(upload.key), *beside],
    )


class Announcer(NamedQueue):
    def __init__(self, *, sqs: "SQSClient", events: Events, bucket: str, queue: str, bus: str) -> None:
        super().__init__(sqs, queue)
        self._events = events
        self._bucket = bucket
        self._bus = bus

    def announce(self, upload: Upload, result: Result | Failure) -> None:
        (error,) = self.announce_all([(upload, result)])
        if error is not None:
            raise error

    def announce_all(self, results: Sequence[tuple[Upload, Result | Failure]]) -> list[Exception | None]:
        """The error of each that could not be announced."""
        bodies = [announcement_of(upload, result, bucket=self._bucket).model_dump_json() for upload, result in results]
        sent = self._send_all(bodies)
        put = [error for some in in_batches(bodies) for error in self._put(some)]
        return [first or second for first, second in zip(sent, put, strict=True)]

    def _put(self, bodies: Sequence[str]) -> list[Exception | None]:
        entries = [
            {"Source": SOURCE, "DetailType": DETAIL_TYPE, "Detail": body, "EventBusName": self._bus} for body in bodies
        ]
        answer = self._events.put_events(Entries=entries)
        return [
            NotAnnounced(f"event bus {self._bus}: {entry['ErrorCode']}: {entry.get('ErrorMessage')}")
            if entry.get("ErrorCode")
            else None
            for entry in answer["Entries"]
        ]
