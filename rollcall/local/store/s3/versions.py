"""Versions of objects: the rows of the database, and how one is added or removed."""

import json
import secrets
import sqlite3
import string
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from rollcall.local.store.s3.bucket_settings.buckets import ENABLED, Bucket
from rollcall.local.store.s3.s3_errors import S3Error

NULL = "null"
COLUMNS = "id, key, version, latest, marker, modified, blob, size, etag, described"
_LETTERS = string.ascii_letters + string.digits + "._"
_LETTER_OF_BYTE = (_LETTERS * 4).encode()  # each of the 64 stands for four bytes
_VERSION_LETTERS = 32
MOST_VERSION = 1024


@dataclass(frozen=True, kw_only=True)
class Described:
    """What a client said about an object, and what only some answers tell."""

    headers: dict[str, str] = field(default_factory=dict)  # content-type and its like, in lower case
    metadata: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    algorithm: str = ""
    checksum: str = ""
    checksum_type: str = ""
    parts: list[tuple[int, int, str]] = field(default_factory=list)  # number, size, checksum
    upload: str = ""

    @property
    def storage_class(self) -> str:
        return self.headers.get("x-amz-storage-class", "STANDARD")

    def text(self) -> str:
        return json.dumps({name: value for name, value in vars(self).items() if value})

    @classmethod
    def read(cls, text: str) -> "Described":
        return cls(**json.loads(text))


@dataclass(frozen=True, slots=True)
class Version:
    id: int
    key: str
    version: str
    latest: bool
    marker: bool
    modified: float
    blob: str | None
    size: int
    etag: str
    described: Described

    @classmethod
    def of(cls, row: tuple[Any, ...]) -> "Version":
        id, key, version, latest, marker, modified, blob, size, etag, described = row
        return cls(id, key, version, bool(latest), bool(marker), modified, blob, size, etag, Described.read(described))


@dataclass(frozen=True, kw_only=True)
class NewVersion:
    modified: float
    described: Described
    blob: str | None = None
    size: int = 0
    etag: str = ""
    marker: bool = False


def newest(connection: sqlite3.Connection, bucket: Bucket, key: str) -> Version | None:
    """A delete marker is a version too."""
    return _first(connection, "bucket = ? AND key = ? ORDER BY id DESC LIMIT 1", bucket.id, key)


def exact(connection: sqlite3.Connection, bucket: Bucket, key: str, version: str) -> Version | None:
    return _first(connection, "bucket = ? AND key = ? AND version = ?", bucket.id, key, version)


def wanted(connection: sqlite3.Connection, bucket: Bucket, key: str, version: str | None) -> Version:
    """The version that a request asks for. Raises: S3Error when there is none, or when it is a delete marker."""
    if version is None:
        found = newest(connection, bucket, key)
        if found is None or found.marker:
            raise S3Error("NoSuchKey", headers=_marker_headers(bucket, found), Key=key)
        return found
    check_version(version)
    found = exact(connection, bucket, key, version)
    if found is None:
        raise S3Error("NoSuchVersion", Key=key, VersionId=version)
    if found.marker:
        raise S3Error(
            "MethodNotAllowed", headers=_marker_headers(bucket, found), Method="GET", ResourceType="DeleteMarker"
        )
    return found


def check_version(version: str) -> None:
    """Raises: S3Error."""
    if not version or len(version) > MOST_VERSION or not set(version) <= set(_LETTERS):
        raise S3Error(
            "InvalidArgument", "Invalid version id specified", ArgumentName="versionId", ArgumentValue=version
        )


def current_blob(connection: sqlite3.Connection, bucket: str, key: str) -> str | None:
    row = connection.execute(
        "SELECT blob FROM s3_objects WHERE bucket = (SELECT id FROM s3_buckets WHERE name = ?) AND key = ?"
        " ORDER BY id DESC LIMIT 1",
        (bucket, key),
    ).fetchone()
    return row[0] if row else None


