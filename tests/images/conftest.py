"""The images as `make images` leaves them, and a local cloud whose workers run in them."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rollcall.cli.preparation import read_enrollment
from rollcall.cli.session import Session
from rollcall.local.cloud import LocalCloud
from rollcall.local.lambda_host.launch import InImage
from rollcall.pipeline.description import describe
from rollcall.pipeline.settings import Settings
from rollcall.weights.folder import ensure_model_files
from tests.e2e.pipeline import RunningPipeline
from tests.e2e.videos import Videos

IMAGES = Path(__file__).parents[2] / "out" / "images"
COMPONENTS = ("video_split", "face_recognition", "lookup", "api")
PREFIX = "images"


@pytest.fixture(params=COMPONENTS)
def image(request: pytest.FixtureRequest, images: Path) -> Path:
    return images / str(request.param)


@pytest.fixture(scope="session")
def images() -> Path:
    if not (IMAGES / "sizes.json").is_file():
        pytest.skip("the images are not built: `make images`")
    missing = [name for name in COMPONENTS if not (IMAGES / name / "config.json").is_file()]
    if missing:
        pytest.fail(f"{', '.join(missing)} not built; run `make images` first")
    return IMAGES


@pytest.fixture(scope="session")
def pipeline(images: Path, videos: Videos, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningPipeline]:
    """A local cloud in which the people of the videos are enrolled."""
    enrollment = read_enrollment([videos.gallery()], videos.people(), ensure_model_files(progress=print))
    cloud = LocalCloud(
        describe(Settings(prefix=PREFIX)), launch=InImage(images), log_dir=tmp_path_factory.mktemp("logs")
    )
    with cloud:
        session = Session(cloud, PREFIX)
        session.enroll(enrollment)
        yield RunningPipeline(cloud, PREFIX)
        session.close()


def read_config(image: Path) -> dict[str, Any]:
    config: dict[str, Any] = json.loads((image / "config.json").read_text())
    return config
