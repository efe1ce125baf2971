import base64
import hashlib
from pathlib import Path
from typing import Any

import pytest

from tests.unit.local.store.errors_of import error_of
from tests.unit.local.store.running_s3 import Running

KEYS = [
    "plain.jpg",
    "a folder/ein Bär.jpg",
    "plus+and&and=and?and#and%41",
    "../../../etc/passwd",
    "a//b",
    "/begins",
    "ends/",
    "./.",
    "\U0001f600 emoji",
    "tab\tand\x01control",
    "x" * 1024,
]


@pytest.mark.parametrize("key", KEYS)
def test_every_key_comes_back(s3: Any, bucket: str, key: str) -> None:
    s3.put_object(Bucket=bucket, Key=key, Body=key.encode())

    assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == key.encode()
    assert [entry["Key"] for entry in s3.list_objects_v2(Bucket=bucket)["Contents"]] == [key]
    s3.delete_object(Bucket=bucket, Key=key)
    assert error_of(s3.get_object, Bucket=bucket, Key=key) == (404, "NoSuchKey")


def test_a_key_has_at_most_1024_bytes(s3: Any, bucket: str) -> None:
    assert error_of(s3.put_object, Bucket=bucket, Key="ä" * 513) == (400, "KeyTooLongError")


@pytest.mark.parametrize("size", [0, 1, 128 * 1024, 128 * 1024 + 1, 3_000_001])
def test_small_and_large_bodies_come_back(s3: Any, bucket: str, folder: Path, size: int) -> None:
    body = hashlib.shake_128(b"seed").digest(size)

    stored = s3.put_object(Bucket=bucket, Key="body", Body=body)

    assert stored["ETag"] == f'"{hashlib.md5(body).hexdigest()}"'
    assert s3.get_object(Bucket=bucket, Key="body")["Body"].read() == body
    assert (folder / "body").read_bytes() == body


def test_metadata_and_headers_come_back(s3: Any, bucket: str) -> None:
    said: dict[str, Any] = {
        "ContentType": "image/jpeg",
        "CacheControl": "no-cache",
        "ContentDisposition": 'attachment; filename="a.jpg"',
        "ContentEncoding": "gzip",
        "ContentLanguage": "de",
        "Metadata": {"job": "1 2"},
    }
    s3.put_object(Bucket=bucket, Key="key", Body=b"1", **said)

    for answer in (s3.head_object(Bucket=bucket, Key="key"), s3.get_object(Bucket=bucket, Key="key")):
        assert {name: answer[name] for name in said} == said


def test_metadata_has_at_most_2_kilobytes(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="key", Metadata={"a": "x" * 2047})

    assert error_of(s3.put_object, Bucket=bucket, Key="key", Metadata={"a": "x" * 2048}) == (400, "MetadataTooLarge")


@pytest.mark.parametrize(
    ("wanted", "content", "described"),
    [
        ("bytes=0-3", b"0123", "bytes 0-3/10"),
        ("bytes=8-", b"89", "bytes 8-9/10"),
        ("bytes=-3", b"789", "bytes 7-9/10"),
        ("bytes=-99", b"0123456789", "bytes 0-9/10"),
        ("bytes=5-999", b"56789", "bytes 5-9/10"),
        ("bytes=9-2", b"0123456789", None),
        ("bytes=0-1,3-4", b"0123456789", None),
        ("items=0-1", b"0123456789", None),
        ("bytes=--1", b"0123456789", None),
    ],
)
def test_ranges(s3: Any, bucket: str, wanted: str, content: bytes, described: str | None) -> None:
    s3.put_object(Bucket=bucket, Key="key", Body=b"0123456789")

    answer = s3.get_object(Bucket=bucket, Key="key", Range=wanted)

    assert answer["Body"].read() == content
    assert answer.get("ContentRange") == described
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == (206 if described else 200)


@pytest.mark.parametrize("wanted", ["bytes=10-", "bytes=-0", "bytes=99999999999999999-"])
def test_a_range_beyond_the_end_is_refused(s3: Any, bucket: str, wanted: str) -> None:
    s3.put_object(Bucket=bucket, Key="key", Body=b"0123456789")

    assert error_of(s3.get_object, Bucket=bucket, Key="key", Range=wanted) == (416, "InvalidRange")


