"""The AWS clients of functions: what they send."""

from typing import Any

import boto3
import pytest
from moto import mock_aws

from rollcall.runtime.function_clients import s3


@pytest.fixture(autouse=True)
def aws(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "x")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")


def expectations(client: Any) -> list[str | None]:
    found: list[str | None] = []
    client.meta.events.register_first(
        "before-send.s3", lambda request, **_: found.append(request.headers.get("Expect"))
    )
    with mock_aws():
        client.create_bucket(Bucket="packs")
        client.put_object(Bucket="packs", Key="gop-00000.zip", Body=b"pack")
        assert client.get_object(Bucket="packs", Key="gop-00000.zip")["Body"].read() == b"pack"
    return found


def test_an_object_is_sent_without_a_wait_for_s3_to_say_go_on() -> None:
    assert expectations(s3()) == [None, None, None]


def test_boto3_would_wait() -> None:
    """Once it no longer does, `s3` has nothing to change."""
    assert any(expectations(boto3.client("s3")))
