"""What tests of the HTTP API share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from rollcall.cli.preparation import Enrollment
from tests.integration.api.running_api import RunningApi, running_api


@pytest.fixture(scope="package")
def log_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("logs")


@pytest.fixture(scope="package")
def api(model_dir: Path, log_dir: Path) -> Iterator[RunningApi]:
    """For tests that need nobody enrolled, and may leave people behind."""
    with running_api(Enrollment(faces=[], records=[]), model_dir, log_dir=log_dir) as running:
        yield running
