import base64
import hashlib
import os
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.unit.local.store.errors_of import error_of
from tests.unit.local.store.running_s3 import Running

PART = 5 * 1024 * 1024


def _bytes(size: int, seed: int = 0) -> bytes:
    return bytes([seed]) * size


class Upload:
    def __init__(self, s3: Any, bucket: str, **said: Any) -> None:
        self._s3 = s3
        self.where = {"Bucket": bucket, "Key": "big/key"}
        self.id = s3.create_multipart_upload(**self.where, **said)["UploadId"]
        self.etags: dict[int, str] = {}

    def part(self, number: int, body: bytes, **said: Any) -> None:
        sent = self._s3.upload_part(**self.where, UploadId=self.id, PartNumber=number, Body=body, **said)
        self.etags[number] = sent["ETag"]

    def complete(self, numbers: Sequence[int], **said: Any) -> Any:
        parts = [{"PartNumber": number, "ETag": self.etags.get(number, '"none"')} for number in numbers]
        return self._s3.complete_multipart_upload(
            **self.where, UploadId=self.id, MultipartUpload={"Parts": parts}, **said
        )


@pytest.fixture
def upload(s3: Any, bucket: str) -> Upload:
    return Upload(s3, bucket)


def _blobs(store: Running) -> int:
    return sum(len(names) for names in store.s3.storage.blobs.names())


@pytest.mark.parametrize(
    "order",
    [(1, 2, 3), (3, 1, 2), (2, 3, 1), (1, 1, 2, 2, 3), (3, 2, 1, 2)],
    ids=lambda order: "-".join(map(str, order)),
)
def test_parts_in_any_order_and_more_than_once(
    *, store: Running, s3: Any, bucket: str, upload: Upload, folder: Path, order: Sequence[int]
) -> None:
    before = _blobs(store)
    sizes = {1: PART + 1, 2: PART + 1, 3: 7}
    bodies: dict[int, bytes] = {}
    for turn, number in enumerate(order):
        bodies[number] = _bytes(sizes[number], turn)
        upload.part(number, bodies[number])

    done = upload.complete([1, 2, 3])

    whole = bodies[1] + bodies[2] + bodies[3]
    joined = b"".join(hashlib.md5(bodies[number]).digest() for number in (1, 2, 3))
    assert done["ETag"] == f'"{hashlib.md5(joined).hexdigest()}-3"'
    assert s3.get_object(**upload.where)["Body"].read() == whole
    assert (folder / "big/key").read_bytes() == whole
    assert _blobs(store) == before + 1
    shown = s3.head_object(**upload.where, PartNumber=2)
    assert (shown["ContentLength"], shown["PartsCount"]) == (PART + 1, 3)


@pytest.mark.parametrize("chosen", [(1, 3), (2, 3), (2,), (1, 2)], ids=str)
def test_some_of_the_parts(s3: Any, upload: Upload, chosen: Sequence[int]) -> None:
    bodies = {number: _bytes(PART, number) for number in (1, 2, 3)}
    for number, body in bodies.items():
        upload.part(number, body)

    upload.complete(chosen)

    assert s3.get_object(**upload.where)["Body"].read() == b"".join(bodies[number] for number in chosen)


def test_parts_of_different_sizes(s3: Any, upload: Upload) -> None:
    bodies = [_bytes(PART + 5, 1), _bytes(PART + 100, 2), _bytes(PART, 3), _bytes(1, 4)]
    for number, body in enumerate(bodies, 1):
        upload.part(number, body)

    upload.complete([1, 2, 3, 4])

    assert s3.get_object(**upload.where)["Body"].read() == b"".join(bodies)


def test_a_failed_condition_leaves_the_upload(s3: Any, bucket: str, upload: Upload) -> None:
    upload.part(1, _bytes(PART, 1))
    upload.part(2, b"end")
    s3.put_object(**upload.where, Body=b"there")

    assert error_of(upload.complete, numbers=[1, 2], IfNoneMatch="*") == (412, "PreconditionFailed")
    upload.complete([1, 2])

    assert s3.get_object(**upload.where)["Body"].read() == _bytes(PART, 1) + b"end"


def test_asking_again_gives_the_same_answer(s3: Any, upload: Upload) -> None:
    upload.part(1, b"only")

    first, again = upload.complete([1]), upload.complete([1])

    assert first["ETag"] == again["ETag"]
    assert s3.list_object_versions(Bucket=upload.where["Bucket"])["Versions"][0]["ETag"] == first["ETag"]


def test_wrong_lists_of_parts(s3: Any, upload: Upload) -> None:
    upload.part(1, b"small")
    upload.part(2, b"end")

    assert error_of(upload.complete, numbers=[1, 2]) == (400, "EntityTooSmall")
    assert error_of(upload.complete, numbers=[2, 1]) == (400, "InvalidPartOrder")
    assert error_of(upload.complete, numbers=[1, 1]) == (400, "InvalidPartOrder")
    assert error_of(upload.complete, numbers=[1, 9]) == (400, "InvalidPart")
    assert error_of(upload.complete, numbers=[]) == (400, "MalformedXML")
    assert error_of(upload.part, number=0, body=b"") == (400, "InvalidArgument")
    assert error_of(upload.part, number=10_001, body=b"") == (400, "InvalidArgument")


