"""The gallery of enrolled people, and the open-set answer to "who is this?"."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model.calibration import Calibration

Embedding = NDArray[np.float32]  # [D]


@dataclass(frozen=True, slots=True)
class Match:
    """name: None where nobody enrolled is near enough. Distances are infinite where there is nobody to compare with."""

    name: str | None
    distance: float
    similarity: float  # 0..100
    nearest: str | None
    runner_up: str | None
    runner_up_distance: float


NOBODY = Match(
    name=None, distance=float("inf"), similarity=0.0, nearest=None, runner_up=None, runner_up_distance=float("inf")
)


class Gallery:
    """Templates of enrolled people: one or more embeddings each.

    names: one per template, length N. embeddings: float32 [N, D], as the embedder gives them.
    """

    def __init__(self, names: Sequence[str], embeddings: NDArray[np.float32], calibration: Calibration) -> None:
        if len(names) != len(embeddings):
            raise ValueError(f"{len(names)} names for {len(embeddings)} embeddings")
        self.calibration = calibration
        self.people = sorted(set(names))
        order = np.argsort(np.array(names, dtype=str), kind="stable")
        self._templates = np.asarray(embeddings, dtype=np.float32)[order]
        sorted_names = [names[index] for index in order]
        self._starts = np.array([sorted_names.index(person) for person in self.people], dtype=np.intp)

    def distances(self, embedding: Embedding) -> NDArray[np.float32]:
        """Distance of a probe [D] to each of `people`: that of the person's nearest template. Returns [people]."""
        if not self.people:
            return np.empty(0, dtype=np.float32)
        to_templates = np.linalg.norm(self._templates - embedding, axis=1)
        return np.asarray(np.minimum.reduceat(to_templates, self._starts), dtype=np.float32)

    def match(self, embedding: Embedding, *, evidence: float) -> Match:
        """Name a probe [D], or not: nearest person within the threshold, and clearly nearer than the next one.

        evidence: sum of the weights of the faces behind the probe; little of it makes the threshold stricter.
        """
        distances = self.distances(embedding)
        if not len(distances):
            return NOBODY
        order = np.argsort(distances, kind="stable")
        nearest = float(distances[order[0]])
        runner_up = float(distances[order[1]]) if len(order) > 1 else float("inf")
        named = nearest <= self.calibration.limit(evidence) and runner_up - nearest >= self.calibration.margin
        return Match(
            name=self.people[order[0]] if named else None,
            distance=nearest,
            similarity=self.calibration.similarity(nearest),
            nearest=self.people[order[0]],
            runner_up=self.people[order[1]] if len(order) > 1 else None,
            runner_up_distance=runner_up,
        )
