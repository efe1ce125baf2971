"""`If-Match` and its like: on what may be read (RFC 9110), on what may be written, and on the source of a copy."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from rollcall.local.store.s3.reading import header_time
from rollcall.local.store.s3.s3_errors import S3Error
from rollcall.local.store.s3.versions import Version
from rollcall.local.store.s3.writing import http_date

COPY_SOURCE = "x-amz-copy-source-"


def check_reading(headers: Mapping[str, str], version: Version, *, prefix: str = "") -> None:
    """Raises: S3Error: NotModified, or PreconditionFailed. A copy has no NotModified."""
    modified = datetime.fromtimestamp(int(version.modified), UTC)
    match, none_match = headers.get(f"{prefix}if-match"), headers.get(f"{prefix}if-none-match")
    since, unless_since = (
        _time(headers, f"{prefix}if-modified-since"),
        _time(headers, f"{prefix}if-unmodified-since"),
    )
    if match is not None:
        _require(matches(match, version.etag), "If-Match")
    elif unless_since is not None:
        _require(modified <= unless_since, "If-Unmodified-Since")
    unchanged = matches(none_match, version.etag) if none_match is not None else since is not None and modified <= since
    if unchanged:
        _require(not prefix, "If-None-Match" if none_match is not None else "If-Modified-Since")
        raise S3Error(
            "NotModified", headers={"etag": f'"{version.etag}"', "last-modified": http_date(version.modified)}
        )


def check_writing(headers: Mapping[str, str], newest: Callable[[], Version | None], key: str) -> None:
    """Checks the conditions of a write; call it inside the transaction that writes. Raises: S3Error."""
    match, none_match = headers.get("if-match"), headers.get("if-none-match")
    if match is None and none_match is None:
        return
    current = newest()
    exists = current is not None and not current.marker
    if none_match is not None:
        if none_match.strip() != "*":
            raise S3Error("NotImplemented", Header="If-None-Match")
        _require(not exists, "If-None-Match")
    if match is not None:
        if not exists or current is None:
            raise S3Error("NoSuchKey", Key=key)
        _require(matches(match, current.etag), "If-Match")


def matches(wanted: str, etag: str) -> bool:
    return any(entry.strip().removeprefix("W/").strip('"') in (etag, "*") for entry in wanted.split(","))


def _require(holds: bool, condition: str) -> None:
    if not holds:
        raise S3Error("PreconditionFailed", Condition=condition)


def _time(headers: Mapping[str, str], name: str) -> datetime | None:
    """A date that cannot be read is no condition."""
    try:
        return header_time(headers[name])
    except (KeyError, ValueError):
        return None
