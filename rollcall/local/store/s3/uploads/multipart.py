"""Multipart uploads: create, upload and copy parts, list them, abort."""

import re
import secrets
import sqlite3
import time
from dataclasses import dataclass
from typing import Any

from rollcall.local.store.s3.addresses import check_key
from rollcall.local.store.s3.bucket_settings import buckets
from rollcall.local.store.s3.bucket_settings.buckets import Bucket
from rollcall.local.store.s3.call import Answer, Call
from rollcall.local.store.s3.files.change import Change
from rollcall.local.store.s3.object_listing import moment
from rollcall.local.store.s3.object_reads import marker_of
from rollcall.local.store.s3.object_writes import described_by
from rollcall.local.store.s3.owner import OWNER
from rollcall.local.store.s3.ranges import Span
from rollcall.local.store.s3.s3_errors import S3Error
from rollcall.local.store.s3.uploads import checksums
from rollcall.local.store.s3.uploads.copying import read_source, source_of
from rollcall.local.store.s3.uploads.intake import MOST_BYTES, PIECE_BYTES, Received
from rollcall.local.store.s3.versions import Described, Version

MOST_PARTS = 10_000
MOST_LISTED = 1000
PART_COLUMNS = "number, modified, blob, place, size, etag, algorithm, checksum"


@dataclass(frozen=True, slots=True)
class Upload:
    id: str
    bucket: Bucket
    key: str
    started: float
    assembly: str
    described: Described

    @property
    def algorithm(self) -> str:
        return self.described.algorithm or checksums.DEFAULT

    @property
    def checksum_type(self) -> str:
        return self.described.checksum_type or checksums.FULL


@dataclass(frozen=True, slots=True)
class Part:
    number: int
    modified: float
    blob: str
    place: int | None  # in the assembly; None: the blob is the part
    size: int
    etag: str
    algorithm: str
    checksum: str


def find_upload(call: Call, connection: sqlite3.Connection) -> Upload:
    """Raises: S3Error."""
    bucket = buckets.find(connection, call.bucket_name)
    row = connection.execute(
        "SELECT id, key, started, assembly, described FROM s3_uploads WHERE id = ? AND bucket = ? AND key = ?",
        (call.get("UploadId"), bucket.id, call.key),
    ).fetchone()
    if row is None:
        raise S3Error("NoSuchUpload", UploadId=call.get("UploadId", ""))
    upload, key, started, assembly, described = row
    return Upload(upload, bucket, key, started, assembly, Described.read(described))


def parts_of(connection: sqlite3.Connection, upload: Upload) -> list[Part]:
    rows = connection.execute(f"SELECT {PART_COLUMNS} FROM s3_parts WHERE upload = ? ORDER BY number", (upload.id,))
    return [Part(*row) for row in rows]


def create_multipart_upload(call: Call) -> Answer:
    check_key(call.key)
    said = described_by(call.headers)
    algorithm = checksums.asked_for(call.headers, "x-amz-checksum-algorithm")
    kind = call.headers.get("x-amz-checksum-type")
    if kind and not algorithm:
        raise S3Error(
            "InvalidRequest",
            "The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header.",
        )
    headers: dict[str, str] = {}
    if algorithm:
        kind = checksums.type_for(algorithm, kind)
        headers = {"x-amz-checksum-algorithm": algorithm, "x-amz-checksum-type": kind}
    described = Described(
        headers=said.headers,
        metadata=said.metadata,
        tags=said.tags,
        algorithm=algorithm or "",
        checksum_type=kind or "",
    )
    upload = f"{time.time_ns():016x}{secrets.token_hex(16)}"
    assembly = call.storage.blobs.new_name()
    with call.storage.change() as change:
        bucket = buckets.find(change.connection, call.bucket_name)
        row = (upload, bucket.id, call.key, call.storage.clock(), assembly, described.text())
        change.connection.execute("INSERT INTO s3_uploads VALUES (?, ?, ?, ?, ?, ?)", row)
    call.storage.assemblies.begin(upload, assembly)
    return Answer({"Bucket": bucket.name, "Key": call.key, "UploadId": upload}, headers=headers)


def check_part(call: Call) -> Upload:
    """Checks a part before its body is read. Raises: S3Error."""
    number = call.get("PartNumber")
    if not 1 <= number <= MOST_PARTS:
        raise S3Error(
            "InvalidArgument",
            f"Part number must be an integer between 1 and {MOST_PARTS}, inclusive",
            ArgumentName="partNumber",
            ArgumentValue=str(number),
        )
    return find_upload(call, call.reader)


def upload_part(call: Call) -> Answer:
    part = _store(call, call.received)
    return Answer({"ETag": f'"{part.etag}"', f"Checksum{part.algorithm}": part.checksum})


def upload_part_copy(call: Call) -> Answer:
    check_part(call)
    source_bucket, source = read_source(call, source_of(call), call.reader)
    part = _store(call, _copied(call, source, _source_span(call, source)))
    result = {
        "ETag": f'"{part.etag}"',
        "LastModified": moment(part.modified),
        f"Checksum{part.algorithm}": part.checksum,
    }
    headers = {"x-amz-copy-source-version-id": source.version} if source_bucket.versioning else {}
    return Answer({"CopyPartResult": result}, headers=headers)