def add(connection: sqlite3.Connection, bucket: Bucket, key: str, new: NewVersion) -> tuple[Version, str | None]:
    """The version, and the blob that nothing refers to any more. Copies share a blob."""
    dropped = None
    version = _new_name() if bucket.versioning == ENABLED else NULL
    before = connection.execute(
        "SELECT id FROM s3_objects WHERE bucket = ? AND key = ? ORDER BY id DESC LIMIT 1", (bucket.id, key)
    ).fetchone()
    if before is not None:
        if version == NULL:
            dropped = _replace_null(connection, bucket, key)
        connection.execute("UPDATE s3_objects SET latest = 0 WHERE id = ?", before)
    inserted = connection.execute(
        "INSERT INTO s3_objects (bucket, key, version, latest, marker, modified, blob, size, etag, described)"
        " VALUES (?, ?, ?, 1, ?, ?, ?, ?, ?, ?)",
        (bucket.id, key, version, new.marker, new.modified, new.blob, new.size, new.etag, new.described.text()),
    )
    number = inserted.lastrowid or 0
    added = Version(number, key, version, True, new.marker, new.modified, new.blob, new.size, new.etag, new.described)
    return added, unused(connection, dropped)


def remove(connection: sqlite3.Connection, bucket: Bucket, version: Version) -> str | None:
    """The blob that nothing refers to any more."""
    connection.execute("DELETE FROM s3_objects WHERE id = ?", (version.id,))
    if version.latest:
        connection.execute(
            "UPDATE s3_objects SET latest = 1 WHERE id ="
            " (SELECT id FROM s3_objects WHERE bucket = ? AND key = ? ORDER BY id DESC LIMIT 1)",
            (bucket.id, version.key),
        )
    return unused(connection, version.blob)


def unused(connection: sqlite3.Connection, blob: str | None) -> str | None:
    """The blob, unless a version still has it."""
    found = blob and connection.execute("SELECT 1 FROM s3_objects WHERE blob = ? LIMIT 1", (blob,)).fetchone()
    return None if found else blob


def describe_again(connection: sqlite3.Connection, version: Version, described: Described) -> None:
    connection.execute("UPDATE s3_objects SET described = ? WHERE id = ?", (described.text(), version.id))


def pages(read: Callable[[], sqlite3.Connection], bucket: Bucket, size: int) -> Iterator[list[Version]]:
    """Every version, newest of each key first. What happens meanwhile may be missed."""
    key, number = "", 0
    while True:
        rows = (
            read()
            .execute(
                f"SELECT {COLUMNS} FROM s3_objects WHERE bucket = ? AND key >= ? AND (key > ? OR id < ?)"
                " ORDER BY key, id DESC LIMIT ?",
                (bucket.id, key, key, number, size),
            )
            .fetchall()
        )
        if not rows:
            return
        yield [Version.of(row) for row in rows]
        key, number = rows[-1][1], rows[-1][0]


def _new_name() -> str:
    return secrets.token_bytes(_VERSION_LETTERS).translate(_LETTER_OF_BYTE).decode()


def _replace_null(connection: sqlite3.Connection, bucket: Bucket, key: str) -> str | None:
    row = connection.execute(
        "DELETE FROM s3_objects WHERE bucket = ? AND key = ? AND version = ? RETURNING blob", (bucket.id, key, NULL)
    ).fetchone()
    return row[0] if row else None


def _first(connection: sqlite3.Connection, condition: str, *values: object) -> Version | None:
    row = connection.execute(f"SELECT {COLUMNS} FROM s3_objects WHERE {condition}", values).fetchone()
    return Version.of(row) if row else None


def _marker_headers(bucket: Bucket, marker: Version | None) -> dict[str, str]:
    if marker is None:
        return {}
    return {"x-amz-delete-marker": "true", "x-amz-version-id": marker.version}
