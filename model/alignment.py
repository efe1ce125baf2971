"""Face chips: faces turned, scaled and moved so that eyes and nose lie where the embedder expects them.

Source: dlib, get_face_chip_details in dlib/image_transforms/interpolation.h (five landmarks, 150 pixels, padding 0.25).
The transform is Umeyama's, "Least-squares estimation of transformation parameters between two point patterns" (1991),
which in the plane and without reflection has a closed form in complex numbers.
"""

import numpy as np
from numpy.typing import NDArray

from model.crops import Transforms

CHIP_SIDE = 150
CHIP_PADDING = 0.25

# dlib's mean shape: outer and inner corner of the eye on the right of the picture, of the one on the left, base of nose
_MEAN_SHAPE = np.array(
    [
        0.8595674595992 + 0.2134981538014j,
        0.6460604764104 + 0.2289674387677j,
        0.1205750620789 + 0.2137274526848j,
        0.3340850613712 + 0.2290642403242j,
        0.4901123135679 + 0.6277975316475j,
    ]
)

# eyes, nose and corners of the mouth, left before right as seen in the picture, in a chip of 112 pixels
# source: OpenCV 5, FaceRecognizerSF::alignCrop in modules/objdetect/src/face_recognize.cpp
_FIVE_POINTS_SIDE = 112
_FIVE_POINTS = np.array(
    [38.2946 + 51.6963j, 73.5318 + 51.5014j, 56.0252 + 71.7366j, 41.5493 + 92.3655j, 70.7299 + 92.2041j]
)


def chip_template(side: int = CHIP_SIDE, padding: float = CHIP_PADDING) -> NDArray[np.complex128]:
    """Where the landmarks lie in a chip: [5], x + iy; whole numbers are the centres of pixels."""
    return (_MEAN_SHAPE + padding * (1 + 1j)) / (2 * padding + 1) * side - 0.5 * (1 + 1j)


def similarity(
    source: NDArray[np.complex128], target: NDArray[np.complex128]
) -> tuple[NDArray[np.complex128], NDArray[np.complex128]]:
    """The `turn` and `shift` that bring `turn * source + shift` closest to `target` in the sense of least squares.

    `source`, `target`: [F, P], x + iy (F may be 1 in one of them). Both results: [F].
    """
    source_mean, target_mean = source.mean(axis=1, keepdims=True), target.mean(axis=1, keepdims=True)
    centred = source - source_mean
    spread = np.maximum((np.abs(centred) ** 2).sum(axis=1), np.finfo(np.float64).tiny)
    turn = (centred.conj() * (target - target_mean)).sum(axis=1) / spread
    return turn, (target_mean[:, 0] - turn * source_mean[:, 0])


def chip_transforms(landmarks: NDArray[np.floating], *, side: int = CHIP_SIDE) -> Transforms:
    """From chip pixels to picture pixels, [F, 2, 3]; `landmarks` [F, 5, 2], pixels."""
    points = np.asarray(landmarks[..., 0], dtype=np.float64) + 1j * landmarks[..., 1]
    turn, shift = similarity(chip_template(side)[None], points)
    return as_matrices(turn, shift)


def five_point_transforms(points: NDArray[np.floating], *, side: int = _FIVE_POINTS_SIDE) -> Transforms:
    """From pixels of SFace's chip to picture pixels, [F, 2, 3]; `points` [F, 5, 2], pixels, a detector's."""
    places = np.asarray(points[..., 0], dtype=np.float64) + 1j * points[..., 1]
    template = np.asarray(_FIVE_POINTS[None] * (side / _FIVE_POINTS_SIDE), dtype=np.complex128)
    turn, shift = similarity(template, places)
    return as_matrices(turn, shift)


def as_matrices(turn: NDArray[np.complex128], shift: NDArray[np.complex128]) -> Transforms:
    rows = [[turn.real, -turn.imag, shift.real], [turn.imag, turn.real, shift.imag]]
    return np.moveaxis(np.array(rows), -1, 0)
