"""Non-maximum suppression: of boxes that show the same thing, the most probable stays."""

from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

Corners = NDArray[np.float32]
"""[N, 4]: left, top, right, bottom, pixels."""


def suppress(corners: Corners, scores: NDArray[np.float32], *, overlap: float) -> NDArray[np.intp]:
    """Indices of the boxes to keep, best score first: none has an IoU above `overlap` (0..1) with a better one."""
    if len(corners) == 0:
        return np.empty(0, dtype=np.intp)
    sized = corners.astype(np.float64)
    sized[:, 2:] -= sized[:, :2]
    # the stubs ask for lists; arrays are taken as they are, without a Python object per number
    keep = cv2.dnn.NMSBoxes(sized, scores, score_threshold=0, nms_threshold=overlap)  # type: ignore[arg-type]
    return np.asarray(keep, dtype=np.intp).reshape(-1)


def suppress_apart(
    corners: Corners, scores: NDArray[np.float32], *, ends: NDArray[np.intp], overlap: float
) -> NDArray[np.intp]:
    """`suppress` in each run of boxes on its own; `ends`: where each run but the last ends, ascending."""
    bounds = [0, *ends.tolist(), len(corners)]
    runs = [slice(*pair) for pair in pairwise(bounds)]
    kept = [run.start + suppress(corners[run], scores[run], overlap=overlap) for run in runs]
    return np.concatenate(kept)


def suppress_contained(corners: Corners, scores: NDArray[np.float32], *, overlap: float) -> NDArray[np.intp]:
    """Like `suppress`, but with the intersection over the smaller box: a face within a face is one face.

    Memory is quadratic in N: for the few boxes that are left at the end.
    """
    order = np.argsort(-scores, kind="stable")
    clashes = _intersection_over_smaller(corners[order]) > overlap
    kept = np.ones(len(order), dtype=bool)
    for index in range(len(order)):
        kept[index + 1 :] &= ~(clashes[index, index + 1 :] & kept[index])
    return order[kept]


def _intersection_over_smaller(corners: Corners) -> NDArray[np.float32]:
    near = np.maximum(corners[:, None, :2], corners[None, :, :2])
    far = np.minimum(corners[:, None, 2:], corners[None, :, 2:])
    intersection = np.clip(far - near, 0, None).prod(axis=2)
    areas = (corners[:, 2:] - corners[:, :2]).prod(axis=1)
    return np.asarray(intersection / np.maximum(np.minimum(areas[:, None], areas[None, :]), 1e-6), dtype=np.float32)
