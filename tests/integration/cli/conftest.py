import shutil
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def photo(demo_photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The only photo of a gallery, the folder two levels above it."""
    path = tmp_path_factory.mktemp("enrolled") / "gallery" / "Eileen" / "astronaut.png"
    path.parent.mkdir(parents=True)
    shutil.copy(demo_photos / "astronaut.png", path)
    return path
