"""Dim pictures are brightened before anything looks at them. The light of others is leveled for a second look.

Detector and embedder were trained on well lit faces: docs/decisions/0020-dim-pictures.md says what bad light costs.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from rollcall.engine.face import Image

_GRAY_LEVELS = 256
_SAMPLED_SIDE = 64  # pixels; enough to tell how bright a picture is


@dataclass(frozen=True, slots=True, kw_only=True)
class ExposureSettings:
    """`brightest`: 0..1, the quantile of gray values that tells how bright a picture is.

    `dim_below`: that value in a picture that is brightened, 0..255. `bright`: what it becomes. `most_gain`: a picture
    darker than that holds mostly noise, and is brightened by no more.
    """

    brightest: float
    dim_below: int
    bright: int
    most_gain: float


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelSettings:
    """`darkest`, `brightest`: 0..1, quantiles of a channel's values that become black and full.

    `least_range`: gray values between the two; a channel that has fewer holds mostly noise.
    `clip`, `tiles`: the contrast limit and the tiles a side of the equalization of brightness (CLAHE).
    """

    darkest: float
    brightest: float
    least_range: int
    clip: float
    tiles: int


@dataclass(frozen=True, slots=True)
class Exposed:
    """`gain`: the factor of the gray values; 1 for an unchanged picture."""

    picture: Image
    gain: float = 1.0


def brightened(picture: Image, settings: ExposureSettings) -> Exposed:
    """Brighten `picture` [H, W, 3] uint8 BGR; a picture that is bright enough is not copied."""
    brightest = _brightest(picture, settings.brightest)
    if brightest >= settings.dim_below:
        return Exposed(picture)
    gain = min(settings.bright / max(brightest, 1), settings.most_gain)
    return Exposed(np.asarray(cv2.convertScaleAbs(picture, alpha=gain), dtype=np.uint8), gain)


def leveled(picture: Image, settings: LevelSettings) -> Image:
    """Stretch each channel of `picture` [H, W, 3] uint8 BGR over the whole range, then equalize brightness tile by
    tile.

    Source of the latter: Zuiderveld, "Contrast Limited Adaptive Histogram Equalization" (1994), in OpenCV.
    """
    step = _step(picture)
    ends = np.quantile(picture[::step, ::step], (settings.darkest, settings.brightest), axis=(0, 1))
    gain = (_GRAY_LEVELS - 1) / np.maximum(ends[1] - ends[0], settings.least_range)
    values = np.clip((np.arange(_GRAY_LEVELS)[:, None] - ends[0]) * gain, 0, _GRAY_LEVELS - 1)
    lab = cv2.cvtColor(cv2.LUT(picture, values[None].astype(np.uint8)), cv2.COLOR_BGR2LAB)
    equalized = cv2.createCLAHE(settings.clip, (settings.tiles, settings.tiles)).apply(cv2.extractChannel(lab, 0))
    lab = cv2.insertChannel(equalized, lab, 0)  # in place: a photo may be large
    return np.asarray(cv2.cvtColor(lab, cv2.COLOR_LAB2BGR), dtype=np.uint8)


def _step(picture: Image) -> int:
    shorter: int = min(picture.shape[:2])
    return max(1, shorter // _SAMPLED_SIDE)


def _brightest(picture: Image, share: float) -> int:
    step = _step(picture)
    # channel by channel: to copy runs of three values takes several times as long
    channels = picture[::step, ::step].transpose(2, 0, 1)
    counts = np.bincount(channels.ravel(), minlength=_GRAY_LEVELS)
    return int(np.searchsorted(np.cumsum(counts), share * counts.sum()))
