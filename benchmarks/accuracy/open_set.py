"""Who is this, or nobody: strangers who are given a name, and people who are lost."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.accuracy.conditions import CONDITIONS, cut_out
from benchmarks.accuracy.material import Sample, Templates
from benchmarks.accuracy.statistics import logistic, rate
from benchmarks.accuracy.verification import spread
from model.calibration import Calibration
from model.engine import Engine
from model.faces import Face

DRAWS = 5  # galleries of one photo a person
FAR = np.float32(np.inf)


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


def probes(engine: Engine, samples: Sequence[Sample]) -> list[Probe]:
    made = []
    for sample in samples:
        part, box = cut_out(sample.photo, sample.face.box)
        for condition, degrade in CONDITIONS.items():
            faces = engine.analyze([degrade(part, box)])[0]
            made.append(Probe(sample.subject, sample.source, condition, faces[0] if faces else None))
    return made


def by_condition(probed: Sequence[Probe], enrolled: Templates, calibration: Calibration) -> dict[str, Any]:
    """Every photo of a person enrolled but the probe's own; and galleries of one photo a person, drawn by chance."""
    generator = np.random.default_rng(0)
    whole = np.arange(len(enrolled.names))
    single = [_one_each(enrolled, generator) for _ in range(DRAWS)]
    return {
        "people_enrolled": len(set(enrolled.names)),
        "all_photos_enrolled": _table(probed, enrolled, [whole], calibration),
        "one_photo_enrolled": _table(probed, enrolled, single, calibration),
    }


def _one_each(enrolled: Templates, generator: np.random.Generator) -> NDArray[np.intp]:
    names = np.array(enrolled.names)
    return np.array([generator.choice(np.flatnonzero(names == name)) for name in sorted(set(enrolled.names))])


def _table(
    probed: Sequence[Probe], enrolled: Templates, galleries: Sequence[NDArray[np.intp]], calibration: Calibration
) -> dict[str, Any]:
    answers: dict[str, list[tuple[Probe, Answer]]] = {condition: [] for condition in CONDITIONS}
    for probe in probed:
        for gallery in galleries:
            answers[probe.condition].append((probe, answer(probe, enrolled, gallery, calibration)))
    rows = {condition: _row(given) for condition, given in answers.items()}
    return rows | {"all": _row([one for given in answers.values() for one in given])}


def _row(given: Sequence[tuple[Probe, Answer]]) -> dict[str, Any]:
    known = [(probe, told) for probe, told in given if told.enrolled]
    return {
        "not_found": rate(sum(probe.face is None for probe, _ in given), len(given)),
        "lost": rate(sum(told.known != probe.subject for probe, told in known), len(known)),
        "misnamed": rate(sum(told.known not in (None, probe.subject) for probe, told in known), len(known)),
        "strangers_named": rate(sum(told.stranger is not None for _, told in given), len(given)),
    }


def answer(probe: Probe, enrolled: Templates, gallery: NDArray[np.intp], calibration: Calibration) -> Answer:
    """gallery: which of the templates are enrolled."""
    others = [number for number in gallery if enrolled.sources[number] != probe.source]
    is_enrolled = any(enrolled.names[number] == probe.subject for number in others)
    if probe.face is None:
        return Answer(None, is_enrolled, None)
    distances = np.linalg.norm(enrolled.embeddings[others] - probe.face.embedding, axis=1)
    nearest: dict[str, float] = {}
    for number, distance in zip(others, distances, strict=True):
        name = enrolled.names[number]
        nearest[name] = min(float(distance), nearest.get(name, float("inf")))
    weight = probe.face.quality.weight
    known = _named(nearest, weight, calibration)
    nearest.pop(probe.subject, None)
    return Answer(known, is_enrolled, _named(nearest, weight, calibration))


def _named(nearest: dict[str, float], weight: float, calibration: Calibration) -> str | None:
    """As `model.gallery.Gallery.match` decides, of which thousands of small ones would be needed here."""
    (name, distance), (_, runner_up) = (sorted(nearest.items(), key=lambda one: one[1]) + [("", FAR)] * 2)[:2]
    return name if calibration.allows(distance, runner_up_distance=runner_up, evidence=weight) else None


def condition_distances(probed: Sequence[Probe], enrolled: Templates, calibration: Calibration) -> dict[str, Any]:
    """Pairs of a photo under a condition and an enrolled one as it is, and the fit that similarity rests on."""
    names, sources = np.array(enrolled.names), np.array(enrolled.sources)
    report: dict[str, Any] = {}
    everything: list[tuple[NDArray[np.float32], NDArray[np.float32]]] = []
    for condition in CONDITIONS:
        same, different = [], []
        for probe in probed:
            if probe.condition != condition or probe.face is None:
                continue
            distances = np.linalg.norm(enrolled.embeddings - probe.face.embedding, axis=1)
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