def test_an_aborted_upload_leaves_nothing(store: Running, s3: Any, upload: Upload) -> None:
    before = _blobs(store)
    upload.part(1, _bytes(PART))
    upload.part(2, _bytes(PART))
    upload.part(3, b"x")
    where = {**upload.where, "UploadId": upload.id}

    s3.abort_multipart_upload(**where)

    assert _blobs(store) == before
    assert error_of(s3.list_parts, **where) == (404, "NoSuchUpload")
    assert error_of(upload.part, number=1, body=b"") == (404, "NoSuchUpload")
    assert error_of(s3.abort_multipart_upload, **where) == (404, "NoSuchUpload")


def test_parts_and_uploads_are_listed_in_pages(s3: Any, bucket: str, upload: Upload) -> None:
    for number in (1, 2, 5):
        upload.part(number, b"x" * number)
    others = [s3.create_multipart_upload(Bucket=bucket, Key=key)["UploadId"] for key in ("a", "a", "z/1", "z/2")]

    pages = s3.get_paginator("list_parts").paginate(
        **upload.where, UploadId=upload.id, PaginationConfig={"PageSize": 2}
    )
    parts = [(part["PartNumber"], part["Size"]) for page in pages for part in page["Parts"]]
    assert parts == [(1, 1), (2, 2), (5, 5)]

    uploads = s3.get_paginator("list_multipart_uploads").paginate(Bucket=bucket, PaginationConfig={"PageSize": 2})
    found = [entry["UploadId"] for page in uploads for entry in page.get("Uploads", [])]
    assert found == [*others[:2], upload.id, *others[2:]]
    folders = s3.list_multipart_uploads(Bucket=bucket, Delimiter="/")
    assert [entry["Prefix"] for entry in folders["CommonPrefixes"]] == ["big/", "z/"]


def test_parts_are_copied(s3: Any, bucket: str, upload: Upload) -> None:
    s3.put_object(Bucket=bucket, Key="source", Body=b"0123456789")
    source = {"Bucket": bucket, "Key": "source"}
    where = {**upload.where, "UploadId": upload.id, "PartNumber": 1, "CopySource": source}

    copied = s3.upload_part_copy(**where, CopySourceRange="bytes=2-4")
    upload.etags[1] = copied["CopyPartResult"]["ETag"]

    assert error_of(s3.upload_part_copy, **where, CopySourceRange="bytes=2-10") == (416, "InvalidRange")
    assert error_of(s3.upload_part_copy, **where, CopySourceRange="2-4") == (400, "InvalidArgument")
    upload.complete([1])
    assert s3.get_object(**upload.where)["Body"].read() == b"234"


def _crc(body: bytes) -> str:
    return base64.b64encode(zlib.crc32(body).to_bytes(4, "big")).decode()


def test_the_checksum_of_the_whole_object(s3: Any, bucket: str) -> None:
    upload = Upload(s3, bucket, ChecksumAlgorithm="CRC32", ChecksumType="FULL_OBJECT")
    bodies = [os.urandom(PART), os.urandom(PART), b"end"]
    for number, body in enumerate(bodies, 1):
        upload.part(number, body, ChecksumAlgorithm="CRC32")
    whole = _crc(b"".join(bodies))

    wrong = {"ChecksumCRC32": _crc(b"other"), "ChecksumType": "FULL_OBJECT"}
    assert error_of(upload.complete, numbers=[1, 2, 3], **wrong) == (400, "BadDigest")
    done = upload.complete([1, 2, 3], ChecksumCRC32=whole, ChecksumType="FULL_OBJECT")

    assert (done["ChecksumCRC32"], done["ChecksumType"]) == (whole, "FULL_OBJECT")
    assert s3.get_object(**upload.where, ChecksumMode="ENABLED")["Body"].read() == b"".join(bodies)


def test_the_checksum_of_checksums(s3: Any, bucket: str) -> None:
    upload = Upload(s3, bucket, ChecksumAlgorithm="SHA256")
    bodies = [os.urandom(PART), b"end"]
    for number, body in enumerate(bodies, 1):
        upload.part(number, body, ChecksumAlgorithm="SHA256")

    done = upload.complete([1, 2])

    joined = b"".join(hashlib.sha256(body).digest() for body in bodies)
    expected = base64.b64encode(hashlib.sha256(joined).digest()).decode() + "-2"
    assert (done["ChecksumSHA256"], done["ChecksumType"]) == (expected, "COMPOSITE")
    found = s3.get_object_attributes(**upload.where, ObjectAttributes=["ObjectParts", "Checksum"], MaxParts=1)
    assert found["ObjectParts"]["TotalPartsCount"] == 2
    assert [part["Size"] for part in found["ObjectParts"]["Parts"]] == [PART]


def test_a_page_of_uploads_may_end_with_a_folder(s3: Any, bucket: str) -> None:
    made = [s3.create_multipart_upload(Bucket=bucket, Key=key)["UploadId"] for key in ("a", "b/1", "b/2", "c")]

    pages = s3.get_paginator("list_multipart_uploads").paginate(
        Bucket=bucket, Delimiter="/", PaginationConfig={"PageSize": 1}
    )
    found = [
        entry.get("UploadId", entry.get("Prefix"))
        for page in pages
        for entry in (*page.get("Uploads", []), *page.get("CommonPrefixes", []))
    ]

    assert found == [made[0], "b/", made[3]]
