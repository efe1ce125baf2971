import base64
import io
import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import urllib3
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tests.unit.local.store.errors_of import error_of
from tests.unit.local.store.running_s3 import KEY, SECRET, Running, running_s3
from tests.unit.local.store.signed_chunks import chunked_request


class Clock:
    ahead = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead


CLOCK = Clock()


@pytest.fixture(autouse=True)
def _now() -> Iterator[None]:
    yield
    CLOCK.ahead = 0.0


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One that knows whom it serves."""
    with running_s3(tmp_path_factory.mktemp("signed"), secret_of={KEY: SECRET}.get, clock=CLOCK) as running:
        yield running


@pytest.fixture(scope="module")
def open_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One that takes any credentials."""
    with running_s3(tmp_path_factory.mktemp("open"), clock=CLOCK) as running:
        yield running


def test_signed_requests_are_served(s3: Any, bucket: str) -> None:
    for key in ("plain", "a b/ü+&?%.jpg", "a//b/../c"):
        s3.put_object(Bucket=bucket, Key=key, Body=b"1", Metadata={"a": "  two   spaces "})
        assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == b"1"
    s3.upload_fileobj(io.BytesIO(b"x" * 9_000_000), bucket, "chunks")
    assert len(s3.list_objects_v2(Bucket=bucket, Prefix="a", Delimiter="/")["CommonPrefixes"]) == 2


def test_others_are_refused(store: Running, s3: Any, bucket: str) -> None:
    get = {"Bucket": bucket, "Key": "key"}

    assert error_of(store.client(secret="wrong").get_object, **get) == (403, "SignatureDoesNotMatch")
    assert store.ask("GET", f"/{bucket}/key").status == 403
    assert store.ask("GET", "/").status == 403
    CLOCK.ahead = 16 * 60
    assert error_of(s3.get_object, **get) == (403, "RequestTimeTooSkewed")


def _signed(store: Running, method: str, path: str, body: bytes, **more: str) -> AWSRequest:
    request = AWSRequest(method, f"{store.url}{path}", data=body, headers=more)
    S3SigV4Auth(Credentials(KEY, SECRET), "s3", "us-east-1").add_auth(request)
    return request


@pytest.mark.parametrize("change", ["path", "method", "query", "header", "body", "extra", "key", "region"])
def test_a_changed_request_is_refused(store: Running, s3: Any, bucket: str, change: str) -> None:
    request = _signed(store, "PUT", f"/{bucket}/key", b"body", **{"x-amz-meta-a": "1"})
    method, path, body, headers = "PUT", f"/{bucket}/key", b"body", dict(request.headers.items())
    assert store.ask(method, path, body=body, headers=headers).status == 200

    if change == "header":
        headers["x-amz-meta-a"] = "2"
    elif change == "extra":
        headers["x-amz-meta-b"] = "2"
    elif change in ("key", "region"):
        old, new = (KEY, "AKIDOTHER") if change == "key" else ("us-east-1", "eu-west-1")
        headers["Authorization"] = headers["Authorization"].replace(old, new)
    method = "GET" if change == "method" else method
    path = {"path": f"/{bucket}/other", "query": f"{path}?a=b"}.get(change, path)
    body = b"BODY" if change == "body" else body

    assert store.ask(method, path, body=None if method == "GET" else body, headers=headers).status in (400, 403)


def test_chunks_are_verified(store: Running, s3: Any, bucket: str) -> None:
    """A client that signs each chunk."""
    headers, body = chunked_request(f"{store.url}/{bucket}/key", [b"one", b"two"], KEY, SECRET)
    assert store.ask("PUT", f"/{bucket}/key", body=body, headers=headers).status == 200
    assert s3.get_object(Bucket=bucket, Key="key")["Body"].read() == b"onetwo"

    answer = store.ask("PUT", f"/{bucket}/key", body=body.replace(b"two", b"2wo"), headers=headers)
    assert (answer.status, b"SignatureDoesNotMatch" in answer.data) == (403, True)


