"""Making good photos of faces bad, in the ways that photos are bad."""

from collections.abc import Callable

import cv2
import numpy as np

from rollcall.engine.face import Box, Image

Degrade = Callable[[Image, Box], Image]

CONTEXT = 0.6  # of the face's longer side, around it: what is cut out of a photo before it is made bad
FILLING = 150  # pixels: the side of a small photo that the face fills


def cut_out(photo: Image, box: Box) -> tuple[Image, Box]:
    """The face with its surroundings, as far as the photo has them, and the face's box in there."""
    x, y, width, height = box
    margin = CONTEXT * max(width, height)
    left, top = max(0, int(x - margin)), max(0, int(y - margin))
    part = photo[top : int(y + height + margin), left : int(x + width + margin)]
    return part.copy(), (x - left, y - top, width, height)


def _unchanged(photo: Image, box: Box) -> Image:
    return photo


def _small(pixels: int) -> Degrade:
    def shrink(photo: Image, box: Box) -> Image:
        scale = pixels / min(box[2:])
        interpolation = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        return _image(cv2.resize(photo, None, fx=scale, fy=scale, interpolation=interpolation))

    return shrink


def _tilted(degrees: float) -> Degrade:
    def tilt(photo: Image, box: Box) -> Image:
        return _turned(photo, box, degrees, side=max(photo.shape[:2]), scale=1.0)

    return tilt


def _filling(degrees: float) -> Degrade:
    def fill(photo: Image, box: Box) -> Image:
        return _turned(photo, box, degrees, side=FILLING, scale=FILLING / max(box[2:]) / 1.05)

    return fill


def _turned(photo: Image, box: Box, degrees: float, *, side: int, scale: float) -> Image:
    middle = box[0] + box[2] / 2, box[1] + box[3] / 2
    turn = np.asarray(cv2.getRotationMatrix2D(middle, degrees, scale), dtype=np.float64)
    turn[:, 2] += side / 2 - np.array(middle)
    return _image(cv2.warpAffine(photo, turn, (side, side), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE))


def _compressed(quality: int) -> Degrade:
    def compress(photo: Image, box: Box) -> Image:
        encoded = cv2.imencode(".jpg", photo, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
        return _image(cv2.imdecode(encoded, cv2.IMREAD_COLOR))

    return compress


def _blurred(by_face: float) -> Degrade:
    """by_face: sigma by the shorter side of the face."""

    def blur(photo: Image, box: Box) -> Image:
        return _image(cv2.GaussianBlur(photo, (0, 0), by_face * min(box[2:])))

    return blur


def _gray(photo: Image, box: Box) -> Image:
    return _image(cv2.cvtColor(cv2.cvtColor(photo, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR))


def _lit(gain: float) -> Degrade:
    def light(photo: Image, box: Box) -> Image:
        return _image(np.clip(photo * gain, 0, 255))

    return light


def _noisy(sigma: float) -> Degrade:
    def add_noise(photo: Image, box: Box) -> Image:
        return _image(np.clip(photo + np.random.default_rng(0).normal(0, sigma, photo.shape), 0, 255))

    return add_noise


def _cast(blue: float, green: float, red: float) -> Degrade:
    def color(photo: Image, box: Box) -> Image:
        return _image(np.clip(photo * np.array([blue, green, red]), 0, 255))

    return color


def _fogged(gain: float, veil: float) -> Degrade:
    def veiled(photo: Image, box: Box) -> Image:
        return _image(np.clip(photo * gain + veil, 0, 255))

    return veiled


def _backlit(gain: float) -> Degrade:
    """Dark, with half as much white on every side."""

    def backlight(photo: Image, box: Box) -> Image:
        height, width = (side // 2 for side in photo.shape[:2])
        dark = _image(photo * gain)
        return _image(
            cv2.copyMakeBorder(dark, height, height, width, width, cv2.BORDER_CONSTANT, value=(255, 255, 255))
        )

    return backlight


def _small_compressed(pixels: int, quality: int) -> Degrade:
    def shrink_and_compress(photo: Image, box: Box) -> Image:
        return _compressed(quality)(_small(pixels)(photo, box), box)

    return shrink_and_compress


def _upside_down(photo: Image, box: Box) -> Image:
    return np.ascontiguousarray(photo[::-1, ::-1])


def _masked(photo: Image, box: Box) -> Image:
    x, y, width, height = (int(edge) for edge in box)
    covered = photo.copy()
    covered[y + int(0.62 * height) : y + height, max(x, 0) : x + width] = (170, 140, 110)
    return covered


def _cut_off(photo: Image, box: Box) -> Image:
    """A third of the face is beyond the edge of the picture."""
    return np.ascontiguousarray(photo[:, int(box[0] + box[2] / 3) :])


def _image(values: object) -> Image:
    return np.asarray(values, dtype=np.uint8)


CONDITIONS: dict[str, Degrade] = {
    "as it is": _unchanged,
    "40 px": _small(40),
    "30 px": _small(30),
    "24 px": _small(24),
    "20 px": _small(20),
    "tilted 30°": _tilted(30),
    "tilted -30°": _tilted(-30),
    "tilted 60°": _tilted(60),
    "150×150, filled": _filling(0),
    "150×150, filled, tilted": _filling(20),
    "JPEG 30": _compressed(30),
    "JPEG 20": _compressed(20),
    "JPEG 10": _compressed(10),
    "blurred": _blurred(0.025),
    "grayscale": _gray,
    "dark": _lit(0.3),
    "very dark": _lit(0.1),
    "noise": _noisy(40),
    "color cast": _cast(0.45, 0.8, 1.25),
    "fog": _fogged(0.3, 130),
    "back light": _backlit(0.3),
    "30 px, JPEG 20": _small_compressed(30, 20),
    "upside down": _upside_down,
    "mouth covered": _masked,
    "a third cut off": _cut_off,
}

# beyond what is worth recognizing: what a gallery should not be made of
RUINED: dict[str, Degrade] = {
    "16 px": _small(16),
    "blurred, 4 % of the face": _blurred(0.04),
    "blurred, 6 %": _blurred(0.06),
    "blurred, 8 %": _blurred(0.08),
    "an eighth of the light": _lit(0.12),
    "four times the light": _lit(4.0),
    "JPEG 5": _compressed(5),
}
