"""How far a face is to be trusted as evidence of who it is."""

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from rollcall.engine.alignment import CHIP_PADDING, CHIP_SIDE
from rollcall.engine.covering import CoveringSettings, covered
from rollcall.engine.face import Quality

_GRAY_LEVELS = 255
_NOSE_STANDS_OUT = 0.71  # distances between the eyes; over 412 faces this agrees best with dlib's base of the nose
_SECOND_DIFFERENCES = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], dtype=np.float32)
_DETAIL_SIGMAS = 1.0, 2.0  # pixels of the chip: eyelids and lips; what is finer is noise where a face is blurred


@dataclass(frozen=True, slots=True, kw_only=True)
class QualitySettings:
    """Each pair is (worthless, perfect): a measure counts 0 at the first and 1 at the second, linear between.

    `size`: pixels. `detail`: standard deviation of the difference between two blurs of the chip, by the one of its gray
    values.
    `noise`: gray levels.
    `contrast`: standard deviation of the chip's gray values, 0..255. `clipped`: share of its pixels that are black or
    white. `yaw`: degrees. `confidence`: 0..1. `floor`: the least that any one measure leaves of the weight.
    """

    size: tuple[float, float]
    detail: tuple[float, float]
    noise: tuple[float, float]
    contrast: tuple[float, float]
    clipped: tuple[float, float]
    yaw: tuple[float, float]
    confidence: tuple[float, float]
    floor: float


def assess(
    chip: NDArray[np.uint8],
    landmarks: NDArray[np.float32],
    *,
    size: float,
    confidence: float,
    settings: QualitySettings,
    covering: CoveringSettings,
    gain: float = 1.0,
) -> Quality:
    """`chip` [150, 150, 3] uint8 BGR; `landmarks` [5, 2] and `size` in pixels; `confidence` 0..1, the detector's.

    `gain`: the factor by which the chip was brightened; exposure is measured on the picture as it was taken.
    """
    gray = _inner_face(chip)
    sharpness = _sharpness(gray, settings) * _graded(_noise(gray), settings.noise)
    exposure = _exposure(gray, gain, settings)
    yaw, roll = pose(landmarks)
    measures = (
        _graded(size, settings.size),
        sharpness,
        exposure,
        _graded(abs(yaw), settings.yaw),
        _graded(confidence, settings.confidence),
    )
    weight = math.prod(settings.floor + (1 - settings.floor) * measure for measure in measures)
    part = covered(chip, covering)
    if part is not None:
        weight *= covering.weight
    return Quality(size=size, sharpness=sharpness, yaw=yaw, roll=roll, exposure=exposure, weight=weight, covered=part)


def noise(chip: NDArray[np.uint8]) -> float:
    """Standard deviation of the noise in a chip [150, 150, 3] uint8 BGR, in gray levels.

    Source: J. Immerkær, Fast Noise Variance Estimation, Computer Vision and Image Understanding 64(2), 1996.
    """
    return _noise(_inner_face(chip))


def pose(landmarks: NDArray[np.float32]) -> tuple[float, float]:
    """Yaw and roll in degrees, from a detector's five points ([5, 2], pixels).

    A turned face shows the tip of its nose off the middle between the eyes. The shift is the tangent of yaw times how
    far the nose stands out. Positive: toward the right of the picture.
    """
    left, right, nose = (landmarks[:3, 0].astype(np.float64) + 1j * landmarks[:3, 1]).tolist()
    across = right - left
    if across == 0:
        return 90.0, 0.0
    off = (nose - (right + left) / 2) / across
    return float(np.degrees(np.arctan(off.real / _NOSE_STANDS_OUT))), float(np.degrees(np.angle(across)))


def _inner_face(chip: NDArray[np.uint8]) -> NDArray[np.uint8]:
    # without the padding: background would count as detail
    border = round(CHIP_SIDE * CHIP_PADDING / (1 + 2 * CHIP_PADDING))
    return np.asarray(cv2.cvtColor(chip[border:-border, border:-border], cv2.COLOR_BGR2GRAY), dtype=np.uint8)


def _sharpness(gray: NDArray[np.uint8], settings: QualitySettings) -> float:
    contrast = max(_deviation(gray), 1.0)
    fine, coarse = (cv2.GaussianBlur(gray.astype(np.float32), (0, 0), sigma) for sigma in _DETAIL_SIGMAS)
    return _graded(_deviation(fine - coarse) / contrast, settings.detail)


def _noise(gray: NDArray[np.uint8]) -> float:
    differences = cv2.filter2D(gray, cv2.CV_16S, _SECOND_DIFFERENCES)
    mean = cv2.norm(differences, cv2.NORM_L1) / gray.size
    return float(mean * math.sqrt(math.pi / 2) / np.linalg.norm(_SECOND_DIFFERENCES))


def _exposure(gray: NDArray[np.uint8], gain: float, settings: QualitySettings) -> float:
    clipped = np.count_nonzero((gray == 0) | (gray == _GRAY_LEVELS)) / gray.size
    return _graded(_deviation(gray) / gain, settings.contrast) * _graded(clipped, settings.clipped)


def _deviation(gray: NDArray[np.uint8] | NDArray[np.float32]) -> float:
    # several times as fast as `std`
    return float(cv2.meanStdDev(gray)[1].item())


def _graded(value: float, limits: tuple[float, float]) -> float:
    worthless, perfect = limits
    return min(max((value - worthless) / (perfect - worthless), 0.0), 1.0)
