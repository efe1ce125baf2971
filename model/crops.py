"""Square crops of a picture, turned and scaled to one size, many at once."""

import cv2
import numpy as np
from numpy.typing import NDArray

from model.pyramid import Octaves

Transforms = NDArray[np.float64]
"""[N, 2, 3]: picture = M @ (x, y, 1) for x, y of the crop; pixel centres are at whole numbers on both sides."""

# cv2.remap addresses its destination with 16 bits
_ROWS_AT_ONCE = 32_000


def square_transforms(corners: NDArray[np.float32], *, side: int) -> Transforms:
    """Crops of `side` pixels that show the boxes `corners` ([N, 4]: left, top, right, bottom; outer edges)."""
    transforms = np.zeros((len(corners), 2, 3))
    scale = (corners[:, 2:] - corners[:, :2]) / side
    transforms[:, (0, 1), (0, 1)] = scale
    transforms[:, :, 2] = corners[:, :2] + scale / 2 - 0.5
    return transforms


def crops(octaves: Octaves, transforms: Transforms, *, side: int, fill: int) -> NDArray[np.uint8]:
    """[N, side, side, 3] uint8, sampled bilinearly from the octave next to each crop's own resolution.

    What lies outside the picture has the value `fill`.
    """
    magnification = np.hypot(transforms[:, 0, 0], transforms[:, 1, 0])
    octave_of = np.clip(np.rint(np.log2(np.maximum(magnification, 1))), 0, None).astype(int)
    limit = max(1, _ROWS_AT_ONCE // side)
    if len(transforms) <= limit and len(octaves_met := set(octave_of.tolist())) == 1:
        return _sample(octaves, octaves_met.pop(), transforms, side=side, fill=fill)
    result = np.empty((len(transforms), side, side, 3), dtype=np.uint8)
    for octave in np.unique(octave_of):
        chosen = np.flatnonzero(octave_of == octave)
        for start in range(0, len(chosen), limit):
            part = chosen[start : start + limit]
            result[part] = _sample(octaves, int(octave), transforms[part], side=side, fill=fill)
    return result


def _sample(octaves: Octaves, octave: int, transforms: Transforms, *, side: int, fill: int) -> NDArray[np.uint8]:
    source = octaves[octave]
    scale_x, scale_y = source.shape[1] / octaves[0].shape[1], source.shape[0] / octaves[0].shape[0]
    matrix = transforms.copy()
    matrix[:, :, 2] += 0.5
    matrix *= np.array([[scale_x], [scale_y]])
    matrix[:, :, 2] -= 0.5
    steps = np.arange(side, dtype=np.float32)
    terms = matrix.astype(np.float32)[..., None, None]
    maps = terms[:, :, 0] * steps + terms[:, :, 1] * steps[:, None]
    maps += terms[:, :, 2]
    sampled = cv2.remap(
        source,
        maps[:, 0].reshape(-1, side),
        maps[:, 1].reshape(-1, side),
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=(fill, fill, fill),
    )
    return np.asarray(sampled, dtype=np.uint8).reshape(-1, side, side, 3)
