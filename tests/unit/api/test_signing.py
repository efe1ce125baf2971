"""Which host a signed URL names: the signature is good for that one alone."""

from urllib.parse import urlsplit

import boto3
import pytest

from rollcall.api.signing import signing_s3


@pytest.fixture(autouse=True)
def session(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    for name in ("AWS_ENDPOINT_URL", "AWS_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "nobody")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "nothing")


@pytest.mark.parametrize(
    ("region", "host"),
    [
        ("us-east-1", "acme-input.s3.amazonaws.com"),
        ("eu-west-1", "acme-input.s3.eu-west-1.amazonaws.com"),
        ("eu-south-1", "acme-input.s3.eu-south-1.amazonaws.com"),
        ("cn-north-1", "acme-input.s3.cn-north-1.amazonaws.com.cn"),
    ],
)
def test_the_host_is_the_regions_own(monkeypatch: pytest.MonkeyPatch, region: str, host: str) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", region)
    s3 = signing_s3()
    url = s3.generate_presigned_url("get_object", Params={"Bucket": "acme-input", "Key": "clip.mp4"})
    form = s3.generate_presigned_post("acme-input", "clip.mp4")

    assert urlsplit(url).hostname == host
    assert "AWS4-HMAC-SHA256" in url
    assert urlsplit(form["url"]).hostname == host


@pytest.mark.parametrize("endpoint", ["http://127.0.0.1:4566", "http://localhost:4566"])
def test_another_endpoint_stays(monkeypatch: pytest.MonkeyPatch, endpoint: str) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    url = signing_s3().generate_presigned_url("get_object", Params={"Bucket": "acme-input", "Key": "clip.mp4"})
    assert url.startswith(f"{endpoint}/acme-input/clip.mp4?")
