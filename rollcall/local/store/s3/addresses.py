"""Which bucket and key a request means, by its path and Host, and which names AWS allows."""

import ipaddress
import re
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from rollcall.local.store.s3.s3_errors import S3Error

MOST_KEY_BYTES = 1024
MOST_QUERIES = 200
RESERVED = "store."  # such files of the store lie beside the buckets' folders
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")


@dataclass(frozen=True, slots=True)
class Address:
    bucket: str | None
    key: str | None
    virtual: bool  # the bucket came with the host

    @property
    def parts(self) -> int:
        return (self.bucket is not None) + (self.key is not None)


def address_of(path: str, host: str, hosts: tuple[str, ...]) -> Address:
    """`hosts` are the names under which buckets have names of their own. Raises: S3Error (InvalidURI)."""
    inner = _decoded(path.partition("?")[0].removeprefix("/"), plus=False)
    bucket = _bucket_in(host, hosts)
    if bucket is not None:
        return Address(bucket, inner or None, True)
    name, _, key = inner.partition("/")
    return Address(name or None, (key or None) if name else None, False)


def queries_of(query: str) -> dict[str, str]:
    """The first of each name. Raises: S3Error."""
    found: dict[str, str] = {}
    entries = [entry for entry in query.split("&") if entry]
    if len(entries) > MOST_QUERIES:
        raise S3Error("InvalidURI")
    for entry in entries:
        name, _, value = entry.partition("=")
        found.setdefault(_decoded(name, plus=True), _decoded(value, plus=True))
    return found


def check_bucket_name(name: str) -> None:
    """Raises: S3Error (InvalidBucketName)."""
    refused = (
        not _BUCKET.fullmatch(name)
        or ".." in name
        or ".-" in name
        or "-." in name
        or name.startswith(("xn--", "sthree-"))
        or name.endswith(("-s3alias", "--ol-s3"))
        or _is_address(name)
    )
    if refused:
        raise S3Error("InvalidBucketName", BucketName=name)
    if name.startswith(RESERVED):
        raise S3Error("BucketAlreadyExists", BucketName=name)


def check_key(key: str) -> None:
    """Raises: S3Error (KeyTooLongError)."""
    size = len(key.encode())
    if size > MOST_KEY_BYTES:
        raise S3Error("KeyTooLongError", Size=str(size), MaxSizeAllowed=str(MOST_KEY_BYTES))


def _decoded(text: str, *, plus: bool) -> str:
    try:
        return unquote_to_bytes((text.replace("+", " ") if plus else text).encode("latin-1")).decode()
    except UnicodeError as error:
        raise S3Error("InvalidURI") from error


def _bucket_in(host: str, hosts: tuple[str, ...]) -> str | None:
    name = host.lower().rpartition(":")[0] if re.search(r":\d*$", host) else host.lower()
    for parent in hosts:
        bucket = name.removesuffix(f".{parent}")
        if bucket != name and _BUCKET.fullmatch(bucket):
            return bucket
    return None


def _is_address(name: str) -> bool:
    try:
        ipaddress.IPv4Address(name)
    except ValueError:
        return False
    return True
