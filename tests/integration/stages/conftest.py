"""What tests of the split stage share."""

import dataclasses
from collections.abc import Iterator

import pytest

from rollcall.local.cloud import LocalCloud
from rollcall.pipeline.description import describe
from rollcall.pipeline.settings import Settings
from rollcall.runtime.observability import metrics
from tests.integration.stages.split_stage import SplitStage


@pytest.fixture(scope="package")
def split_cloud() -> Iterator[LocalCloud]:
    with LocalCloud(dataclasses.replace(describe(Settings()), functions=())) as cloud:
        yield cloud


@pytest.fixture
def split(split_cloud: LocalCloud) -> Iterator[SplitStage]:
    yield SplitStage(split_cloud)
    metrics.clear_metrics()  # no handler sends them, and a hundred are too many
