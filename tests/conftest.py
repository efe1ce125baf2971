"""Fixtures of several suites. Each imports what it needs, because the environment of the CDK lacks most of it."""

# ruff: noqa: PLC0415
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.e2e.videos import Videos


@pytest.fixture(scope="session")
def model_dir() -> Path:
    from rollcall.weights.folder import ensure_model_files

    return ensure_model_files(progress=print)


@pytest.fixture(scope="session")
def demo_photos() -> Path:
    """To be read only: the user's own cache, since to fetch them takes 5 s of CPU."""
    from rollcall.cli.demo.demo_photos import cache_folder, ensure_photos

    return ensure_photos(cache_folder(os.environ), progress=print)


@pytest.fixture(scope="session")
def videos(demo_photos: Path, tmp_path_factory: pytest.TempPathFactory) -> "Videos":
    from tests.e2e.videos import Videos

    return Videos(photos=demo_photos, folder=tmp_path_factory.mktemp("media"))
