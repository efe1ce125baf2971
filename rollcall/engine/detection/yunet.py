"""YuNet: a box and a score of each face, by one small network over a picture.

Source: Wu, Peng, Yu, "YuNet: A Tiny Millisecond-level Face Detector" (2023); decoding as in OpenCV,
modules/objdetect/src/face_detect.cpp.
"""

from dataclasses import dataclass
from math import log

import numpy as np
from numpy.typing import NDArray

from rollcall.contracts.detector_names import YUNET_STRIDES
from rollcall.engine.detection.nms import Corners, suppress
from rollcall.engine.sessions import InferenceSession, Outputs, Pictures

GRID = 32  # pixels: sides of a picture are multiples of it


@dataclass(frozen=True, slots=True)
class Proposals:
    """`corners` [N, 4]: left, top, right, bottom, pixels. `scores` [N]: 0..1."""

    corners: Corners
    scores: NDArray[np.float32]

    def chosen(self, rows: NDArray[np.intp] | NDArray[np.bool_]) -> "Proposals":
        return Proposals(self.corners[rows], self.scores[rows])

    def distinct(self, *, overlap: float, most: int) -> "Proposals":
        """The best `most` of them, surest first; none has an IoU above `overlap` (0..1) with a surer one."""
        best = self.chosen(np.argsort(-self.scores, kind="stable")[:most])
        return best.chosen(suppress(best.corners, best.scores, overlap=overlap))


def joined(parts: list[Proposals]) -> Proposals:
    return Proposals(np.concatenate([part.corners for part in parts]), np.concatenate([part.scores for part in parts]))


def proposals(session: InferenceSession, picture: NDArray[np.uint8], *, least: float) -> Proposals:
    """All boxes that score `least` (0..1) or more, many of one face; `picture` [H, W, 3] uint8, sides multiples of
    `GRID`.
    """
    pictures: Pictures = picture[None]
    return decoded(session.run(pictures), least=least)


def decoded(outputs: Outputs, *, least: float) -> Proposals:
    """`outputs`: of each stride [1, rows, columns, 6], as `rollcall.weights.opencv_zoo.yunet` describes them."""
    return joined([_of_stride(*pair, least) for pair in zip(outputs, YUNET_STRIDES, strict=True)])


def _of_stride(output: NDArray[np.float32], stride: int, least: float) -> Proposals:
    # a score is at most the root of either sigmoid: most cells need no arithmetic
    both = np.minimum(output[0, ..., 0], output[0, ..., 1])
    rows, columns = np.nonzero(both >= _logit(least**2))
    faces = output[0, rows, columns]
    scores = np.sqrt(_sigmoid(faces[:, 0]) * _sigmoid(faces[:, 1]))
    sure = scores >= least
    cells, faces = np.stack([columns, rows], axis=1)[sure], faces[sure]
    centers, sides = cells + faces[:, 2:4], np.exp(faces[:, 4:])
    corners = np.hstack([centers - sides / 2, centers + sides / 2]) * stride
    return Proposals(corners.astype(np.float32), scores[sure])


def _sigmoid(values: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.float32(1) / (np.float32(1) + np.exp(-values))


def _logit(share: float) -> float:
    """The inverse of the sigmoid."""
    return log(share / (1 - share))
