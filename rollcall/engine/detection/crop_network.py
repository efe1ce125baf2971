"""R-Net and O-Net of MTCNN: networks that judge square crops of one size.

Source: Zhang, Zhang, Li, Qiao, "Joint Face Detection and Alignment Using Multitask Cascaded Convolutional Networks"
(2016); regression as in facenet-pytorch 2.6.0, models/utils/detect_face.py.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from math import ceil

import numpy as np
from numpy.typing import NDArray

from rollcall.engine.crops import crops, square_transforms
from rollcall.engine.detection.detector import Detections
from rollcall.engine.detection.nms import Corners, suppress
from rollcall.engine.pyramid import Octaves
from rollcall.engine.sessions import InferenceSession

RNET_SIDE, ONET_SIDE = 24, 48
_LANDMARKS = 5
# what becomes of left, top, right, bottom, and of eyes, nose and mouth (five x, five y), when a picture is mirrored
_MIRRORED_CORNERS, _MIRRORED_SIGNS = [2, 1, 0, 3], np.array([-1, 1, -1, 1], dtype=np.float32)
_MIRRORED_POINTS = [1, 0, 2, 4, 3, 6, 5, 7, 9, 8]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What R-Net or O-Net says about crops: `probability` [N], `offsets` [N, 4] and, O-Net alone, `points` [N, 10]."""

    probability: NDArray[np.float32]
    offsets: NDArray[np.float32]
    points: NDArray[np.float32]

    def chosen(self, rows: NDArray[np.intp]) -> "Verdict":
        return Verdict(self.probability[rows], self.offsets[rows], self.points[rows])

    def detections(self, boxes: Corners) -> Detections:
        """The faces that O-Net makes of the crops `boxes` [N, 4], all of them."""
        sides = boxes[:, None, 2:] - boxes[:, None, :2]
        landmarks = boxes[:, None, :2] + sides * self.points.reshape(-1, 2, _LANDMARKS).transpose(0, 2, 1)
        return Detections(regressed(boxes, self.offsets), self.probability, landmarks)


_NO_VERDICT = Verdict(np.empty(0, np.float32), np.empty((0, 4), np.float32), np.empty((0, 2 * _LANDMARKS), np.float32))


class CropNetwork:
    """`side`: pixels of a crop; `batch`: the most crops at once, which bounds the memory; `fill`: gray outside."""

    def __init__(self, session: InferenceSession, *, side: int, batch: int, fill: int) -> None:
        self._session = session
        self._side, self._batch, self._fill = side, batch, fill

    def judge(self, pictures: Sequence[Octaves], boxes: Sequence[Corners], *, mirrored: bool = False) -> list[Verdict]:
        """One verdict for each picture's boxes; the crops of all pictures go through together, which costs less each.

        `mirrored`: O-Net only; the mean of what it says about each crop and about the crop's mirror image.
        """
        cut = np.concatenate(
            [
                crops(octaves, square_transforms(corners, side=self._side), side=self._side, fill=self._fill)
                for octaves, corners in zip(pictures, boxes, strict=True)
            ]
        )
        if len(cut) == 0:
            return [_NO_VERDICT] * len(pictures)
        probability, offsets, *points = self._both_ways(cut) if mirrored else self._run(cut)
        landmarks = points[0] if points else np.empty((len(cut), 0), np.float32)
        parts = [slice(*part) for part in pairwise([0, *accumulate(map(len, boxes))])]
        return [Verdict(probability[part, 0], offsets[part], landmarks[part]) for part in parts]

    def _both_ways(self, cut: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
        outputs = self._run(np.concatenate([cut, cut[:, :, ::-1]]))
        probability, offsets, points = (output.reshape(2, len(cut), -1) for output in outputs)
        offsets[1] = offsets[1][:, _MIRRORED_CORNERS] * _MIRRORED_SIGNS
        points[1] = points[1][:, _MIRRORED_POINTS]
        points[1, :, :_LANDMARKS] = 1 - points[1, :, :_LANDMARKS]
        return [(as_is + mirrored) * np.float32(0.5) for as_is, mirrored in (probability, offsets, points)]

    def _run(self, pictures: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
        if len(pictures) <= self._batch:
            return self._session.run(pictures)
        batches = np.array_split(pictures, ceil(len(pictures) / self._batch))
        outputs = [self._session.run(batch) for batch in batches]
        return [np.concatenate(parts) for parts in zip(*outputs, strict=True)]


def centered(boxes: Corners, verdict: Verdict, *, least: float, overlap: float) -> tuple[NDArray[np.intp], Corners]:
    """Rows of the `boxes` [N, 4] that are promising, and squares around what O-Net sees in them.

    `least`: 0..1, of its probability. `overlap`: 0..1; no two of the boxes that it sees have a larger IoU.
    """
    rows = np.flatnonzero(verdict.probability > least)
    seen = regressed(boxes[rows], verdict.offsets[rows])
    keep = suppress(seen, verdict.probability[rows], overlap=overlap)
    return rows[keep], squared(seen[keep])


def regressed(corners: Corners, offsets: NDArray[np.float32]) -> Corners:
    """Boxes moved by what a network says, in units of their sides; `offsets` [N, 4]: left, top, right, bottom."""
    sides = corners[:, 2:] - corners[:, :2]
    return corners + offsets * np.hstack([sides, sides])


def squared(corners: Corners) -> Corners:
    """The smallest squares around the same centers."""
    center = (corners[:, :2] + corners[:, 2:]) / 2
    half = (corners[:, 2:] - corners[:, :2]).max(axis=1, keepdims=True) / 2
    return np.hstack([center - half, center + half])
