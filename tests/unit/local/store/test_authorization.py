"""A store with credentials of its own: who has them, and over what they send them."""

import stat
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from rollcall.local.store.credentials import Credentials, load_or_create
from rollcall.local.store.store_errors import StoreError
from tests.unit.local.store.running import running_store

OWN = Credentials(access_key="AKIAOWN", secret_key="secret")
CALLS: list[tuple[str, Callable[[Any], Any]]] = [
    ("sqs", lambda client: client.list_queues()),
    ("sqs", lambda client: client.create_queue(QueueName="q", tags={"a b": "ü"})),
    ("dynamodb", lambda client: client.list_tables()),
    ("events", lambda client: client.list_rules()),
    ("sts", lambda client: client.get_caller_identity()),
    ("s3", lambda client: client.list_buckets()),
]


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_store(tmp_path_factory.mktemp("store"), credentials=OWN) as url:
        yield url


def client(service: str, url: str, credentials: Credentials) -> Any:
    return boto3.client(  # type: ignore[call-overload]
        service,
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id=credentials.access_key,
        aws_secret_access_key=credentials.secret_key,
        config=Config(proxies={}, retries={"max_attempts": 1}),
    )


@pytest.mark.parametrize(("service", "call"), CALLS)
def test_only_its_own_credentials_open_it(url: str, service: str, call: Callable[[Any], Any]) -> None:
    own = client(service, url, OWN)
    assert call(own)["ResponseMetadata"]["HTTPStatusCode"] == 200
    own.close()
    for wrong in (
        Credentials(access_key=OWN.access_key, secret_key="guess"),
        Credentials(access_key="AKIAOTHER", secret_key=OWN.secret_key),
    ):
        other = client(service, url, wrong)
        with pytest.raises(ClientError) as error:
            call(other)
        other.close()
        assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403


@pytest.mark.parametrize("target", ["AmazonSQS.ListQueues", "DynamoDB_20120810.ListTables", "DynamoDB_20120810.NoSuch"])
@pytest.mark.parametrize("header", ["", "AWS4-HMAC-SHA256 nonsense", "Basic eDp4"])
def test_unsigned_requests_are_refused(url: str, target: str, header: str) -> None:
    headers = {"X-Amz-Target": target} | ({"Authorization": header} if header else {})
    with pytest.raises(urllib.error.HTTPError) as error:
        urllib.request.urlopen(urllib.request.Request(url, data=b"{}", headers=headers))
    with error.value as answer:
        assert answer.status == 403


def test_credentials_are_made_once_and_readable_by_nobody_else(tmp_path: Path) -> None:
    first = load_or_create(tmp_path / "data")
    assert load_or_create(tmp_path / "data") == first
    assert load_or_create(tmp_path / "other") != first
    file = tmp_path / "data" / "store.credentials"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    file.write_text("nonsense")
    with pytest.raises(StoreError, match="holds no credentials"):
        load_or_create(tmp_path / "data")
