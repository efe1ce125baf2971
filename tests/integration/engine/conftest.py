"""What tests of the engine share."""

from pathlib import Path

import pytest

from rollcall.engine.engine import Engine, load_engine


@pytest.fixture(scope="package")
def engine(model_dir: Path) -> Engine:
    return load_engine(model_dir, min_face=20)
