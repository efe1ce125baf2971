"""The gallery of enrolled people, and the open-set answer to "who is this?"."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from rollcall.contracts.embedder_kinds import EmbedderKind, common_kind, embedder_kind
from rollcall.engine.embeddings import as_kind, with_unit_parts
from rollcall.people.calibration import Calibration, ErrorRates, load_calibration, weakest

Embedding = NDArray[np.float32]  # [D]
DISTANCES_AT_ONCE = 100_000  # numbers: what stays in a core's cache


@dataclass(frozen=True, slots=True)
class Match:
    """name: None where no enrolled person is near enough. Distances are infinite for an empty gallery."""

    name: str | None
    distance: float
    similarity: float  # 0..100
    nearest: str | None
    runner_up: str | None
    runner_up_distance: float


NOBODY = Match(
    name=None, distance=float("inf"), similarity=0.0, nearest=None, runner_up=None, runner_up_distance=float("inf")
)


@dataclass(frozen=True, slots=True)
class Templates:
    """Enrolled faces of one embedder. names: one per template, length N. embeddings: float32 [N, D]."""

    embedder: str
    names: Sequence[str]
    embeddings: NDArray[np.float32]


class _Block:
    """Templates of one embedder, with distances on the scale of the calibration in use."""

    def __init__(self, templates: Templates, kind: EmbedderKind) -> None:
        made_by = embedder_kind(templates.embedder)
        compared = common_kind(made_by, kind)
        if compared is None:
            raise ValueError(f"embeddings of {made_by.name} and {kind.name} have no numbers in common")
        self.stored = templates.embeddings
        self._kind, self.compared = kind, compared
        self._templates = as_kind(templates.embeddings, made_by, compared)
        self._squares = np.einsum("nd,nd->n", self._templates, self._templates)
        self._slope, self._shift = 1.0, 0.0
        if compared != kind:
            # its own threshold and margin decide: only the scale changes
            own, scale = load_calibration(compared.name), load_calibration(kind.name)
            self._slope = scale.similarity_scale / own.similarity_scale
            self._shift = scale.threshold - self._slope * own.threshold

    def squared(self, probes: NDArray[np.float32]) -> NDArray[np.float32]:
        """Squared distance of probes [N, D] to each template, by one matrix product: right to 0.001."""
        numbers = as_kind(probes, self._kind, self.compared)
        squares = self._squares + np.einsum("nd,nd->n", numbers, numbers)[:, None]
        return self._scaled(np.maximum(squares - 2 * (numbers @ self._templates.T), 0))

    def squared_exactly(self, probe: Embedding, rows: NDArray[np.intp]) -> NDArray[np.float32]:
        """The same for the templates in `rows`, right to the last digits."""
        numbers = as_kind(probe[None], self._kind, self.compared)[0]
        return self._scaled(((self._templates[rows] - numbers) ** 2).sum(axis=1))

    def _scaled(self, squared: NDArray[np.float32]) -> NDArray[np.float32]:
        if self.compared == self._kind:
            return squared
        return np.asarray(np.maximum(np.sqrt(squared) * self._slope + self._shift, 0) ** 2, dtype=np.float32)


class Gallery:
    """Templates of enrolled people: one or more embeddings each.

    The squared distance to a person is three fifths of that to the nearest template, and two fifths of the mean to all
    of them. So more photos do not bring a stranger nearer, and an old photo among new ones costs a person little.
    Templates of an embedder that shares a network with the one in use are compared by that network alone, with more
    errors: `calibration.error_rates` are those of the weakest comparison that the gallery makes.
    """

    def __init__(self, groups: Sequence[Templates], calibration: Calibration) -> None:
        """Errors: ValueError for embeddings that are not as many as their names, or share no network with the
        calibration's embedder.
        """
        self._kind = embedder_kind(calibration.embedder)
        for group in groups:
            if len(group.names) != len(group.embeddings):
                raise ValueError(f"{len(group.names)} names for {len(group.embeddings)} embeddings")
        self._blocks = [_Block(group, self._kind) for group in groups if len(group.names)]
        self.calibration = replace(calibration, error_rates=self._error_rates(calibration))
        everybody = np.array([name for group in groups for name in group.names], dtype=str)
        self._order = np.argsort(everybody, kind="stable")
        people, self._starts = np.unique(everybody[self._order], return_index=True)
        self._counts = np.diff([*self._starts, len(everybody)])
        self.people: list[str] = people.tolist()
        self._rows: dict[int, list[tuple[_Block, NDArray[np.intp]]]] = {}

    def _error_rates(self, calibration: Calibration) -> ErrorRates | None:
        if calibration.error_rates is None or not self._blocks:
            return calibration.error_rates
        return weakest(load_calibration(block.compared.name).error_rates for block in self._blocks)

    def distances(self, embedding: Embedding) -> NDArray[np.float32]:
        """Distance of a probe [D] to each of `people`. Returns [people], right to 0.001."""
        if not self.people:
            return np.empty(0, dtype=np.float32)
        return np.asarray(self._to_people(self._squared(embedding[None]))[0], dtype=np.float32)

    def names(self, embeddings: NDArray[np.float32], *, evidence: Sequence[float]) -> list[str | None]:
        """The name that `match` gives each of the probes [N, D], for many at once."""
        if not self.people:
            return [None] * len(embeddings)
        at_once = max(1, DISTANCES_AT_ONCE // len(self._order))
        names: list[str | None] = []
        for start in range(0, len(embeddings), at_once):
            squared = self._squared(embeddings[start : start + at_once])
            part: list[str | None] = [None] * len(squared)
            # a person is no nearer than the nearest of their templates
            near = np.flatnonzero(squared.min(axis=1) <= self.calibration.threshold**2)
            for row, distances in zip(near.tolist(), self._to_people(squared[near]), strict=True):
                part[row] = self._name(distances, evidence[start + row])
            names += part
        return names

    def _name(self, distances: NDArray[np.float32], evidence: float) -> str | None:
        first = int(distances.argmin())
        nearest = float(distances[first])
        distances[first] = np.inf
        named = self.calibration.allows(nearest, runner_up_distance=float(distances.min()), evidence=evidence)
        return self.people[first] if named else None

    def _squared(self, embeddings: NDArray[np.float32]) -> NDArray[np.float32]:
        """Squared distances of probes [N, D], templates of a person side by side. Returns [N, templates]."""
        probes = with_unit_parts(embeddings, self._kind)
        return np.concatenate([block.squared(probes) for block in self._blocks], axis=1)[:, self._order]

    def _to_people(self, squared: NDArray[np.float32]) -> NDArray[np.float32]:
        """Distance to each person from [N, templates]. Returns [N, people]."""
        nearest = np.minimum.reduceat(squared, self._starts, axis=1)
        mean = np.add.reduceat(squared, self._starts, axis=1) / self._counts.astype(np.float32)
        return _distance(nearest, mean)

    def match(self, embedding: Embedding, *, evidence: float) -> Match:
        """Name a probe [D], or not: nearest person within the threshold, and clearly nearer than the next one.

        evidence: sum of the weights (0..1 each) of the faces behind the probe; little of it lowers the threshold.
        """
        distances = self.distances(embedding)
        if not len(distances):
            return NOBODY
        nearest_two = np.argpartition(distances, 1)[:2] if len(distances) > 1 else np.array([0])
        first, *others = nearest_two[np.argsort(distances[nearest_two], kind="stable")]
        nearest = self._distance(embedding, int(first))
        runner_up = self._distance(embedding, int(others[0])) if others else float("inf")
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
        """The template of one of `people` that is nearest to a probe [D], as it was enrolled, and its distance."""
        squared = self._squared_of(embedding, self.people.index(name))
        nearest = int(squared.argmin())
        stored = [block.stored[row] for block, rows in self._rows_of(self.people.index(name)) for row in rows]
        return float(np.sqrt(squared[nearest])), stored[nearest]

    def _distance(self, embedding: Embedding, person: int) -> float:
        squared = self._squared_of(embedding, person)
        return float(_distance(squared.min(), squared.mean()))

    def _squared_of(self, embedding: Embedding, person: int) -> NDArray[np.float32]:
        probe = self._normal(embedding)
        return np.concatenate([block.squared_exactly(probe, rows) for block, rows in self._rows_of(person)])

    def _rows_of(self, person: int) -> list[tuple[_Block, NDArray[np.intp]]]:
        """A person's templates in each block, counted once."""
        if person not in self._rows:
            self._rows[person] = self._counted_rows(person)
        return self._rows[person]

    def _counted_rows(self, person: int) -> list[tuple[_Block, NDArray[np.intp]]]:
        start = self._starts[person]
        numbers = np.sort(self._order[start : start + self._counts[person]])
        ends = np.cumsum([len(block.stored) for block in self._blocks])
        parts = np.split(numbers, np.searchsorted(numbers, ends[:-1]))
        begins = ends - [len(block.stored) for block in self._blocks]
        return [(block, part - begin) for block, part, begin in zip(self._blocks, parts, begins, strict=True)]

    def _normal(self, embedding: Embedding) -> Embedding:
        """A mean of several faces, as long as a single face's embedding."""
        (normal,) = with_unit_parts(embedding[None], self._kind)
        return np.asarray(normal, dtype=np.float32)


def _distance(
    nearest: NDArray[np.floating] | np.floating, mean: NDArray[np.floating] | np.floating
) -> NDArray[np.float32]:
    """Both squared, of a person's templates."""
    return np.asarray(np.sqrt((3 * nearest + 2 * mean) / 5), dtype=np.float32)
