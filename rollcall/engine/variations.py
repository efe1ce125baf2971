"""Variations of a face: the same face cut a little differently. The mean of their embeddings tells people apart better.

Each costs as much as the face itself. So the faces of a video have none, and of a photo only those that the networks
are unsure of. People are enrolled once and compared often, so their faces have all of them.
Measured: docs/decisions/0048-variations-of-a-face.md.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Varied = Literal["none", "unsure", "all"]
"""Which faces have variations."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VariationSettings:
    """When a face of a photo has variations though it is not enrolled.

    `confidence`: the detector's, 0..1; up to the first a face counts as unsure, from the second on as sure.
    `least_share`: of the picture's shorter side that the face has. Smaller ones are many in one picture.
    """

    confidence: tuple[float, float]
    least_share: float


def unsure(values: NDArray[np.float32], limits: tuple[float, float]) -> NDArray[np.float32]:
    """1 up to the first of `limits`, 0 from the second on, linear between: no small change decides alone."""
    low, high = limits
    return np.asarray(np.clip((high - values) / (high - low), 0, 1), dtype=np.float32)


@dataclass(frozen=True, slots=True, kw_only=True)
class Variation:
    """`turn`: degrees, clockwise. `scale`: of the face in its chip. `mirrored`: left and right exchanged at last."""

    turn: float = 0.0
    scale: float = 1.0
    mirrored: bool = False


VARIATIONS = (
    Variation(mirrored=True),
    Variation(turn=-3),
    Variation(turn=3, mirrored=True),
    Variation(scale=0.97),
    Variation(scale=1.03, mirrored=True),
)
"""Beside the face as it is."""
