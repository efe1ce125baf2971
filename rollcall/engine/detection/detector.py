"""The interface of every detector."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from rollcall.engine.detection.nms import Corners
from rollcall.engine.pyramid import Octaves


@dataclass(frozen=True, slots=True)
class Detections:
    """`corners` [N, 4]: left, top, right, bottom, pixels; may leave the picture. `confidence` [N]: 0..1, O-Net's.

    `landmarks` [N, 5, 2]: pixels; eyes, nose, corners of the mouth, left before right as seen in the picture.
    """

    corners: Corners
    confidence: NDArray[np.float32]
    landmarks: NDArray[np.float32]

    def chosen(self, rows: NDArray[np.intp] | NDArray[np.bool_] | slice) -> "Detections":
        return Detections(self.corners[rows], self.confidence[rows], self.landmarks[rows])


class Detector(Protocol):
    def detect(self, octaves: Octaves, *, min_face: int) -> Detections:
        """Faces whose shorter side has about `min_face` pixels or more, surest first."""
        ...

    def detect_each(self, pictures: Sequence[Octaves], *, min_face: int) -> list[Detections]:
        """Faces of each picture, the same as of the picture alone; pictures together cost less each."""
        ...

    def detect_copies(self, copies: Sequence[Octaves], *, min_face: int) -> list[Detections]:
        """Faces of changed copies of one photo. A face in one copy may depend on the other copies."""
        ...

    def thorough(self, min_face: int) -> bool:
        """Whether pictures are searched like photos, and not like frames of a video."""
        ...
