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
        order = np.argsort(np.array(names, dtype=str), kind="stable")
        self._templates = np.asarray(embeddings, dtype=np.float32)[order]
        self._squares = np.einsum("nd,nd->n", self._templates, self._templates)
        people, self._starts = np.unique(np.array(names, dtype=str)[order], return_index=True)
        self.people: list[str] = people.tolist()

    def distances(self, embedding: Embedding) -> NDArray[np.float32]:
        """Distance of a probe [D] to each of `people`: that of the person's nearest template. Returns [people].

        Through one matrix product: right to 0.001.
        """
        if not self.people:
            return np.empty(0, dtype=np.float32)
        squared = self._squares - 2 * (self._templates @ embedding) + embedding @ embedding
        nearest = np.minimum.reduceat(squared, self._starts)
        return np.sqrt(np.maximum(nearest, 0), dtype=np.float32)

    def match(self, embedding: Embedding, *, evidence: float) -> Match:
        """Name a probe [D], or not: nearest person within the threshold, and clearly nearer than the next one.

        evidence: sum of the weights (0..1 each) of the faces behind the probe; little of it lowers the threshold.
        """
        distances = self.distances(embedding)
        if not len(distances):
            return NOBODY
        nearest_two = np.argpartition(distances, 1)[:2] if len(distances) > 1 else np.array([0])
        first, *others = nearest_two[np.argsort(distances[nearest_two], kind="stable")]
        nearest = self._distance(embedding, first)
        runner_up = self._distance(embedding, others[0]) if others else float("inf")
        named = self.calibration.allows(nearest, runner_up_distance=runner_up, evidence=evidence)
        return Match(
            name=self.people[first] if named else None,
            distance=nearest,
            similarity=self.calibration.similarity(nearest),
            nearest=self.people[first],
            runner_up=self.people[others[0]] if others else None,
            runner_up_distance=runner_up,
        )

    def nearest_template(self, embedding: Embedding, name: str) -> tuple[float, Embedding]:
        """The template of one of `people` that is nearest to a probe [D], and its distance."""
        templates = self._templates_of(self.people.index(name))
        distances = np.linalg.norm(templates - embedding, axis=1)
        nearest = int(distances.argmin())
        return float(distances[nearest]), templates[nearest]

    def _distance(self, embedding: Embedding, person: np.intp) -> float:
        return float(np.linalg.norm(self._templates_of(int(person)) - embedding, axis=1).min())

    def _templates_of(self, person: int) -> NDArray[np.float32]:
        end = self._starts[person + 1] if person + 1 < len(self._starts) else len(self._templates)
        return self._templates[self._starts[person] : end]
