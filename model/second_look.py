"""Photos in which nothing was found, turned and looked at again: scans lie on their side, and heads in tight crops.

MTCNN was trained on upright faces and loses those that are turned by more than 40°. In a turned copy something else can
look like a face, so only what the detector is sure of counts, and only faces that fill a part of the photo.
"""

from dataclasses import dataclass
from math import ceil, cos, radians, sin

import cv2
import numpy as np
from numpy.typing import NDArray

from model.detector import WINDOW, Detections, Detector
from model.faces import Image
from model.pyramid import Octaves

_GREY = (128, 128, 128)  # beside the turned picture


@dataclass(frozen=True, slots=True, kw_only=True)
class SecondLookSettings:
    """`turns`: degrees, counterclockwise, one copy each. `least_confidence`: 0..1, of a face that counts.

    `smallest_share`: the least that the shorter side of a face may be of the photo's shorter side, 0..1.
    `longer_side`: pixels that the photo's longer side is shrunk to where it is longer.
    """

    turns: tuple[float, ...]
    least_confidence: float
    smallest_share: float
    longer_side: int


@dataclass(frozen=True, slots=True)
class _Turned:
    picture: Image
    back: NDArray[np.float32]
    """[2, 3]: from its pixels to the photo's."""


class SecondLook:
    def __init__(self, detector: Detector, settings: SecondLookSettings) -> None:
        self._detector = detector
        self._settings = settings

    def look(self, photo: Octaves) -> Detections:
        """Those of the turned copy with the surest face, in the photo's pixels; boxes keep their size and stay upright.

        The points keep their order in the face: its left eye is the second, wherever that is in the photo.
        """
        height, width = photo[0].shape[:2]
        scale = min(1.0, self._settings.longer_side / max(height, width))
        small = photo.at_scale((max(1, round(width * scale)), max(1, round(height * scale))))
        smallest = max(WINDOW, round(self._settings.smallest_share * min(small.shape[:2])))
        copies = [_turned(small, turn, scale=width / small.shape[1]) for turn in self._settings.turns]
        looks = self._detector.detect_each([Octaves(copy.picture) for copy in copies], min_face=smallest)
        sure = [self._sure(found) for found in looks]
        best = max(range(len(copies)), key=lambda index: sure[index].confidence.max(initial=0.0))
        return _returned(sure[best], copies[best].back)

    def _sure(self, found: Detections) -> Detections:
        keep = found.confidence >= self._settings.least_confidence
        return Detections(found.corners[keep], found.confidence[keep], found.landmarks[keep])


def _turned(picture: Image, degrees: float, *, scale: float) -> _Turned:
    """`scale`: the photo's pixels per pixel of `picture`."""
    height, width = picture.shape[:2]
    across, along = abs(cos(radians(degrees))), abs(sin(radians(degrees)))
    size = (ceil(width * across + height * along), ceil(width * along + height * across))
    matrix = np.asarray(cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1.0))
    matrix[:, 2] += (size[0] - width) / 2, (size[1] - height) / 2
    turned = cv2.warpAffine(picture, matrix, size, borderValue=_GREY)
    back = np.asarray(cv2.invertAffineTransform(matrix) * scale, dtype=np.float32)
    return _Turned(np.asarray(turned, dtype=np.uint8), back)


def _returned(found: Detections, back: NDArray[np.float32]) -> Detections:
    scale = np.float32(np.hypot(*back[:, 0]))
    starts, ends = found.corners[:, :2], found.corners[:, 2:]
    centres = _moved((starts + ends) / 2, back)
    halves = (ends - starts) / 2 * scale
    corners = np.concatenate([centres - halves, centres + halves], axis=1)
    return Detections(corners, found.confidence, _moved(found.landmarks, back))


def _moved(points: NDArray[np.floating], matrix: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(points @ matrix[:, :2].T + matrix[:, 2], dtype=np.float32)
