from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

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
