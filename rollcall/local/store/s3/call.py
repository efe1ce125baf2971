"""One request on its way through an operation, and what the operation answers."""

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from rollcall.local.store.http import FileRange
from rollcall.local.store.s3.bucket_settings import buckets
from rollcall.local.store.s3.bucket_settings.buckets import Bucket
from rollcall.local.store.s3.files.change import Storage
from rollcall.local.store.s3.uploads.intake import Received
from rollcall.local.store.s3.versions import Described


@dataclass
class Call:
    """`values` are the members of the operation's input, as AWS's model names them."""

    storage: Storage
    request_id: str
    bucket_name: str
    key: str
    headers: Mapping[str, str]
    values: dict[str, Any]
    source: str = "127.0.0.1"
    described: Described | None = None  # what the headers say about a new object, once they have been checked
    _received: Received | None = None
    _bucket: Bucket | None = None

    def get(self, name: str, otherwise: Any = None) -> Any:
        return self.values.get(name, otherwise)

    @property
    def reader(self) -> sqlite3.Connection:
        return self.storage.database.read()

    @property
    def bucket(self) -> Bucket:
        """The bucket as it was when the request came; look again inside a transaction. Raises: S3Error."""
        if self._bucket is None:
            self._bucket = buckets.find(self.reader, self.bucket_name)
        return self._bucket

    @property
    def received(self) -> Received:
        assert self._received is not None, "the operation takes a body"
        return self._received

    @received.setter
    def received(self, received: Received) -> None:
        self._received = received


@dataclass
class Answer:
    """`values` are the output of the operation. `status` and `body` are for those that have their own."""

    values: dict[str, Any] = field(default_factory=dict)
    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    body: FileRange | bytes | None = None
