"""Buckets and what is set on them, as the database has them."""

import json
import sqlite3
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from rollcall.local.store.s3.addresses import check_bucket_name
from rollcall.local.store.s3.s3_errors import S3Error

ENABLED, SUSPENDED = "Enabled", "Suspended"
_COLUMNS = "id, name, created, region, versioning"


@dataclass(frozen=True, slots=True)
class Bucket:
    id: int
    name: str
    created: float
    region: str
    versioning: str  # empty: it never was on


def find(connection: sqlite3.Connection, name: str) -> Bucket:
    """Raises: S3Error."""
    row = connection.execute(f"SELECT {_COLUMNS} FROM s3_buckets WHERE name = ?", (name,)).fetchone()
    if row is None:
        check_bucket_name(name)
        raise S3Error("NoSuchBucket", BucketName=name)
    return Bucket(*row)


def every(connection: sqlite3.Connection) -> list[Bucket]:
    return [Bucket(*row) for row in connection.execute(f"SELECT {_COLUMNS} FROM s3_buckets ORDER BY name")]


def is_empty(connection: sqlite3.Connection, bucket: Bucket) -> bool:
    return connection.execute("SELECT 1 FROM s3_objects WHERE bucket = ? LIMIT 1", (bucket.id,)).fetchone() is None


def setting(connection: sqlite3.Connection, bucket: Bucket, kind: str) -> Any:
    """None when it is not set."""
    row = connection.execute(
        "SELECT value FROM s3_settings WHERE bucket = ? AND kind = ?", (bucket.id, kind)
    ).fetchone()
    return json.loads(row[0]) if row else None


def set_setting(connection: sqlite3.Connection, bucket: Bucket, kind: str, value: Any) -> None:
    """None removes it."""
    if value is None:
        connection.execute("DELETE FROM s3_settings WHERE bucket = ? AND kind = ?", (bucket.id, kind))
    else:
        row = (bucket.id, kind, json.dumps(value, default=_moment))
        connection.execute("INSERT OR REPLACE INTO s3_settings VALUES (?, ?, ?)", row)


def _moment(value: datetime) -> str:
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
