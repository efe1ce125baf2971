"""YuNet: boxes, five points and a score of each face, by one small network over a picture.

Source: Wu, Peng, Yu, "YuNet: A Tiny Millisecond-level Face Detector" (2023); decoding as in OpenCV,
modules/objdetect/src/face_detect.cpp.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model.nms import Corners, suppress
from model.sessions import InferenceSession, Outputs, Pictures

STRIDES = 8, 16, 32
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
    """All that score `least` (0..1) or more, many of one face; `picture` [H, W, 3] uint8, sides multiples of `GRID`."""
    pictures: Pictures = picture[None]
    return decoded(session.run(pictures), width=picture.shape[1], least=least)


def decoded(outputs: Outputs, *, width: int, least: float) -> Proposals:
    """`outputs`: cls, obj, bbox and kps, each of three strides, [1, cells, numbers]; `width`: pixels of the picture."""
    steps = range(len(STRIDES))
    return joined([_of_stride(outputs[step :: len(STRIDES)], STRIDES[step], width, least) for step in steps])


def _of_stride(outputs: Outputs, stride: int, width: int, least: float) -> Proposals:
    kind, objectness, boxes = (output[0] for output in outputs[:3])
    scores = np.sqrt(np.clip(kind[:, 0], 0, 1) * np.clip(objectness[:, 0], 0, 1))
    found = np.flatnonzero(scores >= least)
    rows, columns = np.divmod(found, width // stride)
    cells = np.stack([columns, rows], axis=1)
    centres, sides = cells + boxes[found, :2], np.exp(boxes[found, 2:])
    corners = np.hstack([centres - sides / 2, centres + sides / 2]) * stride
    return Proposals(corners.astype(np.float32), scores[found])
