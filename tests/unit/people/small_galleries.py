"""Galleries of made-up embeddings: points in the plane, where distances can be read off."""

import numpy as np

from rollcall.people.calibration import Calibration
from rollcall.people.gallery import Gallery, Templates

CALIBRATION = Calibration(
    embedder="dlib-resnet",
    threshold=0.6,
    thin_threshold=0.3,
    thin_evidence=0.4,
    margin=0.04,
    sure_distance=0.5,
    link_distance=0.6,
    follow_distance=0.45,
    least_evidence=0.3,
    even_distance=0.65,
    similarity_scale=0.02,
    odds_against=9,
    provenance="made up for these tests",
)
ANN, BEN = (0.0, 0.0), (1.0, 0.0)


def enrolled(names: list[str], embeddings: np.ndarray, calibration: Calibration = CALIBRATION) -> Gallery:
    return Gallery([Templates("dlib-resnet", names, embeddings)], calibration)
