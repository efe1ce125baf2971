"""Face chips: faces turned, scaled and moved so that eyes, nose and mouth lie where the embedder expects them.

dlib's chips have 150 pixels and a padding of 0.25 (get_face_chip_details in dlib/image_transforms/interpolation.h).
Points are a detector's: eyes, nose and corners of the mouth, left before right as seen in the picture. The transform is
Umeyama's, "Least-squares estimation of transformation parameters between two point patterns" (1991). In the plane and
without reflection it has a closed form in complex numbers.
"""

import numpy as np
from numpy.typing import NDArray

from rollcall.contracts.embedder_kinds import SFACE_SIDE
from rollcall.engine.crops import Transforms

CHIP_SIDE = 150
CHIP_PADDING = 0.25

# where the points of MTCNN's O-Net lie in dlib's chips: medians over 412 faces (docs/decisions)
_POINTS_IN_CHIP = np.array([47.1 + 45.0j, 101.4 + 45.0j, 74.2 + 78.3j, 51.3 + 104.3j, 98.0 + 104.3j])

# source: OpenCV 5, FaceRecognizerSF::alignCrop in modules/objdetect/src/face_recognize.cpp, for YuNet's points
_POINTS_IN_SFACE_CHIP = np.array(
    [38.2946 + 51.6963j, 73.5318 + 51.5014j, 56.0252 + 71.7366j, 41.5493 + 92.3655j, 70.7299 + 92.2041j]
)
# O-Net's points lie closer together than YuNet's and higher, so that a face would come out smaller (docs/decisions)
_SFACE_SCALE, _SFACE_SHIFT = 1.03, 1j


def similarity(
    source: NDArray[np.complex128], target: NDArray[np.complex128]
) -> tuple[NDArray[np.complex128], NDArray[np.complex128]]:
    """The `turn` and `shift` that bring `turn * source + shift` closest to `target` in the sense of least squares.

    `source`, `target`: [F, P], x + iy (F may be 1 in one of them). Both results: [F].
    """
    source_mean, target_mean = source.mean(axis=1, keepdims=True), target.mean(axis=1, keepdims=True)
    centered = source - source_mean
    spread = np.maximum((np.abs(centered) ** 2).sum(axis=1), np.finfo(np.float64).tiny)
    turn = (centered.conj() * (target - target_mean)).sum(axis=1) / spread
    return turn, (target_mean[:, 0] - turn * source_mean[:, 0])


def chip_transforms(
    points: NDArray[np.floating], *, side: int = CHIP_SIDE, turn: float = 0.0, scale: float = 1.0
) -> Transforms:
    """Transforms of pixels of dlib's chip to picture pixels, [F, 2, 3]; `points` [F, 5, 2], pixels, a detector's.

    `turn`: degrees, clockwise, by which the face is turned in the chip; `scale`: how much larger it is there.
    """
    return _transforms(_scaled(_varied(_POINTS_IN_CHIP, turn, scale), side / CHIP_SIDE), points)


def sface_transforms(
    points: NDArray[np.floating], *, side: int = SFACE_SIDE, turn: float = 0.0, scale: float = 1.0
) -> Transforms:
    """The same for SFace's chip."""
    template = _varied(_POINTS_IN_SFACE_CHIP, turn, _SFACE_SCALE * scale) + _SFACE_SHIFT
    return _transforms(_scaled(template, side / SFACE_SIDE), points)


def _varied(template: NDArray[np.complex128], turn: float, scale: float) -> NDArray[np.complex128]:
    middle = template.mean()
    return np.asarray(middle + scale * np.exp(1j * np.radians(turn)) * (template - middle), dtype=np.complex128)


def _scaled(template: NDArray[np.complex128], factor: float) -> NDArray[np.complex128]:
    """Whole numbers are the centers of pixels."""
    half = 0.5 * (1 + 1j)
    return np.asarray((template + half) * factor - half, dtype=np.complex128)


def _transforms(template: NDArray[np.complex128], points: NDArray[np.floating]) -> Transforms:
    places = np.asarray(points[..., 0], dtype=np.float64) + 1j * points[..., 1]
    return as_matrices(*similarity(template[None], places))


def as_matrices(turn: NDArray[np.complex128], shift: NDArray[np.complex128]) -> Transforms:
    rows = [[turn.real, -turn.imag, shift.real], [turn.imag, turn.real, shift.imag]]
    return np.moveaxis(np.array(rows), -1, 0)
