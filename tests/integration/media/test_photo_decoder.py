"""The decoder's process: it serves everybody, ends by itself, and is the file's fault only where it is."""

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from rollcall.contracts.errors import DecoderLost, TooSlow
from rollcall.media.photos.photo_decoder import ATTEMPTS, PhotoDecoder
from tests.made_photos import FORMATS, colors, saved

pytestmark = pytest.mark.skipif(not Path("/proc/self").exists(), reason="looks into /proc")


@pytest.fixture
def decoder() -> Iterator[PhotoDecoder]:
    decoder = PhotoDecoder()
    yield decoder
    decoder.close()


def children() -> list[int]:
    tasks = Path("/proc/self/task").glob("*/children")
    return [int(pid) for task in tasks for pid in task.read_text().split()]


def stop(decoder: PhotoDecoder, number: signal.Signals) -> None:
    assert decoder.pid is not None
    os.kill(decoder.pid, number)


@pytest.mark.parametrize("form", FORMATS)
def test_pixels_are_those_of_the_photo(decoder: PhotoDecoder, form: str) -> None:
    picture = decoder.decode(saved(colors(), form))
    pixels = np.frombuffer(picture.content, np.uint8).reshape(picture.height, picture.width, 3)

    assert np.abs(pixels[:, :, ::-1].astype(int) - np.asarray(colors())).mean() < (8 if form == "GIF" else 3)


def test_a_process_that_was_killed_is_not_the_photos_fault(decoder: PhotoDecoder) -> None:
    photo = saved(colors(), "JPEG")
    for _ in range(3):
        decoder.decode(photo)
        stop(decoder, signal.SIGKILL)

    assert decoder.decode(photo).width == 160


def test_a_process_that_cannot_start_is_not_the_photos_fault(
    decoder: PhotoDecoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")

    with pytest.raises(DecoderLost, match="did not start"):
        decoder.decode(saved(colors(), "JPEG"))


def test_killing_on_and_on_is_said_as_what_it_is(decoder: PhotoDecoder) -> None:
    """While the process is stopped the photo waits; then it is killed, as often as it is tried."""
    done = threading.Event()

    def kill() -> None:
        while not done.is_set():
            for pid in children():
                os.kill(pid, signal.SIGKILL)
            time.sleep(0.01)

    decoder.start()
    killer = threading.Thread(target=kill)
    killer.start()
    try:
        with pytest.raises(DecoderLost, match=f"{ATTEMPTS} times"):
            decoder.decode(saved(colors(), "JPEG"))
    finally:
        done.set()
        killer.join()


def test_a_process_that_hangs_is_replaced() -> None:
    decoder = PhotoDecoder(seconds=0.3)
    photo = saved(colors(), "JPEG")
    decoder.start()
    time.sleep(1.0)
    stop(decoder, signal.SIGSTOP)
    try:
        with pytest.raises(TooSlow, match="too long"):
            decoder.decode(photo)
    finally:
        decoder.close()


def test_nothing_is_left_behind(decoder: PhotoDecoder) -> None:
    decoder.decode(saved(colors(), "JPEG"))
    pid = decoder.pid
    assert pid in children()

    decoder.close()

    assert pid not in children()
