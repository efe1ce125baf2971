"""ffmpeg and ffprobe ended from outside while they read good uploads, as by the kernel that is out of memory."""

import random
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import pytest

from rollcall.contracts.errors import DecoderLost
from rollcall.media.videos.decode import Gop, decode
from rollcall.media.videos.ffmpeg import find
from rollcall.media.videos.probe import Limits, Media, probe
from tests.integration.media.made_media import numbered

ATTEMPTS = 8  # at the message of an upload
ENOUGH = 6  # kills
SHORT_PACKS = Limits(max_frames_per_gop=8)


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("media") / "v.mp4"
    return numbered(find(), path, "-g", "10", "-bf", "2", "-b:v", "10M", frames=1500)


@contextmanager
def killing(*, every: float, seed: int) -> Iterator[list[int]]:
    """Whatever this process has started, at random moments."""
    killed: list[int] = []
    over, chance = threading.Event(), random.Random(seed)

    def kill() -> None:
        while not over.wait(chance.uniform(0, 2 * every)):
            for process in psutil.Process().children():
                with suppress(psutil.NoSuchProcess):
                    process.send_signal(signal.SIGKILL)
                    killed.append(process.pid)

    thread = threading.Thread(target=kill)
    thread.start()
    try:
        yield killed
    finally:
        over.set()
        thread.join()


def read(video: Path) -> tuple[Media, list[Gop]]:
    """Retries as the splitter does: from the start when the message comes again, and what is stored is stored."""
    stored: dict[int, Gop] = {}
    for attempt in range(ATTEMPTS):
        try:
            media = probe(str(video), limits=SHORT_PACKS)
            for gop in decode(str(video), media, frames_per_second=2.0, limits=SHORT_PACKS):
                stored[gop.index] = gop
            return media, [stored[index] for index in sorted(stored)]
        except DecoderLost:
            if attempt == ATTEMPTS - 1:
                raise
    raise AssertionError


def test_a_good_upload_gets_its_answer(video: Path) -> None:
    started = time.monotonic()
    undisturbed = read(video)
    with killing(every=time.monotonic() - started, seed=0) as killed:
        while len(killed) < ENOUGH:
            assert read(video) == undisturbed
