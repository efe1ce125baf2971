from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from tests.unit.local.store.dynamodb_tables import make
from tests.unit.local.store.running import client, running_store
from tests.unit.local.store.running_s3 import Running, running_s3


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One for a module: each test has a bucket of its own."""
    with running_s3(tmp_path_factory.mktemp("store")) as running:
        yield running


@pytest.fixture
def s3(store: Running) -> Iterator[Any]:
    client = store.client()
    yield client
    client.close()


@pytest.fixture
def bucket(s3: Any, request: pytest.FixtureRequest) -> str:
    name = f"b{abs(hash(request.node.nodeid)) % 10**12}"
    s3.create_bucket(Bucket=name)
    return name


@pytest.fixture
def versioned(s3: Any, bucket: str) -> str:
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    return bucket


@pytest.fixture
def folder(store: Running, bucket: str) -> Path:
    return store.folder / bucket


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_store(tmp_path_factory.mktemp("store")) as url:
        yield url


@pytest.fixture(scope="module")
def dynamodb(url: str) -> Iterator[Any]:
    dynamodb = client("dynamodb", url)
    yield dynamodb
    dynamodb.close()


@pytest.fixture(scope="module")
def resource(url: str) -> Iterator[Any]:
    resource = boto3.resource(
        "dynamodb",
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id="any",
        aws_secret_access_key="any",
        config=Config(proxies={}, retries={"max_attempts": 1}),
    )
    yield resource
    resource.meta.client.close()


@pytest.fixture
def table(dynamodb: Any, resource: Any) -> Any:
    return resource.Table(make(dynamodb))


@pytest.fixture
def sorted_table(dynamodb: Any, resource: Any) -> Any:
    return resource.Table(make(dynamodb, "N"))
