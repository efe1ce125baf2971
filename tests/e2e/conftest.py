"""A whole pipeline per test, with real weights, real photos and real ffmpeg."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from infra.pipeline import Settings
from local.demo.photos import ensure_photos
from local.lambda_host.message_source import Delivery
from local.preparation import Enrolment, read_enrolment
from model.build.folder import ensure_model_files
from tests.e2e.pipeline import RunningPipeline, open_pipeline
from tests.e2e.videos import Videos

Start = Callable[..., RunningPipeline]


@pytest.fixture(scope="session")
def model_dir() -> Path:
    return ensure_model_files(progress=print)


@pytest.fixture(scope="session")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Videos:
    folder = tmp_path_factory.mktemp("media")
    photos = ensure_photos(folder / "photos", progress=print)
    return Videos(photos=photos, folder=folder)


@pytest.fixture(scope="session")
def enrolment(videos: Videos, model_dir: Path) -> Enrolment:
    return read_enrolment([videos.gallery()], videos.people(), model_dir)


@pytest.fixture
def start(model_dir: Path, enrolment: Enrolment) -> Iterator[Start]:
    with ExitStack() as ending:

        def start_pipeline(*, delivery: Delivery | None = None, **settings: float | str) -> RunningPipeline:
            described = Settings(prefix="test", **settings)  # type: ignore[arg-type]
            return ending.enter_context(open_pipeline(described, enrolment, model_dir=model_dir, delivery=delivery))

        yield start_pipeline
