"""Large pictures in parts, so that a network's memory is bounded."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil

import numpy as np
from numpy.typing import NDArray

from rollcall.engine.detection.yunet import GRID, Proposals
from rollcall.engine.face import Image


@dataclass(frozen=True, slots=True)
class Tile:
    """`pixels`: the part, with black added on the right and below, as OpenCV does, up to a size that YuNet takes.

    `near`: where it begins in the picture; `own_near`, `own_far`: the middles of faces that are its own; (x, y) each.
    """

    pixels: Image
    near: NDArray[np.float32]
    own_near: NDArray[np.float32]
    own_far: NDArray[np.float32]

    def owned(self, found: Proposals) -> Proposals:
        """Faces of the tile's own, moved to where they are in the picture."""
        moved = Proposals(found.corners + np.tile(self.near, 2), found.scores)
        middles = (moved.corners[:, :2] + moved.corners[:, 2:]) / 2
        own = ((middles >= self.own_near) & (middles < self.own_far)).all(axis=1)
        return moved.chosen(np.asarray(own))


def tiles_of(picture: Image, most: int, overlap: int) -> Iterator[Tile]:
    """Parts of at most `most` pixels a side. A face of up to `overlap` pixels is whole in the part that owns it."""
    height, width = picture.shape[:2]
    for top, bottom, *own_y in _spans(height, most, overlap):
        for left, right, *own_x in _spans(width, most, overlap):
            near, own_near, own_far = np.array([(left, top), *zip(own_x, own_y, strict=True)], dtype=np.float32)
            yield Tile(_padded(picture[top:bottom, left:right]), near, own_near, own_far)


def _spans(side: int, most: int, overlap: int) -> Iterator[tuple[int, int, float, float]]:
    """Begin and end of each part, and of the span that it owns. The outer parts own what leaves the picture."""
    starts = range(0, side - overlap, most - overlap) if side > most else range(1)
    for start in starts:
        end = min(start + most, side)
        own_near = start + overlap / 2 if start else -np.inf
        own_far = end - overlap / 2 if end < side else np.inf
        yield start, end, own_near, own_far


def _padded(part: Image) -> Image:
    height, width = (GRID * ceil(side / GRID) for side in part.shape[:2])
    if part.shape[:2] == (height, width):
        return part
    padded = np.zeros((height, width, 3), dtype=np.uint8)
    padded[: part.shape[0], : part.shape[1]] = part
    return padded
