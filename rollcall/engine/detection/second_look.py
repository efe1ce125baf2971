"""Photos without a sure face are looked at again: turned, tilted, and with their light leveled.

MTCNN was trained on upright, evenly lit faces. It loses faces that are turned by more than 40°, as in scans on their
side and heads in tight crops. It also loses faces behind fog or in colored light. In a changed copy something else can
look like a face. So only sure faces count, and a lone face only if it fills a part of the photo. Small copies tell
which change helps; the photo itself is then changed and searched.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, cos, radians, sin

import cv2
import numpy as np
from numpy.typing import NDArray

from rollcall.contracts.detector_names import SMALLEST_FACE
from rollcall.engine.detection.detector import Detections, Detector
from rollcall.engine.exposure import LevelSettings, leveled
from rollcall.engine.face import Image
from rollcall.engine.pyramid import Octaves

_GRAY = (128, 128, 128)  # beside the turned picture
_UNMOVED = np.eye(2, 3, dtype=np.float32)


@dataclass(frozen=True, slots=True, kw_only=True)
class SecondLookSettings:
    """`tilts`: degrees, counterclockwise, one copy each, for heads in tight crops. `turns`: the same for whole photos.

    `least_confidence`: 0..1, of the surest face of a photo that is not looked at again, and of a face that counts in a
    turned copy. `whole_confidence`: the same in the turned photo itself, and in the leveled photo and its copy.
    `longer_side`: pixels that a copy's longer side is shrunk to where it is longer.
    `smallest_share`, `smallest_face`: the shorter side of the smallest face to look for. It is a share of the photo's
    shorter side in tilted copies, and pixels in the others. `lone_share`: the least share of a face that is alone in
    its copy.
    """

    tilts: tuple[float, ...]
    turns: tuple[float, ...]
    least_confidence: float
    whole_confidence: float
    longer_side: int
    smallest_share: float
    smallest_face: int
    lone_share: float


@dataclass(frozen=True, slots=True)
class View:
    """A picture to read faces from, and the faces found in it, in its pixels."""

    picture: Octaves
    found: Detections


@dataclass(frozen=True, slots=True)
class _Change:
    """`turn`: degrees, counterclockwise; None: leveled. `least_confidence`: the least one of a face that counts in the
    copy.

    `whole`: whether the photo itself, so changed, is searched if the copy has the surest face.
    """

    turn: float | None
    least_confidence: float
    whole: bool


@dataclass(frozen=True, slots=True)
class _Copy:
    picture: Image
    back: NDArray[np.float32]
    """[2, 3]: leads from its pixels to the pixels of the original picture."""


class SecondLook:
    def __init__(self, detector: Detector, settings: SecondLookSettings, levels: LevelSettings) -> None:
        self._detector = detector
        self._settings = settings
        self._levels = levels
        self._tilts = [_Change(turn, settings.least_confidence, whole=False) for turn in settings.tilts]
        turns = [_Change(turn, settings.least_confidence, whole=True) for turn in settings.turns]
        self._others = [*turns, _Change(None, settings.whole_confidence, whole=True)]

    def view(self, photo: Octaves, first: Detections, *, min_face: int) -> View:
        """The photo and what was found in it at `first`, or in the changed copy that has the surest face of all.

        In a turned photo boxes keep their size and stay upright. The points keep their order in the face: its left eye
        is the second, wherever that is in the photo. Faces found in the leveled photo are read from the leveled one.
        """
        if _surest(first) >= self._settings.least_confidence:
            return View(photo, first)
        height, width = photo[0].shape[:2]
        scale = max(1.0, max(height, width) / self._settings.longer_side)
        small = photo.at_scale((max(1, round(width / scale)), max(1, round(height / scale))))
        smallest = max(SMALLEST_FACE, round(self._settings.smallest_share * min(small.shape[:2])))
        looks = [
            *self._looks(small, self._tilts, min_face=smallest),
            *self._looks(small, self._others, min_face=self._settings.smallest_face),
        ]
        change, found = max(looks, key=lambda look: _surest(look[1]))
        if _surest(found) <= _surest(first):
            return View(photo, first)
        if not change.whole:
            return View(photo, _returned(found, _UNMOVED * np.float32(width / small.shape[1])))
        whole = self._whole(photo, change, min_face=min_face)
        return whole if _surest(whole.found) > _surest(first) else View(photo, first)

    def _looks(self, small: Image, changes: Sequence[_Change], *, min_face: int) -> list[tuple[_Change, Detections]]:
        """The faces that count in each copy, in the pixels of `small`."""
        copies = [self._changed(small, change) for change in changes]
        found = self._detector.detect_copies([Octaves(copy.picture) for copy in copies], min_face=min_face)
        return [
            (change, _returned(self._counted(_sure(faces, change.least_confidence), copy.picture), copy.back))
            for change, copy, faces in zip(changes, copies, found, strict=True)
        ]

    def _counted(self, sure: Detections, picture: Image) -> Detections:
        """The faces that count: none if there is only one, and it is small. Such a face is on a poster, or is no
        face.
        """
        sides = (sure.corners[:, 2:] - sure.corners[:, :2]).min(axis=1)
        smallest = self._settings.lone_share * min(picture.shape[:2])
        return sure if len(sides) > 1 or sides.max(initial=0.0) >= smallest else sure.chosen(slice(0))

    def _whole(self, photo: Octaves, change: _Change, *, min_face: int) -> View:
        copy = self._changed(photo[0], change)
        changed = Octaves(copy.picture)
        found = _sure(self._detector.detect(changed, min_face=min_face), self._settings.whole_confidence)
        return View(changed, found) if change.turn is None else View(photo, _returned(found, copy.back))

    def _changed(self, picture: Image, change: _Change) -> _Copy:
        if change.turn is None:
            return _Copy(leveled(picture, self._levels), _UNMOVED)
        return _turned(picture, change.turn)


def _surest(found: Detections) -> float:
    return float(found.confidence.max(initial=0.0))


def _sure(found: Detections, least: float) -> Detections:
    return found.chosen(found.confidence >= least)


def _turned(picture: Image, degrees: float) -> _Copy:
    height, width = picture.shape[:2]
    across, along = abs(cos(radians(degrees))), abs(sin(radians(degrees)))
    # rounded: the cosine of 90 degrees is not quite 0
    size = (ceil(round(width * across + height * along, 6)), ceil(round(width * along + height * across, 6)))
    matrix = np.asarray(cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1.0))
    matrix[:, 2] += (size[0] - width) / 2, (size[1] - height) / 2
    turned = cv2.warpAffine(picture, matrix, size, borderValue=_GRAY)
    return _Copy(np.asarray(turned, dtype=np.uint8), np.asarray(cv2.invertAffineTransform(matrix), dtype=np.float32))


def _returned(found: Detections, back: NDArray[np.float32]) -> Detections:
    scale = np.float32(np.hypot(*back[:, 0]))
    starts, ends = found.corners[:, :2], found.corners[:, 2:]
    centers = _moved((starts + ends) / 2, back)
    halves = (ends - starts) / 2 * scale
    corners = np.concatenate([centers - halves, centers + halves], axis=1)
    return Detections(corners, found.confidence, _moved(found.landmarks, back))


def _moved(points: NDArray[np.floating], matrix: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(points @ matrix[:, :2].T + matrix[:, 2], dtype=np.float32)
