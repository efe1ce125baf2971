"""What integration tests share."""

from collections.abc import Iterator

import pytest

from rollcall.runtime import function_clients


@pytest.fixture(scope="module", autouse=True)
def _own_clients_of_functions() -> Iterator[None]:
    """A function keeps its clients as long as its process lives; here each module has an endpoint of its own."""
    _forget_clients()
    yield
    _forget_clients()


def _forget_clients() -> None:
    function_clients.sqs.cache_clear()
    function_clients.dynamodb.cache_clear()
