"""Requests that nobody in good faith would send: always an answer of S3, never a failure of the store."""

import re
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rollcall.local.store.s3.operations import operations
from tests.unit.local.store.running_s3 import Running

MANY = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))

BOMB = b"""<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "bbbbbbbbbb"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;">]>
<Delete><Object><Key>&c;</Key></Object></Delete>"""
DOCUMENTS = [
    BOMB,
    b'<!DOCTYPE a SYSTEM "file:///etc/passwd"><Delete><Object><Key>a</Key></Object></Delete>',
    b"<a>" * 100_000,
    b"<Delete>" + b"<Object><Key>a</Key></Object>" * 60_000 + b"</Delete>",
    b"<Delete><Object><Key>" + b"k" * 5_000_000,
    b"<Delete/>",
    b"<Delete><Object/></Delete>",
    b"<Other/>",
    b"\xff\xfe\x00",
    b"{}",
    b"",
    b'<?xml version="1.0" encoding="utf-7"?><Delete/>',
    b"<Delete><Quiet>perhaps</Quiet><Object><Key>a</Key></Object></Delete>",
]


@pytest.mark.parametrize("document", DOCUMENTS, ids=range(len(DOCUMENTS)))
@pytest.mark.parametrize("query", ["delete", "lifecycle", "notification", "cors", "versioning", "tagging"])
def test_documents(store: Running, s3: Any, bucket: str, document: bytes, query: str) -> None:
    method = "POST" if query == "delete" else "PUT"

    answer = store.ask(method, f"/{bucket}?{query}", body=document)

    assert answer.status in (200, 400), answer.data
    assert b"root:" not in answer.data


TEXT = st.text(st.characters(codec="latin-1", exclude_characters="\r\n\0"), max_size=30).map(str.strip)
QUERIES = sorted({query for found in operations().values() for operation in found for query in operation.queries})
HEADERS = [
    "range", "if-match", "if-none-match", "if-modified-since", "if-unmodified-since", "if-range", "content-md5",
    "content-type", "content-encoding", "x-amz-content-sha256", "x-amz-decoded-content-length", "x-amz-trailer",
    "x-amz-checksum-crc32", "x-amz-checksum-sha256", "x-amz-copy-source", "x-amz-copy-source-range",
    "x-amz-copy-source-if-match", "x-amz-metadata-directive", "x-amz-tagging", "x-amz-acl", "x-amz-storage-class",
    "x-amz-sdk-checksum-algorithm", "x-amz-checksum-algorithm", "x-amz-checksum-type", "x-amz-checksum-mode",
    "x-amz-object-attributes", "x-amz-max-parts", "x-amz-part-number-marker", "x-amz-if-match-size",
    "x-amz-if-match-last-modified-time", "x-amz-mp-object-size", "x-amz-meta-a", "authorization", "x-amz-date",
    "expires", "x-amz-expected-bucket-owner", "x-amz-website-redirect-location",
]  # fmt: skip
VALUES = st.one_of(
    TEXT,
    st.sampled_from(
        ["", "0", "-1", "1", "9" * 30, "bytes=0-", "bytes=-1", "*", '"', "STREAMING-", "/", "bucket/key", "%ff", "%00"]
        + ["AWS4-HMAC-SHA256 Credential=a", "Thu, 01 Jan 1970 00:00:00 GMT", "Mon, 99 Foo 99999 00:00:00 GMT"]
        + ["COPY", "REPLACE", "CRC32", "FULL_OBJECT", "a=b&c", "multipart/form-data; boundary=a", "\xff", "²"]
    ),
)
PARTS = ["partNumber", "uploadId", "versionId", "max-keys", "marker", "key-marker", "encoding-type", "prefix"]
SIGNED = ["X-Amz-Algorithm", "X-Amz-Date", "X-Amz-Expires", "X-Amz-Credential", "Signature", "Expires"]


@MANY
@given(
    method=st.sampled_from(["GET", "PUT", "POST", "DELETE", "HEAD", "OPTIONS", "PATCH"]),
    path=st.sampled_from(
        ["/", "/{b}", "/{b}/", "/{b}/key", "/{b}/a/../b", "/{b}/%ff", "/%00", "/{b}/%00", "//", "/x" * 600]
    ),
    queries=st.dictionaries(
        st.sampled_from([*QUERIES, *PARTS, *SIGNED, "delimiter", "response-content-type", "continuation-token"]),
        VALUES,
        max_size=4,
    ),
    headers=st.dictionaries(st.sampled_from(HEADERS), VALUES, max_size=4),
    body=st.one_of(st.binary(max_size=50), st.sampled_from(DOCUMENTS[5:])),
)
def test_requests_of_any_kind(
    *, store: Running, s3: Any, bucket: str, method: str, path: str, queries: Any, headers: Any, body: bytes
) -> None:
    s3.put_object(Bucket=bucket, Key="key", Body=b"0123456789")
    query = "&".join(f"{name}={_escaped(value)}" for name, value in queries.items())
    sent = {name: value.encode("latin-1") for name, value in headers.items()}

    answer = store.ask(method, f"{path.replace('{b}', bucket)}?{query}", body=body, headers=sent)

    assert answer.status < 500 or answer.status == 501, (answer.status, answer.data)
    if answer.status >= 400 and method != "HEAD" and answer.data.startswith(b"<?xml"):
        assert re.search(rb"<Code>\w+</Code>", answer.data)


def _escaped(value: str) -> str:
    return "".join(
        letter if letter.isascii() and letter.isalnum() or letter in "%-" else f"%{ord(letter):02X}" for letter in value
    )


@pytest.mark.parametrize("host", ["", "a" * 300, "bucket.localhost:99999", "[::1]:80", "-.localhost", "..localhost"])
def test_hosts(store: Running, host: str) -> None:
    assert store.ask("GET", "/bucket/key", headers={"host": host}).status < 500


@pytest.mark.parametrize(
    "name",
    [
        "ab",
        "a" * 64,
        "A-bucket",
        "a_bucket",
        "a..b",
        "-a-",
        "1.2.3.4",
        "xn--a",
        "b-s3alias",
        "%2E%2E%2Fa",
        ".store",
        "a%2Fb",
        "%00ab",
    ],
)
def test_names_of_buckets(store: Running, name: str) -> None:
    answer = store.ask("PUT", f"/{name}")

    assert (answer.status, b"InvalidBucketName" in answer.data) == (400, True) or name == "a%2Fb"


def test_more_queries_than_anybody_needs(store: Running, bucket: str) -> None:
    query = "&".join(f"a{number}=b" for number in range(1000))

    assert store.ask("GET", f"/{bucket}?{query}").status == 400


def test_numbers_that_python_counts_as_digits(store: Running, s3: Any, bucket: str) -> None:
    assert store.ask("GET", f"/{bucket}?list-type=2&max-keys=%C2%B2").status == 400
    assert store.ask("GET", f"/{bucket}?list-type=2&max-keys=%D9%A1").status == 400
