"""Dim pictures, brightened before anything looks at them.

Detector and embedder were trained on well lit faces: docs/engine.md says what a dim picture costs them.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from model.faces import Image

_GREY_LEVELS = 256
_SAMPLED_SIDE = 64  # pixels; enough to tell how bright a picture is


@dataclass(frozen=True, slots=True, kw_only=True)
class ExposureSettings:
    """`brightest`: the share of grey values, 0..1, up to the one that says how bright a picture is.

    `dim_below`: that value in a picture that is brightened, 0..255. `bright`: what it becomes. `most_gain`: a picture
    darker than that holds mostly noise, and is brightened by no more.
    """

    brightest: float
    dim_below: int
    bright: int
    most_gain: float


@dataclass(frozen=True, slots=True)
class Exposed:
    """`gain`: what the grey values were multiplied by; 1 where they are as they were."""

    picture: Image
    gain: float = 1.0


def brightened(picture: Image, settings: ExposureSettings) -> Exposed:
    """`picture` [H, W, 3] uint8 BGR; nothing is copied where it is bright enough."""
    brightest = _brightest(picture, settings.brightest)
    if brightest >= settings.dim_below:
        return Exposed(picture)
    gain = min(settings.bright / max(brightest, 1), settings.most_gain)
    return Exposed(np.asarray(cv2.convertScaleAbs(picture, alpha=gain), dtype=np.uint8), gain)


def _brightest(picture: Image, share: float) -> int:
    step = max(1, min(picture.shape[:2]) // _SAMPLED_SIDE)
    counts = np.bincount(picture[::step, ::step].ravel(), minlength=_GREY_LEVELS)
    return int(np.searchsorted(np.cumsum(counts), share * counts.sum()))
