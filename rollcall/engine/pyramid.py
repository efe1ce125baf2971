"""Smaller and smaller copies of a picture: what the detector searches, and what crops are sampled from.

`Octaves` halves the picture from step to step (mipmapping; Williams, "Pyramidal Parametrics", 1983). So a crop of any
size is sampled from a copy of about its own resolution. `Canvas` lays the levels that P-Net searches side by side in
one picture, so that one inference serves all of them.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from rollcall.engine.face import Image


class Octaves:
    """Copies of a picture at 1, 1/2, 1/4…; each is made when first asked for."""

    def __init__(self, picture: Image) -> None:
        self._levels = [picture]

    def __getitem__(self, octave: int) -> Image:
        while len(self._levels) <= octave:
            height, width = self._levels[-1].shape[:2]
            half = (max(1, (width + 1) // 2), max(1, (height + 1) // 2))
            self._levels.append(np.asarray(cv2.resize(self._levels[-1], half, interpolation=cv2.INTER_AREA)))
        return self._levels[octave]

    def at_scale(self, size: tuple[int, int]) -> Image:
        """The picture at `size` (width, height), shrunk from the smallest octave that is not smaller."""
        octave = 0
        height, width = self._levels[0].shape[:2]
        while width / 2 >= size[0] and height / 2 >= size[1]:
            octave, width, height = octave + 1, width / 2, height / 2
        return resized(self[octave], size)


def resized(picture: Image, size: tuple[int, int]) -> Image:
    """`size`: width, height; not below half the picture's, where samples between neighbors would skip pixels."""
    if (picture.shape[1], picture.shape[0]) == size:
        return picture
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_LINEAR))


@dataclass(frozen=True, slots=True)
class Level:
    """One copy on the canvas: where it lies (left, top), its size, and canvas pixels per picture pixel in x and y."""

    left: int
    top: int
    width: int
    height: int
    scale_x: float
    scale_y: float


@dataclass(frozen=True, slots=True)
class Canvas:
    pixels: Image
    levels: tuple[Level, ...]


def lay_out(sizes: Sequence[tuple[int, int]], *, margin: int) -> tuple[list[tuple[int, int]], tuple[int, int]]:
    """Places for pictures of `sizes` (width, height; widest first), with `margin` pixels around each.

    The places form rows of columns. Each picture goes to the first column that has room below its others, else to a new
    column or row. Returns the places (left, top), all even, and the size of the whole.
    """
    whole_width = _even(sizes[0][0] + margin) if sizes else 0
    rows: list[_Row] = []
    places = []
    for width, height in sizes:
        outer = _even(width + margin), _even(height + margin)
        place = next((found for row in rows if (found := row.place(outer, whole_width))), None)
        if place is None:
            rows.append(_Row(top=sum(row.height for row in rows), height=outer[1], columns=[]))
            place = rows[-1].place(outer, whole_width) or (0, rows[-1].top)
        places.append((place[0] + margin, place[1] + margin))
    return places, (whole_width + margin, sum(row.height for row in rows) + margin)


@dataclass(slots=True)
class _Row:
    top: int
    height: int
    columns: list[list[int]]  # left, width, how far it is filled

    def place(self, size: tuple[int, int], whole_width: int) -> tuple[int, int] | None:
        width, height = size
        for column in self.columns:
            if width <= column[1] and column[2] + height <= self.height:
                column[2] += height
                return column[0], self.top + column[2] - height
        left = self.columns[-1][0] + self.columns[-1][1] if self.columns else 0
        if left + width > whole_width or height > self.height:
            return None
        self.columns.append([left, width, height])
        return left, self.top


def _even(number: int) -> int:
    return number + number % 2


def pyramid_canvas(
    octaves: Octaves, *, first_scale: float, factor: float, smallest: int, margin: int, fill: int
) -> Canvas:
    """All levels from `first_scale` on, each `factor` (0..1) of the one before, down to a side of `smallest` pixels.

    `margin`: pixels of the value `fill` around each level, even: faces may hang over the border that far.
    """
    height, width = octaves[0].shape[:2]
    sizes: list[tuple[int, int]] = []
    scale = first_scale
    while min(width, height) * scale >= smallest:
        sizes.append((round(width * scale), round(height * scale)))
        scale *= factor
    places, total = lay_out(sizes, margin=margin)
    copies = ((octaves, copy) for copy in _shrunk_in_turn(octaves, sizes))
    return _canvas(copies, places, total, fill=fill)


def copies_canvas(copies: Sequence[tuple[Octaves, tuple[int, int]]], *, gap: int, fill: int) -> Canvas:
    """Pictures at sizes (width, height; widest first) side by side, with `gap` pixels of the value `fill` between."""
    places, (width, height) = lay_out([size for _, size in copies], margin=gap)
    inner = [(left - gap, top - gap) for left, top in places]
    shrunk = ((octaves, octaves.at_scale(size)) for octaves, size in copies)
    return _canvas(shrunk, inner, (width - 2 * gap, height - 2 * gap), fill=fill)


def _shrunk_in_turn(octaves: Octaves, sizes: Sequence[tuple[int, int]]) -> Iterator[Image]:
    """The copies, each shrunk from the one before."""
    copy = octaves.at_scale(sizes[0]) if sizes else octaves[0]
    for size in sizes:
        copy = resized(copy, size)
        yield copy


def _canvas(
    copies: Iterable[tuple[Octaves, Image]], places: Sequence[tuple[int, int]], total: tuple[int, int], *, fill: int
) -> Canvas:
    """`copies`: each picture and its copy."""
    pixels: NDArray[np.uint8] = np.full((total[1], total[0], 3), fill, dtype=np.uint8)
    levels = []
    for (octaves, copy), (left, top) in zip(copies, places, strict=True):
        height, width = octaves[0].shape[:2]
        size = copy.shape[1], copy.shape[0]
        pixels[top : top + size[1], left : left + size[0]] = copy
        levels.append(Level(left, top, size[0], size[1], size[0] / width, size[1] / height))
    return Canvas(pixels, tuple(levels))
