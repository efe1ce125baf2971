from typing import Any

import pytest

from rollcall.local.store.s3.bucket_settings import cors
from rollcall.local.store.s3.s3_errors import S3Error

RULES: list[dict[str, Any]] = [
    {
        "AllowedOrigins": ["http://*.example.org", "https://one.example"],
        "AllowedMethods": ["PUT", "POST"],
        "AllowedHeaders": ["x-amz-*", "Content-Type"],
        "ExposeHeaders": ["ETag"],
        "MaxAgeSeconds": 60,
    },
    {"AllowedOrigins": ["*"], "AllowedMethods": ["GET"]},
]


def _preflight(origin: str, method: str, headers: str = "") -> dict[str, str]:
    asked = {"origin": origin, "access-control-request-method": method}
    return cors.preflight(RULES, asked | ({"access-control-request-headers": headers} if headers else {}))


def test_a_page_of_an_allowed_origin_may_ask() -> None:
    answer = _preflight("http://a.example.org", "PUT", "X-Amz-Meta-A, content-type")

    assert answer["access-control-allow-origin"] == "http://a.example.org"
    assert answer["access-control-allow-headers"] == "x-amz-meta-a, content-type"
    assert answer["access-control-expose-headers"] == "ETag"
    assert answer["access-control-max-age"] == "60"
    assert answer["access-control-allow-credentials"] == "true"


def test_everybody_may_where_the_rule_says_so() -> None:
    answer = _preflight("http://elsewhere.example", "GET")

    assert answer["access-control-allow-origin"] == "*"
    assert "access-control-allow-credentials" not in answer


@pytest.mark.parametrize(
    ("origin", "method", "headers"),
    [
        ("http://elsewhere.example", "PUT", ""),
        ("http://a.example.org", "DELETE", ""),
        ("http://a.example.org", "PUT", "authorization"),
        ("http://a.example.org.evil.example", "PUT", ""),
        ("https://a.example.org", "PUT", ""),
        ("http://aXexample.org", "PUT", ""),
        ("https://one.example", "GET", "x"),
    ],
)
def test_others_may_not(origin: str, method: str, headers: str) -> None:
    with pytest.raises(S3Error) as refused:
        _preflight(origin, method, headers)

    assert refused.value.status == 403


def test_an_answer_tells_the_page_that_it_may_read_it() -> None:
    assert (
        cors.headers_for(RULES, {"origin": "https://one.example"}, "POST")["access-control-allow-methods"]
        == "PUT, POST"
    )
    assert cors.headers_for(RULES, {"origin": "http://elsewhere.example"}, "POST") == {}
    assert cors.headers_for(RULES, {}, "GET") == {}


@pytest.mark.parametrize(
    "rules",
    [
        [],
        [{"AllowedOrigins": ["*"], "AllowedMethods": ["PATCH"]}],
        [{"AllowedOrigins": ["http://*.*"], "AllowedMethods": ["GET"]}],
        [{"AllowedOrigins": ["*"], "AllowedMethods": ["GET"]}] * 101,
    ],
)
def test_wrong_rules_are_refused(rules: Any) -> None:
    with pytest.raises(S3Error):
        cors.check(rules)
