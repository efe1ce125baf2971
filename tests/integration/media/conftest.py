"""What tests of media share."""

import pytest

from rollcall.media.videos.ffmpeg import Binaries, find, system_binaries, wheel_binaries


@pytest.fixture(scope="module")
def binaries() -> Binaries:
    """ffmpeg as the product finds it."""
    return find()


@pytest.fixture(params=["system", "wheel"], scope="module")
def each_ffmpeg(request: pytest.FixtureRequest) -> Binaries:
    found = system_binaries() if request.param == "system" else wheel_binaries()
    if found is None:
        pytest.skip(f"no ffmpeg from the {request.param}")
    return found
