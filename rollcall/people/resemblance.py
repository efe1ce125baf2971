"""How well people can be told apart by their own photos: each photo against everybody else, as a gallery compares."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rollcall.contracts.usage_error import UsageError
from rollcall.people.calibration import Calibration
from rollcall.people.gallery import Gallery
from rollcall.people.gallery_store import EnrolledFace, by_embedder
from rollcall.people.rates import RULE_OF_THREE, per_subject, rate_by_subject, threshold_at
from rollcall.pipeline.settings import LEAST_THRESHOLD, MOST_THRESHOLD

MAX_PHOTOS = 10_000
LEAST_PEOPLE = 2
STEPS, STEP = 5, 0.02  # thresholds in the table, on each side of the shipped one
PERCENTILES = (1, 5, 50, 95, 99)
_DIGITS = 1000  # of a distance


@dataclass(frozen=True, kw_only=True)
class Resemblance:
    """Two people, of whom one has a photo that is `distance` from the other.

    photos: of both, how many are within the threshold of the other.
    """

    people: tuple[str, str]
    distance: float
    photo: str
    photos: int


@dataclass(frozen=True, eq=False)
class Comparisons:
    """faces: N photos of the K `people`. person: [N], a position in `people`.

    own: [N], distance to the person's other photos; NaN where there is no other. others: [N, K], distance to everybody;
    infinite to the person on the photo.
    """

    faces: Sequence[EnrolledFace]
    people: list[str]
    person: NDArray[np.intp]
    own: NDArray[np.float32]
    others: NDArray[np.float32]

    @cached_property
    def same(self) -> NDArray[np.float32]:
        return self.own[~np.isnan(self.own)]

    @cached_property
    def different(self) -> NDArray[np.float32]:
        return self.others[np.isfinite(self.others)]

    def rates(self, threshold: float) -> dict[str, Any]:
        count = len(self.people)
        one_hot = np.zeros((len(self.faces), count), dtype=np.float32)
        one_hot[np.arange(len(self.faces)), self.person] = 1
        compared = ~np.isnan(self.own)
        return {
            "threshold": threshold,
            "false_match": rate_by_subject(
                _per_pair(one_hot, self.others <= threshold), _per_pair(one_hot, np.isfinite(self.others))
            ),
            "false_non_match": rate_by_subject(
                per_subject(compared & ~(self.own <= threshold), self.person, count),
                per_subject(compared, self.person, count),
            ),
        }

    def resembling(self, threshold: float) -> list[Resemblance]:
        """Pairs of people within the threshold of each other, nearest first; if there is none, the nearest pair."""
        nearest: dict[tuple[str, str], Resemblance] = {}
        within = np.argwhere(self.others <= max(threshold, float(self.different.min())))
        for photo, other in within[np.argsort(self.others[tuple(within.T)], kind="stable")]:
            one, two = sorted((self.people[self.person[photo]], self.people[other]))
            key = one, two
            inside = int(self.others[photo, other] <= threshold)
            known = nearest.get(key) or Resemblance(
                people=key,
                distance=float(self.others[photo, other]),
                photo=f"{self.faces[photo].name}/{self.faces[photo].source}",
                photos=0,
            )
            nearest[key] = replace(known, photos=known.photos + inside)
        return list(nearest.values())


def _per_pair(one_hot: NDArray[np.float32], cases: NDArray[np.bool_]) -> NDArray[np.float64]:
    return np.asarray(one_hot.T @ cases.astype(np.float32), dtype=np.float64)


def require_comparable(people: int, photos: int) -> None:
    """Call it before photos are read, and again with the people whose photos can be used."""
    if people < LEAST_PEOPLE:
        raise UsageError(f"calibrate: at least {LEAST_PEOPLE} people with a usable photo are needed to compare them")
    if photos > MAX_PHOTOS:
        raise UsageError(f"calibrate: {photos} photos, at most {MAX_PHOTOS} are compared; give some of the people")


def compare(faces: Sequence[EnrolledFace], calibration: Calibration) -> Comparisons:
    """Raises UsageError if there is nobody to compare with, or too much to compare."""
    names = [face.name for face in faces]
    require_comparable(len(set(names)), len(faces))
    gallery = Gallery(by_embedder(faces), calibration)
    people = gallery.people
    number = {name: position for position, name in enumerate(people)}
    person = np.array([number[name] for name in names])
    others = np.array([gallery.distances(face.embedding) for face in faces])
    others[np.arange(len(faces)), person] = np.inf
    own = np.array([_own(faces, person, photo, calibration) for photo in range(len(faces))], dtype=np.float32)
    return Comparisons(faces, people, person, own, others)


def _own(faces: Sequence[EnrolledFace], person: NDArray[np.intp], photo: int, calibration: Calibration) -> float:
    rest = [faces[int(other)] for other in np.flatnonzero(person == person[photo]) if other != photo]
    if not rest:
        return float("nan")
    return float(Gallery(by_embedder(rest), calibration).distances(faces[photo].embedding)[0])


@dataclass(frozen=True, kw_only=True)
class Choice:
    """threshold: None where no usable one keeps the rate. enough: whether there are comparisons enough to show it."""

    threshold: float | None
    enough: bool


def choose(compared: Comparisons, calibration: Calibration, wanted: float) -> Choice:
    """The largest threshold at which no larger share than `wanted` of different people match.

    If too few are compared to measure the share, it is at most the shipped threshold.
    """
    enough = len(compared.different) * wanted >= RULE_OF_THREE
    threshold = threshold_at(compared.different, wanted)
    most = MOST_THRESHOLD if enough else calibration.threshold
    threshold = int(min(threshold, most) * _DIGITS) / _DIGITS
    return Choice(threshold=threshold if threshold >= LEAST_THRESHOLD else None, enough=enough)


def thresholds(calibration: Calibration, chosen: float | None) -> list[float]:
    """The thresholds that the table shows."""
    around = {round(calibration.threshold + step * STEP, 3) for step in range(-STEPS, STEPS + 1)}
    return sorted(around | ({chosen} if chosen is not None else set()))


def percentiles(distances: NDArray[np.float32]) -> dict[str, float]:
    return {f"{percent} %": round(float(np.percentile(distances, percent)), 3) for percent in PERCENTILES}