def test_a_trailer_is_verified(store: Running, s3: Any, bucket: str) -> None:
    trailer = "x-amz-checksum-crc32:" + base64.b64encode(zlib.crc32(b"onetwo").to_bytes(4, "big")).decode()
    headers, body = chunked_request(f"{store.url}/{bucket}/key", [b"one", b"two"], KEY, SECRET, trailer)
    assert store.ask("PUT", f"/{bucket}/key", body=body, headers=headers).status == 200

    unsigned = body[: body.index(b"x-amz-trailer-signature")] + b"\r\n"
    other = body.replace(b"x-amz-trailer-signature:", b"x-amz-trailer-signature:0")
    for changed in (unsigned, other):
        answer = store.ask("PUT", f"/{bucket}/key", body=changed, headers=headers)
        assert (answer.status, b"SignatureDoesNotMatch" in answer.data) == (403, True)


@pytest.mark.parametrize("signature", ["s3v4", "s3"])
def test_presigned_urls(store: Running, s3: Any, bucket: str, signature: str) -> None:
    signer = store.client(signature=signature)
    where = {"Bucket": bucket, "Key": "a b/ü.jpg"}
    put = signer.generate_presigned_url("put_object", {**where, "ContentType": "image/jpeg"}, ExpiresIn=60)
    get = signer.generate_presigned_url("get_object", {**where, "ResponseContentType": "text/x"}, ExpiresIn=60)

    with urllib3.PoolManager() as web:
        assert web.request("PUT", put, body=b"1", headers={"content-type": "image/jpeg"}).status == 200
        answer = web.request("GET", get)
        assert (answer.data, answer.headers["content-type"]) == (b"1", "text/x")
        assert web.request("DELETE", get).status == 403
        assert web.request("GET", get.replace("%C3%BC", "u")).status == 403
        CLOCK.ahead = 62
        late = web.request("GET", get)
        assert (late.status, b"Request has expired" in late.data) == (403, True)


@pytest.mark.parametrize("signature", ["s3v4", "s3"])
def test_presigned_urls_expire_for_any_credentials_too(open_store: Running, signature: str) -> None:
    client = open_store.client(signature=signature)
    client.create_bucket(Bucket=f"open-{signature}")
    client.put_object(Bucket=f"open-{signature}", Key="key", Body=b"1")
    where = {"Bucket": f"open-{signature}", "Key": "key"}
    url = client.generate_presigned_url("get_object", where, ExpiresIn=60)

    with urllib3.PoolManager() as web:
        assert web.request("GET", url).status == 200
        CLOCK.ahead = 62
        assert web.request("GET", url).status == 403
        assert web.request("GET", url.split("?", maxsplit=1)[0]).status == 200


@pytest.mark.parametrize(
    "query",
    [
        "X-Amz-Algorithm=AWS4-HMAC-SHA256",
        "X-Amz-Signature=1",
        "Signature=a&Expires=soon&AWSAccessKeyId=b",
        "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=a/b&X-Amz-Date=x&X-Amz-Expires=1&X-Amz-SignedHeaders=host"
        "&X-Amz-Signature=s",
        "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=a/20260101/us-east-1/s3/aws4_request"
        "&X-Amz-Date=20260101T000000Z&X-Amz-Expires=604801&X-Amz-SignedHeaders=host&X-Amz-Signature=s",
    ],
)
def test_broken_presigned_urls_are_refused(store: Running, open_store: Running, query: str) -> None:
    for running in (store, open_store):
        assert running.ask("GET", f"/bucket/key?{query}").status in (400, 403)


def test_the_folder_is_private(tmp_path: Path) -> None:
    with running_s3(tmp_path / "data") as running:
        running.client().create_bucket(Bucket="bucket")
        assert all(path.stat().st_mode & 0o077 == 0 for path in (tmp_path / "data").rglob("*") if path.is_dir())
