"""Lists against a plain model of what AWS documents, over keys that are as awkward as they come."""

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rollcall.local.store.s3.object_listing import after_prefix
from tests.unit.local.store.errors_of import error_of

LETTERS = st.sampled_from(["a", "b", "/", "%", "ä", "\U0001f600", "\U0010ffff", "\ud7ff", " "])
KEYS = st.lists(st.text(LETTERS, min_size=1, max_size=5), min_size=1, max_size=12, unique=True)
QUICK = settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


def _model(keys: Sequence[str], prefix: str, delimiter: str) -> list[tuple[str, bool]]:
    """Keys and common prefixes in the order of their UTF-8 bytes."""
    found: dict[str, bool] = {}
    for key in sorted(keys, key=str.encode):
        if key.startswith(prefix):
            end = key.find(delimiter, len(prefix)) if delimiter else -1
            found[key if end < 0 else key[: end + len(delimiter)]] = end >= 0
    return list(found.items())


@pytest.fixture
def filled(s3: Any, bucket: str) -> Any:
    def fill(keys: Sequence[str]) -> None:
        listed = s3.list_objects_v2(Bucket=bucket).get("Contents", [])
        for entry in listed:
            s3.delete_object(Bucket=bucket, Key=entry["Key"])
        for key in keys:
            s3.put_object(Bucket=bucket, Key=key, Body=b"")

    return fill


@QUICK
@given(
    keys=KEYS,
    prefix=st.text(LETTERS, max_size=2),
    delimiter=st.sampled_from(["", "/", "a", "ab", "\U0010ffff"]),
    most=st.integers(1, 4),
)
def test_pages_together_are_the_whole_list(
    *, s3: Any, bucket: str, filled: Any, keys: list[str], prefix: str, delimiter: str, most: int
) -> None:
    filled(keys)
    wanted = _model(keys, prefix, delimiter)
    asked: dict[str, Any] = {"Bucket": bucket, "Prefix": prefix, "PaginationConfig": {"PageSize": most}}
    if delimiter:
        asked["Delimiter"] = delimiter
    for operation in ("list_objects_v2", "list_objects", "list_object_versions"):
        pages = list(s3.get_paginator(operation).paginate(**asked))
        name = "Versions" if operation == "list_object_versions" else "Contents"
        found = [
            *((entry["Key"], False) for page in pages for entry in page.get(name, [])),
            *((entry["Prefix"], True) for page in pages for entry in page.get("CommonPrefixes", [])),
        ]
        assert sorted(found) == sorted(wanted), operation
        assert all(len(page.get(name, [])) + len(page.get("CommonPrefixes", [])) <= most for page in pages)


@QUICK
@given(keys=KEYS, after=st.text(LETTERS, max_size=3))
def test_start_after(s3: Any, bucket: str, filled: Any, keys: list[str], after: str) -> None:
    filled(keys)

    found = s3.list_objects_v2(Bucket=bucket, StartAfter=after)

    wanted = sorted((key for key in keys if key.encode() > after.encode()), key=str.encode)
    assert [entry["Key"] for entry in found.get("Contents", [])] == wanted
    assert found["KeyCount"] == len(wanted)


@given(st.text(max_size=4), st.text(max_size=4))
def test_what_follows_a_prefix(prefix: str, text: str) -> None:
    following = after_prefix(prefix)

    if following is not None:
        following.encode()
        assert (text.encode() < following.encode()) == (text.encode() < prefix.encode() or text.startswith(prefix))


def test_no_keys_are_a_page_too(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="a", Body=b"")

    found = s3.list_objects_v2(Bucket=bucket, MaxKeys=0)

    assert (found["KeyCount"], found["IsTruncated"], found["MaxKeys"]) == (0, False, 0)


def test_a_page_has_at_most_1000_keys(s3: Any, bucket: str) -> None:
    assert s3.list_objects_v2(Bucket=bucket, MaxKeys=5000)["MaxKeys"] == 1000


@pytest.mark.parametrize(
    "asked", [{"MaxKeys": -1}, {"ContinuationToken": "?"}, {"EncodingType": "base64"}, {"MaxKeys": 2**40}]
)
def test_wrong_questions_are_refused(s3: Any, bucket: str, asked: dict[str, Any]) -> None:
    assert error_of(s3.list_objects_v2, Bucket=bucket, **asked) == (400, "InvalidArgument")


def test_buckets_are_listed_in_pages(s3: Any, bucket: str) -> None:
    for letter in "cab":
        s3.create_bucket(Bucket=f"paged-{letter}")

    first = s3.list_buckets(MaxBuckets=2, Prefix="paged-")
    second = s3.list_buckets(MaxBuckets=2, Prefix="paged-", ContinuationToken=first["ContinuationToken"])

    names = [entry["Name"] for page in (first, second) for entry in page["Buckets"]]
    assert names == ["paged-a", "paged-b", "paged-c"]
    assert "ContinuationToken" not in second
