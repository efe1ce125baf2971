"""A whole pipeline per test, with real weights, real photos and real ffmpeg."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from rollcall.cli.preparation import Enrollment, read_enrollment
from rollcall.local.lambda_host.unreliable_source import Delivery
from rollcall.pipeline.settings import Settings
from tests.e2e.pipeline import RunningPipeline, open_pipeline
from tests.e2e.videos import Videos

Start = Callable[..., RunningPipeline]


@pytest.fixture(scope="session")
def enrollment(videos: Videos, model_dir: Path) -> Enrollment:
    return read_enrollment([videos.gallery()], videos.people(), model_dir)


@pytest.fixture
def start(model_dir: Path, enrollment: Enrollment) -> Iterator[Start]:
    with ExitStack() as ending:

        def start_pipeline(*, delivery: Delivery | None = None, **settings: float | str) -> RunningPipeline:
            described = Settings(prefix="test", **settings)  # type: ignore[arg-type]
            return ending.enter_context(open_pipeline(described, enrollment, model_dir=model_dir, delivery=delivery))

        yield start_pipeline
