"""Whether a server serves, asked without keys, and what it answers who is none."""

import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from rollcall.local import health
from rollcall.local.store.credentials import load_or_create
from rollcall.local.store.port_access import Served
from tests.unit.local.store.running import client, running_store


@pytest.fixture(scope="module")
def signed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A store that serves other machines."""
    folder = tmp_path_factory.mktemp("store")
    with running_store(folder, credentials=load_or_create(folder), served=Served(any_host=True)) as url:
        yield url


def test_a_store_that_asks_for_signatures_tells_its_health_without(signed: str) -> None:
    assert health.why_not(f"{signed}/_health") is None
    assert "403" in str(health.why_not(f"{signed}/"))
    assert "403" in str(health.why_not(f"{signed}/_health/more"))


def test_what_does_not_serve_is_named(
    signed: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["health", "--port", signed.rpartition(":")[2], "--api-port", "1"])

    assert health.main() == 1
    assert capsys.readouterr().out.startswith("the HTTP API does not serve (")


def test_an_object_of_that_name_is_an_object(tmp_path: Path) -> None:
    with running_store(tmp_path) as url:
        s3 = client("s3", url)
        s3.create_bucket(Bucket="bucket")
        s3.put_object(Bucket="bucket", Key="_health", Body=b"mine")
        asked = urllib.request.Request(f"{url}/_health", headers={"Host": "bucket.localhost"})
        with urllib.request.urlopen(asked, timeout=20) as answer:
            assert answer.read() == b"mine"
        s3.close()
