"""What the engine says about a picture. It needs NumPy only, so code that merely handles faces loads no runtime."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
"""[H, W, 3], BGR as OpenCV reads it, 0..255."""

Box = tuple[float, float, float, float]
"""x, y, width, height in pixels of the image; within it."""


def whole_pixels(box: Box) -> tuple[int, int, int, int]:
    """The far edges are rounded, not the size, so that a box within the image stays within it."""
    left, top = round(box[0]), round(box[1])
    return left, top, round(box[0] + box[2]) - left, round(box[1] + box[3]) - top


Covered = Literal["eyes", "mouth", "side"]


@dataclass(frozen=True, slots=True)
class Quality:
    """How good a view of a person a face is.

    `size`: pixels, the shorter side of the box. `sharpness`: 0..1, 1 for a crisp face, 0 for one lost in blur or noise.
    `yaw`, `roll`: degrees, 0 for a frontal, upright face; yaw is a coarse estimate from five landmarks. `exposure`:
    0..1, 0 where the face is black, white or without contrast. `weight`: 0..1, how far to trust this face as evidence
    of who it is. `covered`: the hidden part of the face, if any.
    """

    size: float
    sharpness: float
    yaw: float
    roll: float
    exposure: float
    weight: float
    covered: Covered | None = None


@dataclass(frozen=True, slots=True)
class Face:
    """One face of one image.

    `confidence`: 0..1, the detector's. `landmarks`: [5, 2] float32, pixels: eyes, nose and corners of the mouth,
    left before right as seen in the image. `embedding`: [D] float32, to compare by Euclidean distance.
    """

    box: Box
    confidence: float
    landmarks: NDArray[np.float32]
    embedding: NDArray[np.float32]
    quality: Quality


@dataclass(frozen=True, slots=True)
class ModelIdentity:
    """Which weights saw a face: each part is `name@` and the first 8 digits of its SHA-256.

    Embeddings compare only when `embedder` is the same; `embedder_name` and `dimension` (numbers in an embedding) tell
    what a foreign gallery has to hold.
    """

    detector: str
    landmarks: str
    embedder: str
    embedder_name: str
    dimension: int

    def versions(self) -> dict[str, str]:
        return {"detector": self.detector, "landmarks": self.landmarks, "embedder": self.embedder}
