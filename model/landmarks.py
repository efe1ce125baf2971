"""Five landmarks of a face by an ensemble of regression trees.

Source: Kazemi and Sullivan, "One Millisecond Face Alignment with an Ensemble of Regression Trees" (2014), as in
dlib/image_processing/shape_predictor.h; the trees are those of shape_predictor_5_face_landmarks.dat (Davis King, CC0).
All faces of a call, and all trees of a cascade, are evaluated together.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Shapes = NDArray[np.complex128]
"""[F, P] points as x + iy, in units of the face box."""


@dataclass(frozen=True, slots=True)
class _Cascade:
    anchors: NDArray[np.intp]  # [pixels]
    deltas: NDArray[np.complex128]  # [pixels]
    compared: NDArray[np.intp]  # [2, trees * splits] the two pixels whose difference decides
    thresholds: NDArray[np.int16]  # [trees * splits]
    leaves: NDArray[np.float32]  # [trees * leaves, 2 * points]


class ShapePredictor:
    """Immutable once made; safe to share."""

    def __init__(self, cascades: list[_Cascade], *, initial_shape: NDArray[np.complex128], trees: int) -> None:
        self._cascades = cascades
        self._initial_shape = initial_shape
        # Umeyama's turn and scale from the initial shape to another one, as weights on the points of that other
        centred = initial_shape - initial_shape.mean()
        self._turn_weights = centred.conj() / (np.abs(centred) ** 2).sum()
        splits = len(cascades[0].thresholds) // trees
        self._depth = splits.bit_length()
        self._split_roots = np.arange(trees) * splits
        self._leaf_roots = np.arange(trees) * (splits + 1) - splits

    @classmethod
    def load(cls, path: Path) -> "ShapePredictor":
        """`path`: an .npz with the arrays that `model.build.shape_predictor` describes. Errors: OSError, ValueError."""
        with np.load(path, allow_pickle=False) as file:
            arrays = dict(file)
        features = arrays["split_features"]
        number, trees, splits, _ = features.shape
        compared = features.reshape(number, trees * splits, 2).transpose(0, 2, 1).astype(np.intp)
        # grey levels are whole, so their difference exceeds a threshold just when it exceeds the whole number below
        thresholds = np.floor(arrays["split_thresholds"]).astype(np.int16).reshape(number, -1)
        leaves = arrays["leaf_values"].reshape(number, trees * (splits + 1), -1)
        cascades = [
            _Cascade(*parts)
            for parts in zip(
                arrays["anchor_index"].astype(np.intp),
                _as_complex(arrays["deltas"]),
                np.ascontiguousarray(compared),
                thresholds,
                leaves,
                strict=True,
            )
        ]
        return cls(cascades, initial_shape=_as_complex(arrays["initial_shape"]), trees=trees)

    def predict(self, grey: NDArray[np.uint8], boxes: NDArray[np.float64]) -> NDArray[np.float64]:
        """Landmarks [F, P, 2] in pixels of each picture.

        `grey`: [F, H, W] uint8, one picture for each face. `boxes`: [F, 4], left, top, right, bottom in pixels, the
        last two the last column and row inside, as in a dlib rectangle.
        """
        near, sides = boxes[:, None, :2], boxes[:, None, 2:] - boxes[:, None, :2]
        # a black frame of one pixel, into which everything outside falls: dlib reads black there
        framed = np.pad(grey, ((0, 0), (1, 1), (1, 1))).astype(np.int16)
        shapes = np.repeat(self._initial_shape[None], len(grey), axis=0)
        for cascade in self._cascades:
            turn = shapes @ self._turn_weights
            places = shapes[:, cascade.anchors] + turn[:, None] * cascade.deltas
            pixels = _read(framed, near + sides * _as_pairs(places))
            shapes = shapes + _as_complex(self._correction(cascade, pixels).reshape(*shapes.shape, 2))
        return near + sides * _as_pairs(shapes)

    def _correction(self, cascade: _Cascade, pixels: NDArray[np.int16]) -> NDArray[np.float32]:
        """What all trees together add to each shape: [F, 2 * P], x and y in turn."""
        count, width = pixels.shape
        faces = np.arange(count)[:, None] * width
        flat = pixels.ravel()
        node = np.zeros((count, len(self._split_roots)), dtype=np.intp)
        for _ in range(self._depth):
            split = self._split_roots + node
            first, second = flat.take(cascade.compared.take(split, axis=1) + faces)
            node += node
            node += 2
            node -= first - second > cascade.thresholds.take(split)
        leaves = cascade.leaves.take(self._leaf_roots + node, axis=0)
        return np.asarray(leaves.sum(axis=1), dtype=np.float32)


def _read(framed: NDArray[np.int16], places: NDArray[np.float64]) -> NDArray[np.int16]:
    """[F, N]: the pixel nearest to each place ([F, N, 2]) of pictures that have a frame of one pixel."""
    count, height, width = framed.shape
    # + 1 for the frame, + 0.5 to round; what is cut off lands in the frame
    cells = np.clip(places + 1.5, 0, (width - 1, height - 1)).astype(np.intp)
    offsets = np.arange(count)[:, None] * (height * width)
    return np.asarray(np.take(framed, offsets + cells[..., 1] * width + cells[..., 0]), dtype=np.int16)


def _as_complex(pairs: NDArray[np.floating]) -> NDArray[np.complex128]:
    return np.ascontiguousarray(pairs, dtype=np.float64).view(np.complex128)[..., 0]


def _as_pairs(points: NDArray[np.complex128]) -> NDArray[np.float64]:
    return np.ascontiguousarray(points).view(np.float64).reshape(*points.shape, 2)
