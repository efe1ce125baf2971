"""The picture of a face that an embedder takes, cut like the faces in its training."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from rollcall.engine.alignment import chip_transforms, sface_transforms
from rollcall.engine.crops import crops, square_transforms
from rollcall.engine.detection.detector import Detections
from rollcall.engine.pyramid import Octaves
from rollcall.engine.variations import Variation

Chips = NDArray[np.uint8]
"""[N, side, side, 3], BGR."""
Cutter = Callable[[Octaves, Detections, Chips, int], Chips]
"""Cuts chips, given a picture's octaves, the faces found in it, their aligned chips, and the side asked for."""

# facenet-pytorch 2.6.0, examples/lfw_evaluate.ipynb: 14 of the 160 pixels of a crop lie around MTCNN's box
BOX_MARGIN = 14 / 160


@dataclass(frozen=True, slots=True, kw_only=True)
class DenoisingSettings:
    """`noisy`: gray levels of noise, above which a chip is smoothed. `median`: pixels, the side of its window; odd.

    `gray_levels`, `reach`: sigmas of the bilateral filter that follows, the latter in pixels.
    """

    noisy: float
    median: int
    gray_levels: float
    reach: float


def aligned(octaves: Octaves, found: Detections, aligned_chips: Chips, side: int) -> Chips:
    """The chips that quality is measured on as well."""
    return aligned_chips


def boxed(octaves: Octaves, found: Detections, aligned_chips: Chips, side: int) -> Chips:
    """The box and a margin around it, as far as the picture goes, stretched to a square and not turned.

    Source: facenet-pytorch 2.6.0, models/utils/detect_face.py, extract_face (Rollcall samples bilinearly, from the next
    octave).
    """
    height, width = octaves[0].shape[:2]
    corners = found.corners
    margin = (corners[:, 2:] - corners[:, :2]) * np.float32(BOX_MARGIN / (1 - BOX_MARGIN) / 2)
    limits = np.array([width, height, width, height], dtype=np.float32)
    around = np.clip(np.hstack([corners[:, :2] - margin, corners[:, 2:] + margin]), 0, limits)
    return crops(octaves, square_transforms(around, side=side), side=side, fill=0)


def five_points(octaves: Octaves, found: Detections, aligned_chips: Chips, side: int) -> Chips:
    """Eyes, nose and corners of the mouth where SFace expects them."""
    return crops(octaves, sface_transforms(found.landmarks, side=side), side=side, fill=0)


CUTTERS: dict[str, Cutter] = {"aligned": aligned, "five-points": five_points, "boxed": boxed}
_TRANSFORMS = {"aligned": chip_transforms, "five-points": sface_transforms}


def varied(octaves: Octaves, found: Detections, variation: Variation, *, chip: str, side: int) -> Chips:
    """Chips of a kind that is aligned by points, cut a little differently."""
    transforms = _TRANSFORMS[chip](found.landmarks, side=side, turn=variation.turn, scale=variation.scale)
    cut = crops(octaves, transforms, side=side, fill=0)
    return cut[:, :, ::-1] if variation.mirrored else cut


def denoised(chips: Chips, noise: Sequence[float], settings: DenoisingSettings) -> Chips:
    """The chips, with the noisy ones smoothed and their edges kept: noise makes strangers alike. `noise`: gray levels
    of each chip.
    """
    noisy = [number for number, level in enumerate(noise) if level > settings.noisy]
    if not noisy:
        return chips
    smoothed = chips.copy()
    for number in noisy:
        median = cv2.medianBlur(chips[number], settings.median)
        smoothed[number] = cv2.bilateralFilter(median, 0, settings.gray_levels, settings.reach)
    return smoothed
