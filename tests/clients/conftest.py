"""The store that clients are tried on, in both ways that it is reached, and the files that they move."""

import random
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.clients.endpoint import Endpoint, running_endpoint

KEYS = (
    "plain.txt",
    "with space.txt",
    "plus+sign.txt",
    "100%.txt",
    "%41.txt",
    "Grüße 日本.txt",
    "sub/deep/er.txt",
    "empty",
)
LARGE = "large.bin"
LARGE_BYTES = 11 * 1024**2 + 7  # three parts of 5 MiB, the last one short


class Trial(NamedTuple):
    endpoint: Endpoint
    judge: Any  # boto3, which sees what the other clients have done
    bucket: str  # the client makes it
    content: dict[str, bytes]  # by key; the keys are also names of files
    folder: Path  # with the content as files
    home: Path  # where the client's program runs


@pytest.fixture(scope="session", params=["loopback", "others"])
def endpoint(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    folder = tmp_path_factory.mktemp("store")
    with running_endpoint(folder, others=request.param == "others") as running:
        yield running


@pytest.fixture(scope="session")
def content() -> dict[str, bytes]:
    made = random.Random(7)
    return {key: b"" if key == "empty" else key.encode() * 100 for key in KEYS} | {LARGE: made.randbytes(LARGE_BYTES)}


@pytest.fixture
def trial(
    endpoint: Endpoint, content: dict[str, bytes], tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[Trial]:
    folder = tmp_path / "up"
    for key, data in content.items():
        path = folder / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    test = request.node.originalname.removeprefix("test_").replace("_", "-")
    with closing(endpoint.client("s3")) as judge:
        yield Trial(endpoint, judge, f"{test}-bucket", content, folder, tmp_path)
