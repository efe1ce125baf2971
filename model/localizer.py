"""From a detection to five exact landmarks: the bridge between MTCNN's boxes and dlib's shape predictor."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model.alignment import as_matrices, similarity
from model.crops import Transforms, crops
from model.detector import Detections
from model.landmarks import ShapePredictor
from model.pyramid import Octaves


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalizerSettings:
    """`upright`: [5] MTCNN's points of an upright face, x + iy; only their angles matter.

    `side_of_box`: side of the square that the shape predictor expects, by the geometric mean of the box's sides.
    `patch_side`: pixels to which that square is scaled; `patch_margin`: pixels around it that the trees may read.
    """

    upright: tuple[tuple[float, float], ...]
    side_of_box: float
    patch_side: int
    patch_margin: int


@dataclass(frozen=True, slots=True)
class Patches:
    """The surroundings of faces, upright and of one size: `grey` [N, S, S] uint8; `transforms` lead to the picture."""

    grey: NDArray[np.uint8]
    transforms: Transforms


class Localizer:
    def __init__(self, predictor: ShapePredictor, settings: LocalizerSettings) -> None:
        self._predictor = predictor
        self._settings = settings
        self._upright = np.array([complex(*point) for point in settings.upright])

    def patches(self, octaves: Octaves, detections: Detections) -> Patches:
        transforms = self._transforms(detections)
        side = self._settings.patch_side + 2 * self._settings.patch_margin
        cut = crops(octaves, transforms, side=side, fill=0)
        return Patches(_mean_of_colours(cut), transforms)

    def landmarks(self, patches: Patches) -> NDArray[np.float32]:
        """[N, 5, 2], pixels of the picture, in dlib's order. Faces of several pictures together cost less each."""
        near, far = self._settings.patch_margin, self._settings.patch_margin + self._settings.patch_side - 1
        boxes = np.tile(np.array([near, near, far, far], dtype=np.float64), (len(patches.grey), 1))
        points = self._predictor.predict(patches.grey, boxes)
        turned = points @ patches.transforms[:, :, :2].transpose(0, 2, 1) + patches.transforms[:, None, :, 2]
        return turned.astype(np.float32)

    def _transforms(self, detections: Detections) -> Transforms:
        settings = self._settings
        points = detections.landmarks[..., 0] + 1j * detections.landmarks[..., 1].astype(np.float64)
        turn, _ = similarity(self._upright[None], points)
        sides = detections.corners[:, 2:] - detections.corners[:, :2]
        scale = settings.side_of_box * np.sqrt(sides.prod(axis=1).astype(np.float64)) / settings.patch_side
        turn = scale * turn / np.maximum(np.abs(turn), np.finfo(np.float64).tiny)
        middle = (settings.patch_side + 2 * settings.patch_margin - 1) / 2 * (1 + 1j)
        return as_matrices(turn, points.mean(axis=1) - turn * middle)


def _mean_of_colours(pictures: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """[N, S, S] of [N, S, S, 3]; dlib's grey, which is not brightness."""
    # written out: `sum` over an axis of three costs several times as much
    total = pictures[..., 0].astype(np.uint16) + pictures[..., 1] + pictures[..., 2]
    return (total // 3).astype(np.uint8)


def joined(patches: Sequence[Patches]) -> Patches:
    return Patches(
        np.concatenate([part.grey for part in patches]), np.concatenate([part.transforms for part in patches])
    )