def test_conditions_of_reading(s3: Any, bucket: str) -> None:
    etag = s3.put_object(Bucket=bucket, Key="key", Body=b"1")["ETag"]
    modified = s3.head_object(Bucket=bucket, Key="key")["LastModified"]
    get = {"Bucket": bucket, "Key": "key"}

    assert s3.get_object(**get, IfMatch=etag, IfModifiedSince="2020-01-01")
    assert error_of(s3.get_object, **get, IfMatch='"other"') == (412, "PreconditionFailed")
    assert error_of(s3.get_object, **get, IfNoneMatch=etag) == (304, "304")
    assert error_of(s3.get_object, **get, IfModifiedSince=modified) == (304, "304")
    assert error_of(s3.get_object, **get, IfUnmodifiedSince="2020-01-01") == (412, "PreconditionFailed")
    # as RFC 9110 has it, the entity tags decide where both are there
    assert s3.get_object(**get, IfMatch=etag, IfUnmodifiedSince="2020-01-01")
    assert s3.get_object(**get, IfNoneMatch='"other"', IfModifiedSince=modified)


def test_conditions_of_writing(s3: Any, bucket: str) -> None:
    etag = s3.put_object(Bucket=bucket, Key="key", Body=b"1", IfNoneMatch="*")["ETag"]

    assert error_of(s3.put_object, Bucket=bucket, Key="key", IfNoneMatch="*") == (412, "PreconditionFailed")
    assert error_of(s3.put_object, Bucket=bucket, Key="key", IfMatch='"other"') == (412, "PreconditionFailed")
    assert error_of(s3.put_object, Bucket=bucket, Key="none", IfMatch=etag) == (404, "NoSuchKey")
    s3.put_object(Bucket=bucket, Key="key", Body=b"2", IfMatch=etag)
    assert s3.get_object(Bucket=bucket, Key="key")["Body"].read() == b"2"


def test_an_answer_may_have_other_headers(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="key", Body=b"1")

    answer = s3.get_object(Bucket=bucket, Key="key", ResponseContentType="text/x", ResponseCacheControl="no-store")

    assert (answer["ContentType"], answer["CacheControl"]) == ("text/x", "no-store")


@pytest.mark.parametrize("text", ["a%0d%0aset-cookie:%20b=c", "%E2%82%AC", "a%00"])
def test_nobody_adds_headers_to_an_answer(store: Running, s3: Any, bucket: str, text: str) -> None:
    s3.put_object(Bucket=bucket, Key="key", Body=b"1")

    answer = store.ask("GET", f"/{bucket}/key?response-content-type={text}")

    assert answer.status == 400
    assert "set-cookie" not in answer.headers


def _digest(name: str, body: bytes) -> str:
    return base64.b64encode(hashlib.new(name, body).digest()).decode()


BODY = b"123456789"
CHECKSUMS = {
    "crc32": "y/Q5Jg==",
    "crc32c": "4waSgw==",
    "crc64nvme": "rosUhgp5mIg=",
    "sha1": _digest("sha1", BODY),
    "sha256": _digest("sha256", BODY),
}


@pytest.mark.parametrize("algorithm", CHECKSUMS)
def test_checksums_are_compared_and_kept(store: Running, s3: Any, bucket: str, algorithm: str) -> None:
    header, value = f"x-amz-checksum-{algorithm}", CHECKSUMS[algorithm]
    wrong = base64.b64encode(bytes(len(base64.b64decode(value)))).decode()

    assert b"BadDigest" in store.ask("PUT", f"/{bucket}/key", body=BODY, headers={header: wrong}).data
    assert store.ask("PUT", f"/{bucket}/key", body=BODY, headers={header: "AA=="}).status == 400
    stored = store.ask("PUT", f"/{bucket}/key", body=BODY, headers={header: value})

    assert (stored.status, stored.headers[header]) == (200, value)
    shown = store.ask("HEAD", f"/{bucket}/key", headers={"x-amz-checksum-mode": "ENABLED"})
    assert (shown.headers[header], shown.headers["x-amz-checksum-type"]) == (value, "FULL_OBJECT")
    assert header not in store.ask("HEAD", f"/{bucket}/key").headers


def test_the_store_has_a_checksum_of_its_own(store: Running, s3: Any, bucket: str) -> None:
    store.ask("PUT", f"/{bucket}/key", body=BODY)

    found = s3.get_object_attributes(Bucket=bucket, Key="key", ObjectAttributes=["Checksum", "ObjectSize", "ETag"])

    assert found["Checksum"]["ChecksumCRC64NVME"] == CHECKSUMS["crc64nvme"]
    assert found["ObjectSize"] == 9