def list_parts(call: Call) -> Answer:
    connection = call.reader
    upload = find_upload(call, connection)
    most, marker = call.get("MaxParts", MOST_LISTED), marker_of(call.get("PartNumberMarker"))
    if not 0 <= most < 2**31:
        raise S3Error("InvalidArgument", "Argument max-parts must be an integer between 0 and 2147483647")
    most = min(most, MOST_LISTED)
    parts = [part for part in parts_of(connection, upload) if part.number > marker]
    shown = parts[:most]
    values: dict[str, Any] = {
        "Bucket": upload.bucket.name,
        "Key": call.key,
        "UploadId": upload.id,
        "PartNumberMarker": str(marker),
        "NextPartNumberMarker": str(shown[-1].number if shown else 0),
        "MaxParts": most,
        "IsTruncated": len(parts) > len(shown),
        "Parts": [_listed(part) for part in shown],
        "Initiator": OWNER,
        "Owner": OWNER,
        "StorageClass": upload.described.storage_class,
        "ChecksumAlgorithm": upload.described.algorithm or None,
        "ChecksumType": upload.described.checksum_type or None,
    }
    return Answer(values)


def abort_multipart_upload(call: Call) -> Answer:
    with call.storage.change() as change:
        upload = find_upload(call, change.connection)
        drop_upload(change, upload.bucket, upload.id, upload.assembly)
    call.storage.assemblies.forget(upload.id)
    return Answer()


def drop_upload(change: Change, bucket: Bucket, upload: str, assembly: str, *, keep_assembly: bool = False) -> None:
    """Its rows, and the files that nothing refers to any more."""
    rows = change.connection.execute("DELETE FROM s3_parts WHERE upload = ? RETURNING blob", (upload,)).fetchall()
    change.connection.execute("DELETE FROM s3_uploads WHERE id = ?", (upload,))
    dropped = {row[0] for row in rows} | {assembly}
    for blob in dropped - ({assembly} if keep_assembly else set()):
        change.note(bucket.name, dropped=blob)


def _store(call: Call, received: Received) -> Part:
    number = call.get("PartNumber")
    with call.storage.placed(received) as placed, call.storage.change() as change:
        upload = find_upload(call, change.connection)
        row = change.connection.execute(
            "DELETE FROM s3_parts WHERE upload = ? AND number = ? RETURNING blob", (upload.id, number)
        ).fetchone()
        part = Part(
            number,
            call.storage.clock(),
            placed.blob,
            placed.place,
            received.size,
            received.etag,
            received.algorithm,
            received.checksum,
        )
        change.connection.execute(
            f"INSERT INTO s3_parts (upload, {PART_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                upload.id,
                part.number,
                part.modified,
                part.blob,
                part.place,
                part.size,
                part.etag,
                part.algorithm,
                part.checksum,
            ),
        )
        replaced = row[0] if row and row[0] != upload.assembly else None
        change.note(upload.bucket.name, placed=placed, dropped=replaced)
    return part


def _copied(call: Call, source: Version, span: Span) -> Received:
    upload = find_upload(call, call.reader)
    digests = checksums.Digests([upload.algorithm], sha256=False)
    new = call.storage.blobs.create()
    try:
        assert source.blob is not None
        with call.storage.blobs.path(source.blob).open("rb") as file:
            file.seek(span.start)
            left = span.length
            while left > 0 and (piece := file.read(min(left, PIECE_BYTES))):
                digests.update(piece)
                new.write(piece)
                left -= len(piece)
    except BaseException:
        new.discard()
        raise
    return Received(
        size=span.length,
        etag=digests.md5.hex(),
        algorithm=upload.algorithm,
        checksum=digests.values()[upload.algorithm],
        blob=new,
    )


def _source_span(call: Call, source: Version) -> Span:
    """Raises: S3Error."""
    wanted = call.headers.get("x-amz-copy-source-range")
    span = _exact_span(wanted, source.size) if wanted else Span(0, source.size, source.size)
    if span.length > MOST_BYTES:
        raise S3Error("EntityTooLarge", ProposedSize=str(span.length), MaxSizeAllowed=str(MOST_BYTES))
    return span


def _exact_span(wanted: str, size: int) -> Span:
    """A range of a copy has both ends, and they are there. Raises: S3Error."""
    found = re.fullmatch(r"bytes=(\d{1,18})-(\d{1,18})", wanted)
    if found is None:
        raise S3Error(
            "InvalidArgument",
            "The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the"
            " zero-based offsets of the first and last bytes to copy",
        )
    first, last = int(found[1]), int(found[2])
    if not first <= last < size:
        raise S3Error("InvalidRange", f"Range specified is not valid for source object of size: {size}")
    return Span(first, last - first + 1, size)


def _listed(part: Part) -> dict[str, Any]:
    return {
        "PartNumber": part.number,
        "LastModified": moment(part.modified),
        "ETag": f'"{part.etag}"',
        "Size": part.size,
        f"Checksum{part.algorithm}": part.checksum,
    }
