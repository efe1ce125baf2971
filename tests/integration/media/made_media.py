"""Videos whose every frame shows its own number, and reading the number back from a JPEG."""

import io
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from rollcall.media.videos.decode import Gop
from rollcall.media.videos.ffmpeg import ENVIRONMENT, Binaries

BITS = 10
BLOCK = 16  # pixels a bit
SIZE = (BITS * BLOCK, 64)


def numbered_frame(number: int) -> bytes:
    bits = [(number >> bit) & 1 for bit in range(BITS)]
    row = np.repeat(np.array(bits, np.uint8) * 200 + 20, BLOCK)
    return np.repeat(np.tile(row, (SIZE[1], 1))[:, :, None], 3, axis=2).tobytes()


def frame_number(jpeg: bytes) -> int:
    gray = np.asarray(Image.open(io.BytesIO(jpeg)).convert("L").resize(SIZE)).astype(float)
    levels = gray[16:48].mean(axis=0).reshape(BITS, BLOCK)[:, 4:-4].mean(axis=1)
    return sum(1 << bit for bit, level in enumerate(levels) if level > 120)


def make(binaries: Binaries, path: Path, *options: str, inputs: Sequence[str] = (), stdin: bytes = b"") -> Path:
    command = [str(binaries.ffmpeg), "-y", "-v", "error", *inputs, *options, str(path)]
    subprocess.run(command, input=stdin, check=True, timeout=120, env=ENVIRONMENT)
    return path


def numbered(binaries: Binaries, path: Path, *options: str, frames: int, rate: str = "30") -> Path:
    """A video of `frames` frames at `rate`, the n-th showing n; H.264 unless `options` say otherwise."""
    size = f"{SIZE[0]}x{SIZE[1]}"
    inputs = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", size, "-r", rate, "-i", "pipe:0"]
    codec = () if "-c:v" in options else ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p")
    body = b"".join(numbered_frame(number) for number in range(frames))
    return make(binaries, path, *codec, *options, inputs=inputs, stdin=body)


def synthetic(binaries: Binaries, path: Path, *options: str, size: str = "320x180", seconds: float = 2) -> Path:
    inputs = ["-f", "lavfi", "-i", f"testsrc=size={size}:rate=30:duration={seconds}"]
    codec = () if "-c:v" in options else ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p")
    return make(binaries, path, *codec, *options, inputs=inputs)


def with_sound(binaries: Binaries, path: Path, *options: str, video: float, sound: float) -> Path:
    inputs = ["-f", "lavfi", "-i", f"testsrc2=size=320x180:rate=30:duration={video}"]
    inputs += ["-f", "lavfi", "-i", f"sine=duration={sound}"]
    return make(binaries, path, "-c:v", "libx264", "-preset", "ultrafast", *options, inputs=inputs)


def set_matrix(path: Path, matrix: tuple[int, int, int, int]) -> None:
    """Write a, b, c, d into the display matrix of the first track of an MP4."""
    body = bytearray(path.read_bytes())
    at = body.index(b"tkhd") + 4 + 40  # version 0: the matrix comes 40 bytes after the box's type
    one = 1 << 16
    a, b, c, d = (value * one for value in matrix)
    for index, value in enumerate((a, b, 0, c, d, 0, 0, 0, 1 << 30)):
        body[at + 4 * index : at + 4 * index + 4] = value.to_bytes(4, "big", signed=True)
    path.write_bytes(body)


class Sampled(NamedTuple):
    number: int
    time: float
    jpeg: bytes


def every_sample(gops: list[Gop], rate: float) -> list[Sampled]:
    """A picture that stays, once for each of the samples that it lasts."""
    found: list[Sampled] = []
    for gop in gops:
        number = gop.first_frame
        for time, jpeg, lasts in zip(gop.times, gop.frames, gop.lasts, strict=True):
            found += [Sampled(number + later, round(time + later / rate, 9), jpeg) for later in range(lasts)]
            number += lasts
    return found
