"""The demo's video: real photos with camera moves and cuts between stretches with nobody, compressed like any video."""

import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from rollcall.contracts.errors import RollcallError
from rollcall.media.videos.ffmpeg import Binaries

Frame = NDArray[np.uint8]  # [H, W, 3] BGR
Scene = Callable[[float], Frame]  # from progress through the scene, 0..1

WIDTH, HEIGHT, FRAMES_PER_SECOND = 1280, 720, 25
CANVAS_HEIGHT = 900  # little more than the picture: a shot that shrinks much would flicker
PANEL_LIGHT = 22  # by which a panel is lighter than its wall
CUT = 0.2  # of the width of somebody who walks in or out is beyond the edge at the cut: the face is whole
SAMPLING = cv2.WARP_INVERSE_MAP | cv2.INTER_LINEAR
CRF = "28"  # visibly compressed


@dataclass(frozen=True)
class View:
    """What the camera frames: the middle (shares of the photo's size), and the share of its width in view."""

    x: float
    y: float
    width: float


@dataclass(frozen=True)
class Shot:
    seconds: float
    scene: Scene
    who: str | None = None  # in view; None: nobody


def camera(photo: Frame, start: View, end: View) -> Scene:
    """A slow move over a photo."""
    photo = np.ascontiguousarray(photo)  # a mirrored view would be copied for every frame

    def scene(progress: float) -> Frame:
        x, y, width = (
            (1 - _ease(progress)) * np.array((start.x, start.y, start.width))
            + _ease(progress) * np.array((end.x, end.y, end.width))
        ) * (photo.shape[1], photo.shape[0], photo.shape[1])
        scale = width / WIDTH
        matrix = np.array(((scale, 0, x - width / 2), (0, scale, y - scale * HEIGHT / 2)))
        frame = cv2.warpAffine(photo, matrix, (WIDTH, HEIGHT), flags=SAMPLING, borderMode=cv2.BORDER_REPLICATE)
        return np.asarray(frame, dtype=np.uint8)

    return scene


def framed(photo: Frame) -> Frame:
    """An upright photo as a wide picture: before a blurred and darkened copy of itself."""
    height = min(photo.shape[0], CANVAS_HEIGHT)
    photo = _resize(photo, round(photo.shape[1] * height / photo.shape[0]), height)
    width = round(height * WIDTH / HEIGHT)
    blurred = np.asarray(cv2.blur(cv2.blur(_resize(photo, 64, 36), (9, 9)), (9, 9)), dtype=np.uint8)
    canvas = _resize(blurred, width, height) // 2
    left = (width - photo.shape[1]) // 2
    canvas[:, left : left + photo.shape[1]] = photo
    return canvas


def walk(photo: Frame, backdrop: Scene, *, height: float) -> Scene:
    """A cut-out of the photo, `height` times as high as the picture, walks across the backdrop, from edge to edge."""
    rows = round(HEIGHT * height)
    figure = _resize(photo, round(photo.shape[1] * rows / photo.shape[0]), rows)
    mask = _soft_edges(figure.shape[1], figure.shape[0])

    def scene(progress: float) -> Frame:
        frame = backdrop(progress)
        left = -CUT * figure.shape[1] + progress * (WIDTH - (1 - 2 * CUT) * figure.shape[1])
        first, last = max(0, int(left)), min(WIDTH, int(left) + figure.shape[1] + 1)
        if first < last:
            shift = np.array(((1, 0, first - left), (0, 1, -30 - 8 * np.sin(progress * 40))))  # steps
            size = last - first, HEIGHT
            over = cv2.warpAffine(mask, shift, size, flags=SAMPLING)
            shown = cv2.warpAffine(figure, shift, size, flags=SAMPLING)
            behind = np.ascontiguousarray(frame[:, first:last])
            frame[:, first:last] = cv2.blendLinear(shown, behind, over, 1 - over)
        return frame

    return scene


def backdrop(top: tuple[int, int, int], bottom: tuple[int, int, int], *, seed: int) -> Scene:
    """A drawn wall with drifting panels: a stretch with nobody."""
    generator = np.random.default_rng(seed)
    share = np.linspace(0, 1, HEIGHT)[:, None, None]
    wall = np.broadcast_to((1 - share) * np.array(top) + share * np.array(bottom), (HEIGHT, WIDTH, 3)).astype(np.uint8)
    panels = [
        (int(generator.integers(0, WIDTH)), int(generator.integers(80, HEIGHT - 200)), int(generator.integers(60, 220)))
        for _ in range(7)
    ]

    def scene(progress: float) -> Frame:
        frame = wall.copy()
        for x, y, size in panels:
            left = int((x + 120 * progress) % (WIDTH + size)) - size
            color = [int(channel) + PANEL_LIGHT for channel in wall[y, 0]]
            cv2.rectangle(frame, (left, y), (left + size, y + size // 2), color, -1)
        return frame

    return scene


def shoot(shots: list[Shot]) -> Iterator[Frame]:
    for shot in shots:
        count = round(shot.seconds * FRAMES_PER_SECOND)
        for number in range(count):
            yield shot.scene(number / max(1, count - 1))


def encode(frames: Iterator[Frame], path: Path, binaries: Binaries) -> None:
    command = [str(binaries.ffmpeg), "-hide_banner", "-loglevel", "error", "-y", "-f", "rawvideo", "-pix_fmt", "bgr24"]
    command += ["-s", f"{WIDTH}x{HEIGHT}", "-r", str(FRAMES_PER_SECOND), "-i", "pipe:0", "-an"]
    command += ["-c:v", "libx264", "-preset", "ultrafast", "-crf", CRF, "-g", "100", "-pix_fmt", "yuv420p"]
    command += ["-movflags", "+faststart", f"file:{path}"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdin is not None and process.stderr is not None
        try:
            for frame in frames:
                process.stdin.write(np.ascontiguousarray(frame).data)
            process.stdin.close()
        except BrokenPipeError:
            pass  # ffmpeg has stopped; its log says why
        log = process.stderr.read().decode(errors="replace").strip()
    if process.returncode != 0:
        raise RollcallError(f"{binaries.ffmpeg} could not encode the demo's video: {log}")


def read_photo(path: Path) -> Frame:
    photo = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if photo is None:
        raise RollcallError(f"{path} is not a readable photo; delete it to have it fetched again")
    return np.asarray(photo, dtype=np.uint8)


def _resize(photo: Frame, width: int, height: int) -> Frame:
    interpolation = cv2.INTER_AREA if height < photo.shape[0] else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(photo, (width, height), interpolation=interpolation), dtype=np.uint8)


def _ease(progress: float) -> float:
    return progress * progress * (3 - 2 * progress)


def _soft_edges(width: int, height: int, *, pixels: int = 24) -> NDArray[np.float32]:
    across = np.minimum(np.arange(width), np.arange(width)[::-1])
    down = np.minimum(np.arange(height), np.arange(height)[::-1])
    return np.asarray(np.clip(np.minimum(across[None], down[:, None]) / pixels, 0, 1), dtype=np.float32)
