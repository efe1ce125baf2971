"""Every photo asked about with its person left out, and with other photos of that person enrolled."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks.accuracy.people import People
from rollcall.people.calibration import Calibration
from rollcall.people.gallery import Gallery
from rollcall.people.gallery_store import by_embedder

WITHOUT_WEIGHT = 1.0


class _Answer(NamedTuple):
    subject: int
    nearest: float
    runner_up: float
    evidence: float
    right: bool


@dataclass(frozen=True, eq=False)
class Asked:
    """What a gallery answered. subject: [A], who is on the photo. right: [A], the nearest is that person."""

    subject: NDArray[np.intp]
    nearest: NDArray[np.float64]
    runner_up: NDArray[np.float64]
    evidence: NDArray[np.float64]
    right: NDArray[np.bool_]

    @classmethod
    def of(cls, answers: Sequence[_Answer]) -> "Asked":
        columns = zip(*answers, strict=True) if answers else ((),) * len(fields(cls))
        kinds = (np.intp, np.float64, np.float64, np.float64, np.bool_)
        return cls(*(np.array(column, dtype=kind) for column, kind in zip(columns, kinds, strict=True)))

    def named(self, calibration: Calibration) -> NDArray[np.bool_]:
        """[A]: who gets a name, as `Calibration.allows` decides."""
        thin = min(calibration.thin_threshold, calibration.threshold)
        limit = np.where(self.evidence >= calibration.thin_evidence, calibration.threshold, thin)
        needed = calibration.margin + np.maximum(0, self.nearest - calibration.sure_distance)
        return np.asarray((self.nearest <= limit) & (self.runner_up - self.nearest >= needed))


def ask(people: People, calibration: Calibration, *, photos: int, draws: int) -> tuple[Asked, Asked]:
    """Strangers and known people, among galleries of so many photos a person, drawn by chance.

    Relatives of the person asked about are never enrolled.
    """
    generator = np.random.default_rng(0)
    strangers: list[_Answer] = []
    known: list[_Answer] = []
    for _ in range(draws):
        enrolled = _drawn(people, photos, generator)
        for person in range(len(people.names)):
            own = np.flatnonzero(people.subject == person)
            others = _gallery(people, enrolled, calibration, without=[person, *np.flatnonzero(people.related[person])])
            everybody = _gallery(people, enrolled, calibration, without=np.flatnonzero(people.related[person]))
            strangers += [_answer(people, int(photo), others) for photo in own]
            known += [_answer(people, int(photo), everybody) for photo in own if photo not in enrolled]
    return Asked.of(strangers), Asked.of(known)


def _drawn(people: People, photos: int, generator: np.random.Generator) -> set[int]:
    return {
        int(photo)
        for person in range(len(people.names))
        for photo in generator.permutation(np.flatnonzero(people.subject == person))[:photos]
    }


def _gallery(people: People, enrolled: Iterable[int], calibration: Calibration, *, without: Iterable[int]) -> Gallery:
    left_out = set(without)
    faces = (people.faces[photo] for photo in sorted(enrolled) if people.subject[photo] not in left_out)
    return Gallery(by_embedder(faces), calibration)


def _answer(people: People, photo: int, gallery: Gallery) -> _Answer:
    face = people.faces[photo]
    evidence = WITHOUT_WEIGHT if face.weight is None else face.weight
    match = gallery.match(people.asked[photo], evidence=evidence)
    return _Answer(
        subject=int(people.subject[photo]),
        nearest=match.distance,
        runner_up=match.runner_up_distance,
        evidence=evidence,
        right=match.nearest == face.name,
    )
