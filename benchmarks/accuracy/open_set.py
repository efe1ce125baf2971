"""Who is this, or nobody: strangers who are given a name, and people who are lost."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.accuracy.conditions import CONDITIONS, Degrade, cut_out
from benchmarks.accuracy.material import Sample
from benchmarks.accuracy.similarity import logistic
from benchmarks.accuracy.verification import spread
from rollcall.engine.engine import Engine
from rollcall.engine.face import Face
from rollcall.people.calibration import Calibration
from rollcall.people.gallery import Gallery
from rollcall.people.gallery_store import EnrolledFace, by_embedder
from rollcall.people.rates import rate

DRAWS = 5  # galleries of one photo a person


@dataclass(frozen=True, slots=True, eq=False)
class Probe:
    """A face under a condition; None where it was not found."""

    subject: str
    source: str
    condition: str
    face: Face | None


@dataclass(frozen=True, slots=True)
class Answer:
    """What a probe is told with its own person enrolled (None: cannot be) and with that person left out."""

    known: str | None
    enrolled: bool
    stranger: str | None


def probes(engine: Engine, samples: Sequence[Sample], conditions: Mapping[str, Degrade] = CONDITIONS) -> list[Probe]:
    """The largest face of each; the surroundings may show others."""
    made = []
    for sample in samples:
        part, box = cut_out(sample.photo, sample.face.box)
        for condition, degrade in conditions.items():
            faces = engine.analyze([degrade(part, box)])[0]
            made.append(Probe(sample.subject, sample.source, condition, faces[0] if faces else None))
    return made


def by_condition(probed: Sequence[Probe], enrolled: Sequence[EnrolledFace], calibration: Calibration) -> dict[str, Any]:
    """Every photo of a person enrolled but the probe's own; and galleries of one photo a person, drawn by chance."""
    generator = np.random.default_rng(0)
    single = [_one_each(enrolled, generator) for _ in range(DRAWS)]
    return {
        "people_enrolled": len({face.name for face in enrolled}),
        "all_photos_enrolled": _table(probed, [enrolled], calibration),
        "one_photo_enrolled": _table(probed, single, calibration),
    }


def _one_each(enrolled: Sequence[EnrolledFace], generator: np.random.Generator) -> list[EnrolledFace]:
    names = np.array([face.name for face in enrolled])
    return [enrolled[generator.choice(np.flatnonzero(names == name))] for name in sorted(set(names.tolist()))]


def _table(
    probed: Sequence[Probe], galleries: Sequence[Sequence[EnrolledFace]], calibration: Calibration
) -> dict[str, Any]:
    given = [one for gallery in galleries for one in answers(probed, gallery, calibration)]
    by_condition: dict[str, list[tuple[Probe, Answer]]] = {condition: [] for condition in CONDITIONS}
    for probe, told in given:
        by_condition[probe.condition].append((probe, told))
    return {condition: _row(told) for condition, told in by_condition.items()} | {"all": _row(given)}


def _row(given: Sequence[tuple[Probe, Answer]]) -> dict[str, Any]:
    known = [(probe, told) for probe, told in given if told.enrolled]
    return {
        "not_found": rate(sum(probe.face is None for probe, _ in given), len(given)),
        "lost": rate(sum(told.known != probe.subject for probe, told in known), len(known)),
        "misnamed": rate(sum(told.known not in (None, probe.subject) for probe, told in known), len(known)),
        "strangers_named": rate(sum(told.stranger is not None for _, told in given), len(given)),
    }


def answers(
    probed: Sequence[Probe], enrolled: Sequence[EnrolledFace], calibration: Calibration
) -> list[tuple[Probe, Answer]]:
    """What a gallery of these photos, without the probe's own, says of each probe."""
    galleries = {probe.source: _Galleries(probe, enrolled, calibration) for probe in probed}
    return [(probe, galleries[probe.source].answer(probe)) for probe in probed]


class _Galleries:
    """For one photo, under whatever condition: with its person, and without."""

    def __init__(self, probe: Probe, enrolled: Sequence[EnrolledFace], calibration: Calibration) -> None:
        others = [face for face in enrolled if face.source != probe.source]
        self._is_enrolled = any(face.name == probe.subject for face in others)
        self._with = Gallery(by_embedder(others), calibration)
        self._without = Gallery(by_embedder(face for face in others if face.name != probe.subject), calibration)

    def answer(self, probe: Probe) -> Answer:
        if probe.face is None:
            return Answer(None, self._is_enrolled, None)
        evidence = probe.face.quality.weight
        known, stranger = (
            gallery.match(probe.face.embedding, evidence=evidence).name for gallery in (self._with, self._without)
        )
        return Answer(known, self._is_enrolled, stranger)


def condition_distances(
    probed: Sequence[Probe], enrolled: Sequence[EnrolledFace], calibration: Calibration
) -> dict[str, Any]:
    """Pairs of a photo under a condition and an enrolled one as it is, and the fit that similarity rests on."""
    alike = [face for face in enrolled if face.model == calibration.embedder]
    names, sources = np.array([face.name for face in alike]), np.array([face.source for face in alike])
    embeddings = np.array([face.embedding for face in alike])
    report: dict[str, Any] = {}
    everything: list[tuple[NDArray[np.float32], NDArray[np.float32]]] = []
    for condition in CONDITIONS:
        same, different = [], []
        for probe in probed:
            if probe.condition != condition or probe.face is None:
                continue
            distances = np.linalg.norm(embeddings - probe.face.embedding, axis=1)
            elsewhere = sources != probe.source
            same.append(distances[(names == probe.subject) & elsewhere])
            different.append(distances[(names != probe.subject) & elsewhere])
        pairs = np.concatenate(same), np.concatenate(different)
        everything.append(pairs)
        report[condition] = {
            "false_match_rate": rate(int((pairs[1] <= calibration.threshold).sum()), len(pairs[1])),
            "false_non_match_rate": rate(int((pairs[0] > calibration.threshold).sum()), len(pairs[0])),
            "same": spread(pairs[0]),
            "different": spread(pairs[1]),
        }
    even, scale = logistic(*(np.concatenate([pairs[side] for pairs in everything]) for side in (0, 1)))
    return {"conditions": report, "similarity_fit": {"even_distance": even, "similarity_scale": scale}}
