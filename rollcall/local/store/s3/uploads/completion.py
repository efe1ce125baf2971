"""CompleteMultipartUpload: parts become one object, in place where they were written in place."""

import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote

from rollcall.local.store.s3 import versions
from rollcall.local.store.s3.bucket_settings import buckets, notifications
from rollcall.local.store.s3.call import Answer, Call
from rollcall.local.store.s3.files import assembly
from rollcall.local.store.s3.files.assembly import LEAST_PART
from rollcall.local.store.s3.files.blobs import copy_range
from rollcall.local.store.s3.files.change import Placed
from rollcall.local.store.s3.object_conditions import check_writing
from rollcall.local.store.s3.object_writes import version_header
from rollcall.local.store.s3.s3_errors import S3Error
from rollcall.local.store.s3.uploads import checksums
from rollcall.local.store.s3.uploads.checksums import PartSum
from rollcall.local.store.s3.uploads.multipart import MOST_PARTS, Part, Upload, drop_upload, find_upload, parts_of
from rollcall.local.store.s3.versions import Described, NewVersion, Version

MOST_OBJECT_BYTES = 5 * 1024**4


def complete_multipart_upload(call: Call) -> Answer:
    """One at a time for each upload: a client that has lost patience asks again while the first is at work."""
    with call.storage.turn(call.get("UploadId", "")):
        made = _made_before(call)
        if made is None:
            made = _complete(call)
    return _answer(call, made)


def _complete(call: Call) -> Version:
    upload = find_upload(call, call.reader)
    check_writing(call.headers, lambda: versions.newest(call.reader, upload.bucket, upload.key), upload.key)
    stored = parts_of(call.reader, upload)
    chosen = _chosen(call, upload, stored)
    described = _described(call, upload, chosen)
    with _one_file(call, upload, stored, chosen) as placed, call.storage.change() as change:
        connection = change.connection
        bucket = buckets.find(connection, call.bucket_name)
        find_upload(call, connection)
        if parts_of(connection, upload) != stored:
            raise S3Error("OperationAborted")
        check_writing(call.headers, lambda: versions.newest(connection, bucket, call.key), call.key)
        new = NewVersion(
            modified=call.storage.clock(),
            described=described,
            blob=placed.blob,
            size=sum(part.size for part in chosen),
            etag=_etag(chosen),
        )
        made, dropped = versions.add(connection, bucket, call.key, new)
        change.note(bucket.name, call.key, placed=placed, dropped=dropped)
        drop_upload(change, bucket, upload.id, upload.assembly, keep_assembly=placed.blob == upload.assembly)
        notifications.announce(call, change, bucket, notifications.COMPLETED, made)
    call.storage.assemblies.forget(upload.id)
    return made


def _made_before(call: Call) -> Version | None:
    """The same request has been answered, and its client has not heard it."""
    newest = versions.newest(call.reader, call.bucket, call.key)
    return newest if newest is not None and newest.described.upload == call.get("UploadId") else None


def _chosen(call: Call, upload: Upload, stored: Sequence[Part]) -> list[Part]:
    """The parts that the request names. Raises: S3Error."""
    wanted: Sequence[Mapping[str, Any]] = (call.get("MultipartUpload") or {}).get("Parts", [])
    if not 1 <= len(wanted) <= MOST_PARTS or any("PartNumber" not in entry for entry in wanted):
        raise S3Error("MalformedXML")
    numbers = [entry["PartNumber"] for entry in wanted]
    if sorted(set(numbers)) != numbers:
        raise S3Error("InvalidPartOrder", UploadId=upload.id)
    by_number = {part.number: part for part in stored}
    chosen = [_matching(upload, entry, by_number.get(entry["PartNumber"])) for entry in wanted]
    for part in chosen[:-1]:
        if part.size < LEAST_PART:
            raise S3Error(
                "EntityTooSmall",
                PartNumber=str(part.number),
                ProposedSize=str(part.size),
                MinSizeAllowed=str(LEAST_PART),
                ETag=part.etag,
            )
    _check_size(call, sum(part.size for part in chosen))
    return chosen