def test_content_md5(store: Running, s3: Any, bucket: str) -> None:
    right = _digest("md5", BODY)

    assert store.ask("PUT", f"/{bucket}/key", body=BODY, headers={"content-md5": right}).status == 200
    for md5, code in ((_digest("md5", b"other"), b"BadDigest"), ("nonsense", b"InvalidDigest"), ("", b"InvalidDigest")):
        answer = store.ask("PUT", f"/{bucket}/key", body=BODY, headers={"content-md5": md5})
        assert (answer.status, code in answer.data) == (400, True)


def _chunked(*chunks: bytes, signed: bool = False, trailers: str = "") -> bytes:
    extension = ";chunk-signature=" + "0" * 64 if signed else ""
    body = b"".join(f"{len(chunk):x}{extension}\r\n".encode() + chunk + b"\r\n" for chunk in chunks)
    return body + f"0{extension}\r\n{trailers}\r\n".encode()


@pytest.mark.parametrize(
    ("kind", "signed", "trailers"),
    [
        ("STREAMING-AWS4-HMAC-SHA256-PAYLOAD", True, ""),
        ("STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER", True, "x-amz-checksum-crc32:y/Q5Jg==\r\n"),
        ("STREAMING-UNSIGNED-PAYLOAD-TRAILER", False, "x-amz-checksum-crc32:y/Q5Jg==\r\n"),
        ("STREAMING-UNSIGNED-PAYLOAD-TRAILER", False, "x-amz-checksum-crc64nvme: rosUhgp5mIg=\r\n"),
    ],
)
def test_aws_chunked_bodies(*, store: Running, s3: Any, bucket: str, kind: str, signed: bool, trailers: str) -> None:
    body = _chunked(BODY[:4], BODY[4:], signed=signed, trailers=trailers)
    headers = {
        "x-amz-content-sha256": kind,
        "content-encoding": "gzip,aws-chunked",
        "x-amz-decoded-content-length": "9",
        "x-amz-trailer": trailers.partition(":")[0],
    }

    assert store.ask("PUT", f"/{bucket}/key", body=body, headers=headers).status == 200

    found = s3.get_object(Bucket=bucket, Key="key")
    assert (found["Body"].read(), found["ContentEncoding"]) == (BODY, "gzip")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"9\r\n1234",
        b"zz\r\n",
        b"9\r\n123456789X\r\n0\r\n\r\n",
        b"ffffffffffffffff\r\n12",
        b"4\r\n1234\r\n0\r\n\r\n",
        b"9" * 10_000,
        _chunked(BODY, trailers="x-amz-checksum-crc32:AAAAAA==\r\n"),
        _chunked(BODY),
        _chunked(BODY, trailers="a:b\r\n" * 100),
    ],
)
def test_wrong_aws_chunked_bodies_are_refused(store: Running, s3: Any, bucket: str, body: bytes) -> None:
    headers = {
        "x-amz-content-sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
        "x-amz-decoded-content-length": "9",
        "x-amz-trailer": "x-amz-checksum-crc32",
    }

    answer = store.ask("PUT", f"/{bucket}/key", body=body, headers=headers)

    assert answer.status == 400
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0


def test_the_hash_of_the_body_is_compared(store: Running, s3: Any, bucket: str) -> None:
    headers = {"x-amz-content-sha256": hashlib.sha256(b"other").hexdigest()}

    assert b"XAmzContentSHA256Mismatch" in store.ask("PUT", f"/{bucket}/key", body=BODY, headers=headers).data


def test_many_objects_are_deleted_at_once(s3: Any, bucket: str, folder: Path) -> None:
    for number in range(5):
        s3.put_object(Bucket=bucket, Key=f"a/{number}", Body=b"1")

    answer = s3.delete_objects(
        Bucket=bucket, Delete={"Objects": [{"Key": f"a/{n}"} for n in range(4)] + [{"Key": "no"}]}
    )

    assert len(answer["Deleted"]) == 5
    assert "Errors" not in answer
    assert [path.name for path in (folder / "a").iterdir()] == ["4"]
    too_many = [{"Key": "x"}] * 1001
    assert error_of(s3.delete_objects, Bucket=bucket, Delete={"Objects": too_many}) == (400, "MalformedXML")


