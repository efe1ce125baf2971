"""Whether a part of a face is covered: eyes by sunglasses, the mouth by a mask or a hand, a side by anything.

It is measured on the aligned chip, where eyes, nose and mouth have their places. Each measure compares one part of a
face with another one, so neither the color of skin nor the light decides.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from rollcall.engine.face import Covered

_BRIGHT = 0.9  # share: white of the eye, or skin beside it
_SMALL = 60, 38  # pixels across and along, to which a chip is shrunk for its sides: what is finer is noise
_COARSE = 4.0  # sigma in such pixels: what is coarser is light
_BAND, _BANDS = 6, range(8, 52, 4)  # such pixels: columns of the inner face, each band over half of the next one

# column + row i in a chip of 150 pixels, of dlib's mean face: middles between the corners of an eye, base of the nose
_RIGHT, _LEFT, _NOSE = 99.8 + 46.6j, 47.2 + 46.6j, 73.5 + 87.3j


def _part(middle: complex, across: int, along: int) -> tuple[slice, slice]:
    column, row = round(middle.real), round(middle.imag)
    return slice(row - along, row + along), slice(column - across, column + across)


_EYES = [_part(eye, 14, 8) for eye in (_RIGHT, _LEFT)]
_CHEEKS = [_part(_NOSE + across - 2j, 9, 7) for across in (-24, 24)]
_BOTH_EYES = _part((_RIGHT + _LEFT) / 2, 40, 12)
_MOUTH = _part(_NOSE + 19j, 21, 13)
_BRIDGE = _part(_NOSE - 24j, 6, 8)
_ROWS = slice(30, 125)


@dataclass(frozen=True, slots=True, kw_only=True)
class CoveringSettings:
    """`eyes`: gray of the brightest parts of the eyes, by the cheeks' gray; below it they are behind sunglasses.

    `mouth_detail`: edges around the mouth, by the edges around the eyes; below it something covers the mouth.
    `mouth_color`: distance in a and b of Lab between mouth and bridge of the nose; beyond it something covers it too.
    `side_detail`: detail of the weaker side, by the part of the face with most; below it a side is covered.
    `weight`: 0..1, what is left of the weight.
    """

    eyes: float
    mouth_detail: float
    mouth_color: float
    side_detail: float
    weight: float


def covered(chip: NDArray[np.uint8], settings: CoveringSettings) -> Covered | None:
    """`chip` [150, 150, 3] uint8 BGR, aligned."""
    gray = np.asarray(cv2.cvtColor(chip, cv2.COLOR_BGR2GRAY), dtype=np.uint8)
    if eye_light(gray) < settings.eyes:
        return "eyes"
    if mouth_detail(gray) < settings.mouth_detail or mouth_color(chip) > settings.mouth_color:
        return "mouth"
    return "side" if side_detail(gray) < settings.side_detail else None


def eye_light(gray: NDArray[np.uint8]) -> float:
    """Brightness of the lighter eye: lashes, make-up and the shadow of a cap leave some of it light."""
    cheeks = np.concatenate([gray[cheek].ravel() for cheek in _CHEEKS])
    return max(_quantile(gray[eye], _BRIGHT) for eye in _EYES) / (_quantile(cheeks, 0.5) + 1)


def _quantile(values: NDArray[np.uint8], share: float) -> float:
    # `np.percentile` takes ten times as long
    ranked = np.sort(values, axis=None)
    return float(ranked[int(share * (len(ranked) - 1))])


def mouth_detail(gray: NDArray[np.uint8]) -> float:
    """Edges from row to row: lips and teeth."""
    mouth, eyes = (_edges(gray[part]) for part in (_MOUTH, _BOTH_EYES))
    return mouth / (eyes + 0.3)


def _edges(part: NDArray[np.uint8]) -> float:
    smooth = cv2.GaussianBlur(part.astype(np.float32), (0, 0), 1.5)
    return float(np.abs(np.diff(smooth, axis=0)).mean())


def mouth_color(chip: NDArray[np.uint8]) -> float:
    mouth, bridge = (_color(chip[part]) for part in (_MOUTH, _BRIDGE))
    return float(np.linalg.norm(mouth - bridge))


def _color(part: NDArray[np.uint8]) -> NDArray[np.float64]:
    lab = cv2.cvtColor(np.ascontiguousarray(part), cv2.COLOR_BGR2LAB)
    return np.array([_quantile(np.asarray(lab[..., channel], dtype=np.uint8), 0.5) for channel in (1, 2)])


def side_detail(gray: NDArray[np.uint8]) -> float:
    """Detail of the side with less, by the part of the face with most: 0 where a side is cut off or flat.

    Landmarks are found in the visible half. So the chip shows that half whole, and something else beside it.
    """
    small = cv2.resize(gray[_ROWS], _SMALL, interpolation=cv2.INTER_AREA).astype(np.float32)
    detail = np.asarray(small - cv2.GaussianBlur(small, (0, 0), _COARSE)).std(axis=0)
    bands = [float(detail[start : start + _BAND].mean()) for start in _BANDS]
    return float(min(np.mean(bands[:2]), np.mean(bands[-2:])) / max(*bands, 1e-3))
