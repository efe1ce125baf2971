"""dlib's 5-point shape predictor as plain arrays.

Source: shape_predictor_5_face_landmarks.dat (Davis King, CC0); dlib/image_processing/shape_predictor.h; the method is
Kazemi and Sullivan, "One Millisecond Face Alignment with an Ensemble of Regression Trees" (2014).

Arrays, for C cascades of T trees with S splits and L = S + 1 leaves, over F pixels:
- `initial_shape` (P, 2) float32: the mean shape, x and y in 0..1 of the face box
- `anchor_index` (C, F) int16 and `deltas` (C, F, 2) float32: pixel f lies at `deltas` (turned and scaled as the current
  shape is against the mean shape) from point `anchor_index` of the current shape, x and y in units of the box
- `split_features` (C, T, S, 2) int16, `split_thresholds` (C, T, S) float32: at split s, go to 2s + 1 if
  pixel[first] - pixel[second] > threshold (grey, 0..255), else to 2s + 2
- `leaf_values` (C, T, L, 2P) float32: what leaf (node number - S) adds to the shape, x and y in turn, in units of the
  box
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.build.dlib_archive import DlibArchive
from model.build.errors import ArchiveError

_VERSION = 1


def shape_predictor(content: bytes) -> dict[str, NDArray[Any]]:
    archive = DlibArchive(content, name="dlib shape predictor")
    if archive.integer() != _VERSION:
        raise ArchiveError(f"dlib shape predictor: not of version {_VERSION}")
    initial_shape = archive.column().reshape(-1, 2)
    forests = [[_tree(archive) for _ in range(archive.count())] for _ in range(archive.count())]
    anchors = [[archive.integer() for _ in range(archive.count())] for _ in range(archive.count())]
    deltas = [[(archive.number(), archive.number()) for _ in range(archive.count())] for _ in range(archive.count())]
    if not archive.exhausted:
        raise ArchiveError("dlib shape predictor: bytes are left over behind its last array")
    return {
        "initial_shape": initial_shape,
        "anchor_index": np.array(anchors, dtype=np.int16),
        "deltas": np.array(deltas, dtype=np.float32),
        "split_features": np.array([[tree[0] for tree in trees] for trees in forests], dtype=np.int16),
        "split_thresholds": np.array([[tree[1] for tree in trees] for trees in forests], dtype=np.float32),
        "leaf_values": np.array([[tree[2] for tree in trees] for trees in forests], dtype=np.float32),
    }


def _tree(archive: DlibArchive) -> tuple[list[tuple[int, int]], list[float], list[NDArray[np.float32]]]:
    features, thresholds = [], []
    for _ in range(archive.count()):
        features.append((archive.integer(), archive.integer()))
        thresholds.append(archive.number())
    return features, thresholds, [archive.column() for _ in range(archive.count())]
