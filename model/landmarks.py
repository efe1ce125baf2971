"""Five landmarks of a face by an ensemble of regression trees.

Source: Kazemi and Sullivan, "One Millisecond Face Alignment with an Ensemble of Regression Trees" (2014), as in
dlib/image_processing/shape_predictor.h; the trees are those of shape_predictor_5_face_landmarks.dat (Davis King, CC0).
All faces of a call, and all trees of a cascade, are evaluated together; in single precision and in dlib's order, since
a last bit can move a sampled pixel by one, which the trees amplify.
"""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

_LEAVES = 16
_ANSWERS = np.dtype(">u2")  # of a tree's splits, the first in the highest bit

Shapes = NDArray[np.complex64]
"""[F, P] points as x + iy, in units of the face box."""


@dataclass(frozen=True, slots=True)
class _Cascade:
    anchors: NDArray[np.intp]  # [pixels]
    deltas: NDArray[np.complex64]  # [pixels]
    compared: NDArray[np.intp]  # [2, trees * 16] the two pixels whose difference decides at each split
    thresholds: NDArray[np.int16]  # [trees * 16]
    leaves: NDArray[np.float32]  # [trees * leaves, 2 * points]


class ShapePredictor:
    """Immutable once made; safe to share."""

    def __init__(self, cascades: list[_Cascade], *, initial_shape: Shapes, trees: int) -> None:
        self._cascades = cascades
        self._initial_shape = initial_shape
        # Umeyama's turn and scale from the initial shape to another one, as weights on the points of that other
        centred = initial_shape.astype(np.complex128) - initial_shape.mean(dtype=np.complex128)
        self._turn_weights = centred.conj() / (np.abs(centred) ** 2).sum()
        self._leaf_roots = np.arange(trees) * _LEAVES

    @classmethod
    def load(cls, path: Path) -> "ShapePredictor":
        """`path`: an .npz with the arrays that `model.build.shape_predictor` describes. Errors: OSError, ValueError."""
        with np.load(path, allow_pickle=False) as file:
            arrays = dict(file)
        features = arrays["split_features"]
        number, trees, splits, _ = features.shape
        if splits != _LEAVES - 1:
            raise ValueError(f"{path}: its trees have {splits} splits, expected {_LEAVES - 1}")
        # a split that is not there makes sixteen of them, two bytes of answers, to each tree
        compared = np.zeros((number, 2, trees, _LEAVES), dtype=np.intp)
        compared[..., :splits] = features.transpose(0, 3, 1, 2)
        thresholds = np.full((number, trees, _LEAVES), np.iinfo(np.int16).max, dtype=np.int16)
        # grey levels are whole, so their difference exceeds a threshold just when it exceeds the whole number below
        thresholds[..., :splits] = np.floor(arrays["split_thresholds"])
        leaves = arrays["leaf_values"].reshape(number, trees * _LEAVES, -1)
        cascades = [
            _Cascade(*parts)
            for parts in zip(
                arrays["anchor_index"].astype(np.intp),
                _as_complex(arrays["deltas"]),
                compared.reshape(number, 2, -1),
                thresholds.reshape(number, -1),
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
        if len(grey) == 0:
            return np.empty((0, len(self._initial_shape), 2))
        near, sides = boxes[:, :2], boxes[:, 2:] - boxes[:, :2]
        # a black frame of one pixel, into which everything outside falls: dlib reads black there
        faces, height, width = grey.shape
        framed = np.zeros((faces, height + 2, width + 2), dtype=np.int16)
        framed[:, 1:-1, 1:-1] = grey
        scale, first = sides.T[:, :, None], near.T[:, :, None] + 1.5  # 1 for the frame, 0.5 to round
        shapes = np.repeat(self._initial_shape[None], faces, axis=0)
        for cascade in self._cascades:
            turn = (shapes @ self._turn_weights).astype(np.complex64)
            places = shapes.take(cascade.anchors, axis=1) + turn[:, None] * cascade.deltas
            pixels = _read(framed, places, scale, first)
            shapes = _corrected(shapes, cascade.leaves, self._leaves(cascade, pixels))
        return near[:, None] + sides[:, None] * _as_pairs(shapes)

    def _leaves(self, cascade: _Cascade, pixels: NDArray[np.int16]) -> NDArray[np.intp]:
        """The leaf of each tree, [F, trees], where each pair of `pixels` [F, N] leads.

        All splits of all trees are answered at once, also those that no path meets: a table then tells where the
        answers lead. Walking down from split to split takes less arithmetic and twice the time.
        """
        differences = pixels.take(cascade.compared[0], axis=1)
        differences -= pixels.take(cascade.compared[1], axis=1)
        answers = np.packbits(differences > cascade.thresholds, axis=1).view(_ANSWERS)
        return _LEAF_OF_ANSWERS.take(answers) + self._leaf_roots


def _leaf_of_answers() -> NDArray[np.intp]:
    """[65536]: the leaf to which a tree's answers lead; behind split n come 2n + 1, if it says yes, and 2n + 2."""
    answers = np.arange(1 << _LEAVES)
    node = np.zeros_like(answers)
    for _ in range((_LEAVES - 1).bit_length()):
        yes = answers >> (_LEAVES - 1 - node) & 1
        node = 2 * node + 2 - yes
    return node - (_LEAVES - 1)


_LEAF_OF_ANSWERS = _leaf_of_answers()


def _read(
    framed: NDArray[np.int16], places: Shapes, scale: NDArray[np.float64], first: NDArray[np.float64]
) -> NDArray[np.int16]:
    """[F, N]: the pixel of each picture at each place of its box; what is cut off lands in the frame.

    `scale`, `first`: [2, F, 1], sides of the boxes and where they begin, x before y.
    """
    cells = np.array([places.real, places.imag], dtype=np.float64)
    cells *= scale
    cells += first
    columns, rows = cells.astype(np.intp)
    faces = np.arange(len(framed))[:, None]
    return framed.take(np.ravel_multi_index((faces, rows, columns), framed.shape, mode="clip"))


def _corrected(shapes: Shapes, leaves: NDArray[np.float32], reached: NDArray[np.intp]) -> Shapes:
    """The shapes and what each tree adds to them, summed tree by tree."""
    terms = np.concatenate([_as_pairs(shapes).reshape(1, len(shapes), -1), leaves.take(reached.T, axis=0)])
    # adds row to row as dlib does, and several times faster than NumPy
    sums = np.asarray(cv2.reduce(terms.reshape(len(terms), -1), 0, cv2.REDUCE_SUM), dtype=np.float32)
    return _as_complex(sums.reshape(*shapes.shape, 2))


def _as_complex(pairs: NDArray[np.floating]) -> Shapes:
    return np.ascontiguousarray(pairs, dtype=np.float32).view(np.complex64)[..., 0]


def _as_pairs(points: Shapes) -> NDArray[np.float32]:
    return np.ascontiguousarray(points).view(np.float32).reshape(*points.shape, 2)
