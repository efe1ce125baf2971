"""Non-maximum suppression: the most probable of several boxes around one thing stays."""

import cv2
import numpy as np
from numpy.typing import NDArray

Corners = NDArray[np.float32]
"""[N, 4]: left, top, right, bottom, pixels."""


def suppress(
    corners: Corners, scores: NDArray[np.float32], *, overlap: float, most: int | None = None
) -> NDArray[np.intp]:
    """Indices of the boxes to keep, best score first: none has an IoU above `overlap` (0..1) with a better one.

    `most`: how many of the best are looked at, since the time is quadratic; None: all.
    """
    if len(corners) == 0:
        return np.empty(0, dtype=np.intp)
    sized = corners.astype(np.float64)
    sized[:, 2:] -= sized[:, :2]
    # the stubs ask for lists; arrays are taken as they are, without a Python object per number
    keep = cv2.dnn.NMSBoxes(sized, scores, score_threshold=0, nms_threshold=overlap, top_k=most or 0)  # type: ignore[arg-type]
    return np.asarray(keep, dtype=np.intp).reshape(-1)


def suppress_contained(corners: Corners, scores: NDArray[np.float32], *, overlap: float) -> NDArray[np.intp]:
    """Like `suppress`, but with the intersection over the smaller box: a face within a face is one face."""
    left = np.argsort(-scores, kind="stable")
    kept = []
    while len(left) > 1:
        best, left = left[0], left[1:]
        kept.append(best)
        left = left[_intersection_over_smaller(corners[best], corners[left]) <= overlap]
    return np.array([*kept, *left], dtype=np.intp)


def _intersection_over_smaller(box: NDArray[np.float32], others: Corners) -> NDArray[np.float32]:
    near = np.maximum(box[:2], others[:, :2])
    far = np.minimum(box[2:], others[:, 2:])
    intersection = np.clip(far - near, 0, None).prod(axis=1)
    areas = (others[:, 2:] - others[:, :2]).prod(axis=1)
    return np.asarray(intersection / np.maximum(np.minimum((box[2:] - box[:2]).prod(), areas), 1e-6), dtype=np.float32)