def _matching(upload: Upload, entry: Mapping[str, Any], part: Part | None) -> Part:
    checksum = entry.get(f"Checksum{part.algorithm}") if part else None
    if part is None or entry.get("ETag", "").strip('"') != part.etag or checksum not in (None, part.checksum):
        raise S3Error(
            "InvalidPart", UploadId=upload.id, PartNumber=str(entry["PartNumber"]), ETag=entry.get("ETag", "")
        )
    return part


def _check_size(call: Call, size: int) -> None:
    if size > MOST_OBJECT_BYTES:
        raise S3Error("EntityTooLarge", ProposedSize=str(size), MaxSizeAllowed=str(MOST_OBJECT_BYTES))
    expected = call.get("MpuObjectSize")
    if expected is not None and expected != size:
        raise S3Error("InvalidRequest", "The provided 'x-amz-mp-object-size' header does not match what was computed.")


def _described(call: Call, upload: Upload, chosen: Sequence[Part]) -> Described:
    said, kind = upload.described, upload.checksum_type
    sent = checksums.sent_with_whole(call.headers)
    if call.get("ChecksumType") not in (None, kind):
        raise S3Error("InvalidRequest", f"The upload was created using the {kind} checksum mode.")
    value = checksums.of_parts(upload.algorithm, kind, [PartSum(part.checksum, part.size) for part in chosen])
    if sent is not None and sent[0] == upload.algorithm and sent[1] not in (value, value.partition("-")[0]):
        raise S3Error("BadDigest", f"The {upload.algorithm} you specified did not match the calculated checksum.")
    return Described(
        headers=said.headers,
        metadata=said.metadata,
        tags=said.tags,
        algorithm=upload.algorithm,
        checksum=value,
        checksum_type=kind,
        parts=[(part.number, part.size, part.checksum) for part in chosen],
        upload=upload.id,
    )


def _etag(chosen: Sequence[Part]) -> str:
    joined = b"".join(bytes.fromhex(part.etag) for part in chosen)
    return f"{hashlib.md5(joined, usedforsecurity=False).hexdigest()}-{len(chosen)}"


@contextmanager
def _one_file(call: Call, upload: Upload, stored: Sequence[Part], chosen: Sequence[Part]) -> Iterator[Placed]:
    if call.storage.assemblies.close(upload.id) and _in_place(stored, chosen):
        yield _completed_in_place(call, upload, chosen)
        return
    new = call.storage.blobs.create()
    placed = Placed(new.name, None)
    try:
        for part in chosen:
            with _opened(call, part) as source:
                new.append(source, part.place or 0, part.size)
        new.keep()
        yield placed
    finally:
        if not placed.committed:
            new.discard()


def _in_place(stored: Sequence[Part], chosen: Sequence[Part]) -> bool:
    """Whether every part in the assembly is wanted, and stands where it belongs."""
    starts, start = {}, 0
    for part in chosen:
        starts[part.number] = start
        start += part.size
    assembled = [part for part in stored if part.place is not None]
    return bool(assembled) and all(starts.get(part.number) == part.place for part in assembled)


def _completed_in_place(call: Call, upload: Upload, chosen: Sequence[Part]) -> Placed:
    """Copy what had a file of its own. Everything stays valid if this is cut short."""
    path = call.storage.blobs.path(upload.assembly)
    path.chmod(0o600)
    start = 0
    for part in chosen:
        if part.place is None:
            target = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
            try:
                os.lseek(target, start, os.SEEK_SET)
                with _opened(call, part) as source:
                    copy_range(source, target, 0, part.size)
            finally:
                os.close(target)
        start += part.size
    assembly.finish(path, start, durable=call.storage.blobs.durable)
    return Placed(upload.assembly, None)


@contextmanager
def _opened(call: Call, part: Part) -> Iterator[int]:
    descriptor = call.storage.blobs.open(part.blob)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _answer(call: Call, made: Version) -> Answer:
    described = made.described
    values = {
        "Location": f"http://{call.headers.get('host', '')}/{call.bucket_name}/{quote(call.key)}",
        "Bucket": call.bucket_name,
        "Key": call.key,
        "ETag": f'"{made.etag}"',
        f"Checksum{described.algorithm}": described.checksum,
        "ChecksumType": described.checksum_type,
    }
    return Answer(values, headers=version_header(call, made))