def test_a_copy_has_the_metadata_of_its_source_or_its_own(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="a b+ü", Body=b"1", Metadata={"one": "1"}, ContentType="image/png", Tagging="t=1")
    source = {"Bucket": bucket, "Key": "a b+ü"}

    s3.copy_object(Bucket=bucket, Key="same", CopySource=source)
    s3.copy_object(Bucket=bucket, Key="own", CopySource=source, Metadata={"two": "2"}, MetadataDirective="REPLACE")

    same, own = s3.head_object(Bucket=bucket, Key="same"), s3.head_object(Bucket=bucket, Key="own")
    assert (same["Metadata"], same["ContentType"]) == ({"one": "1"}, "image/png")
    assert (own["Metadata"], own["ContentType"]) == ({"two": "2"}, "binary/octet-stream")
    assert s3.get_object_tagging(Bucket=bucket, Key="own")["TagSet"] == [{"Key": "t", "Value": "1"}]
    s3.delete_object(Bucket=bucket, Key="a b+ü")
    assert s3.get_object(Bucket=bucket, Key="same")["Body"].read() == b"1"


def test_conditions_of_a_copy(s3: Any, bucket: str) -> None:
    etag = s3.put_object(Bucket=bucket, Key="a", Body=b"1")["ETag"]
    copy = {"Bucket": bucket, "Key": "b", "CopySource": {"Bucket": bucket, "Key": "a"}}

    assert error_of(s3.copy_object, **copy, CopySourceIfMatch='"x"') == (412, "PreconditionFailed")
    assert error_of(s3.copy_object, **copy, CopySourceIfNoneMatch=etag) == (412, "PreconditionFailed")
    assert error_of(s3.copy_object, **{**copy, "Key": "a"}) == (400, "InvalidRequest")
    assert error_of(s3.copy_object, **{**copy, "CopySource": f"{bucket}/none"}) == (404, "NoSuchKey")
    s3.copy_object(**copy, CopySourceIfMatch=etag)


def test_tags(s3: Any, bucket: str) -> None:
    tags = [{"Key": "a", "Value": ""}, {"Key": "b", "Value": "x y"}]
    s3.put_object(Bucket=bucket, Key="key", Tagging="b=x+y&a")

    assert s3.get_object_tagging(Bucket=bucket, Key="key")["TagSet"] == tags
    s3.put_object_tagging(Bucket=bucket, Key="key", Tagging={"TagSet": tags[:1]})
    assert s3.head_object(Bucket=bucket, Key="key")["TagCount"] == 1
    double = {"TagSet": tags[:1] * 2}
    assert error_of(s3.put_object_tagging, Bucket=bucket, Key="key", Tagging=double) == (400, "InvalidTag")
    s3.delete_object_tagging(Bucket=bucket, Key="key")
    assert s3.get_object_tagging(Bucket=bucket, Key="key")["TagSet"] == []


def test_a_bucket_in_the_host_name(store: Running, s3: Any, bucket: str) -> None:
    host = {"host": f"{bucket}.localhost"}

    assert store.ask("PUT", "/a/key", body=b"1", headers=host).status == 200

    assert s3.get_object(Bucket=bucket, Key="a/key")["Body"].read() == b"1"
    assert b"<Key>a/key</Key>" in store.ask("GET", "/", headers=host).data


def test_what_is_not_supported_is_named(s3: Any, bucket: str) -> None:
    asked = {"Bucket": bucket, "Policy": "{}"}

    assert error_of(s3.put_bucket_policy, **asked) == (501, "NotImplemented")
    with pytest.raises(s3.exceptions.ClientError, match="PutBucketPolicy"):
        s3.put_bucket_policy(**asked)
    encrypted = {"Bucket": bucket, "Key": "k", "ServerSideEncryption": "AES256"}
    assert error_of(s3.put_object, **encrypted) == (501, "NotImplemented")


def test_a_page_may_read_what_the_rules_of_the_bucket_allow(store: Running, s3: Any, bucket: str) -> None:
    rule = {"AllowedOrigins": ["http://*.example.org"], "AllowedMethods": ["GET"], "ExposeHeaders": ["ETag"]}
    s3.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": [rule]})

    assert s3.get_bucket_cors(Bucket=bucket)["CORSRules"] == [rule]
    s3.delete_bucket_cors(Bucket=bucket)
    assert error_of(s3.get_bucket_cors, Bucket=bucket) == (404, "NoSuchCORSConfiguration")
