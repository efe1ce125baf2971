"""Square crops of a picture, turned and scaled to one size, many at once."""

import cv2
import numpy as np
from numpy.typing import NDArray

from rollcall.engine.face import Image
from rollcall.engine.pyramid import Octaves

Transforms = NDArray[np.float64]
"""[N, 2, 3]: picture = M @ (x, y, 1) for x, y of the crop; pixel centers are at whole numbers on both sides."""

# cv2.remap addresses its destination with 16 bits
_ROWS_AT_ONCE = 32_000


def square_transforms(corners: NDArray[np.float32], *, side: int) -> Transforms:
    """Crops of `side` pixels that show the boxes `corners` ([N, 4]: left, top, right, bottom; outer edges)."""
    transforms = np.zeros((len(corners), 2, 3))
    scale = (corners[:, 2:] - corners[:, :2]) / side
    transforms[:, 0, 0], transforms[:, 1, 1] = scale.T
    transforms[:, :, 2] = corners[:, :2] + scale / 2 - 0.5
    return transforms


def crops(octaves: Octaves, transforms: Transforms, *, side: int, fill: int) -> NDArray[np.uint8]:
    """[N, side, side, 3] uint8, sampled bilinearly from the octave next to each crop's own resolution.

    What lies outside the picture has the value `fill`.
    """
    limit = max(1, _ROWS_AT_ONCE // side)
    if len(transforms) > limit:
        parts = (transforms[start : start + limit] for start in range(0, len(transforms), limit))
        return np.concatenate([crops(octaves, part, side=side, fill=fill) for part in parts])
    magnification = np.hypot(transforms[:, 0, 0], transforms[:, 1, 0])
    octave_of = np.rint(np.log2(np.maximum(magnification, 1))).astype(int)
    columns, rows = _maps(octaves, octave_of, transforms, side=side)
    octaves_met = set(octave_of.tolist())
    if len(octaves_met) == 1:
        return _sampled(octaves[octaves_met.pop()], columns, rows, fill=fill)
    result = np.empty((len(transforms), side, side, 3), dtype=np.uint8)
    for octave in octaves_met:
        chosen = np.flatnonzero(octave_of == octave)
        result[chosen] = _sampled(octaves[octave], columns[chosen], rows[chosen], fill=fill)
    return result


def _maps(
    octaves: Octaves, octave_of: NDArray[np.intp], transforms: Transforms, *, side: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Column and row in a crop's octave for each of its pixels, [N, side, side] each."""
    sizes = np.array([octaves[octave].shape[1::-1] for octave in range(octave_of.max(initial=0) + 1)])
    matrices = transforms.copy()
    matrices[:, :, 2] += 0.5
    matrices *= (sizes / sizes[0])[octave_of][:, :, None]
    matrices[:, :, 2] -= 0.5
    across, down, shift = np.ascontiguousarray(matrices.transpose(2, 1, 0), dtype=np.float32)[..., None]
    steps = np.arange(side, dtype=np.float32)
    if not (across[1].any() or down[0].any()):  # upright: one row of columns and one column of rows say it all
        columns, rows = across[0] * steps + shift[0], down[1] * steps + shift[1]
        return columns[:, None].repeat(side, axis=1), rows[:, :, None].repeat(side, axis=2)
    maps = (across * steps)[:, :, None] + (down * steps)[..., None]
    maps += shift[..., None]
    return maps[0], maps[1]


def _sampled(
    picture: Image, columns: NDArray[np.float32], rows: NDArray[np.float32], *, fill: int
) -> NDArray[np.uint8]:
    side = columns.shape[-1]
    sampled = cv2.remap(
        picture,
        columns.reshape(side, -1),  # long rows: OpenCV samples many pixels of a row at a time, the last ones singly
        rows.reshape(side, -1),
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=(fill, fill, fill),
    )
    return np.asarray(sampled, dtype=np.uint8).reshape(-1, side, side, 3)
