"""Which faces may stand for a person. NumPy only, so that whoever merely keeps faces need not load a runtime."""

import json
from dataclasses import dataclass
from importlib import resources

import numpy as np
from numpy.typing import NDArray

from model.calibration import load_calibration

AGREEING = 2  # photos of a person that agree are more than one that differs from them


@dataclass(frozen=True, slots=True, kw_only=True)
class EnrolmentLimits:
    """What a face must have at least, or may have at most, to be enrolled.

    `least_size`: pixels, the shorter side of the box. `least_sharpness`, `least_exposure`, `least_confidence`: 0..1.
    `most_yaw`: degrees. `dominant_area`: of several faces the largest is meant if it has so many times the area of the
    next. `most_apart`: distance between embeddings; a photo farther than this from all others of its person shows
    somebody else.
    """

    least_size: float
    least_sharpness: float
    least_exposure: float
    most_yaw: float
    least_confidence: float
    dominant_area: float
    most_apart: float


def load_enrolment_limits(embedder: str, *, threshold: float | None = None) -> EnrolmentLimits:
    """The shipped limits; `most_apart` is the embedder's threshold. Raises KeyError for an embedder that has none."""
    shipped = json.loads(resources.files("model").joinpath("settings.json").read_text(encoding="utf-8"))["enrolment"]
    limits = {name: limit for name, limit in shipped.items() if name != "provenance"}
    return EnrolmentLimits(**limits, most_apart=load_calibration(embedder, threshold=threshold).threshold)


def odd_ones(embeddings: NDArray[np.float32], *, most_apart: float) -> list[int]:
    """Positions of the embeddings [N, D] that do not show whom the others show.

    Embeddings within `most_apart` of each other, also by way of third ones, agree. The largest group of them is the
    person, if it has `AGREEING` members and no other group has as many; without such a group nobody is odd.
    """
    groups = _groups(embeddings, most_apart)
    ranked = sorted(groups, key=len, reverse=True)
    if len(ranked) <= 1 or len(ranked[0]) < AGREEING or len(ranked[1]) == len(ranked[0]):
        return []
    return sorted(number for group in ranked[1:] for number in group)


def _groups(embeddings: NDArray[np.float32], most_apart: float) -> list[list[int]]:
    near = np.linalg.norm(embeddings[:, None] - embeddings[None], axis=2) <= most_apart
    groups: list[list[int]] = []
    free = np.ones(len(embeddings), dtype=bool)
    while free.any():
        reached = np.zeros_like(free)
        reached[free.argmax()] = True
        while (grown := near[reached].any(axis=0)).sum() > reached.sum():
            reached = grown
        free &= ~reached
        groups.append(np.flatnonzero(reached).tolist())
    return groups
