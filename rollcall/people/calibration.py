"""The numbers that turn distances between embeddings into decisions, per embedder, with their provenance."""

import json
import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from importlib import resources
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """percent: 0..100. interval: of 95 %, in percent, wide enough for people drawn anew and for pairs drawn anew."""

    percent: float
    interval: tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupRate(Rate):
    """group: the apparent group of the people, as the material of the measurement names it."""

    group: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WorstGroup:
    """Each rate of the group in which it is the highest, between people of that group."""

    false_match: GroupRate
    false_non_match: GroupRate


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorRates:
    """Rates of the shipped threshold: one photo against one enrolled photo, of people who had no part in the choice of
    that threshold (docs/accuracy.md).

    false_match: pairs of two people within the threshold. false_non_match: pairs of one person beyond it. Both are over
    all pairs; `worst_group` is over the pairs of one group. people: how many were measured.
    """

    false_match: Rate
    false_non_match: Rate
    worst_group: WorstGroup | None = None
    people: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """Distances are Euclidean, between embeddings as the embedder gives them.

    threshold: a probe farther than this from everybody enrolled is unknown.
    thin_threshold, thin_evidence: the threshold of a probe whose faces together weigh less than this.
    margin: a probe whose two nearest people are closer together than this is unknown: a tie is no evidence.
    sure_distance: beyond it the margin asked for grows as fast as the distance.
    link_distance: overlapping faces in neighboring frames farther apart than this are two people.
    follow_distance: faces of one video that do not overlap are one person only if they are nearer than this.
    least_evidence: what the faces of a stranger together weigh at least to be listed in a video.
    even_distance, similarity_scale: of all pairs of photos, half of them of one person, half of those at
    `even_distance` are of one person, and the odds change by e over `similarity_scale`.
    odds_against: that somebody is a given person, before looking at the distance.
    error_rates: of the threshold; None where it is not the shipped one, or nobody has measured it.
    """

    embedder: str
    threshold: float
    thin_threshold: float
    thin_evidence: float
    margin: float
    sure_distance: float
    link_distance: float
    follow_distance: float
    least_evidence: float
    even_distance: float
    similarity_scale: float
    odds_against: float
    provenance: str
    error_rates: ErrorRates | None = None

    def allows(self, distance: float, *, runner_up_distance: float, evidence: float) -> bool:
        """Whether a probe may be named: near enough to the nearest person, and far enough from the next one.

        runner_up_distance: to the next nearest person, infinite if there is none. evidence: sum of the weights (0..1
        each) of the faces behind the probe.
        """
        limit = self.threshold if evidence >= self.thin_evidence else min(self.thin_threshold, self.threshold)
        needed = self.margin + max(0.0, distance - self.sure_distance)
        return distance <= limit and runner_up_distance - distance >= needed

    def similarity(self, distance: float) -> float:
        """Probability in percent (0..100) that a face so far from a person's shows that person.

        It holds where one in `odds_against` + 1 comparisons is of the same person; 50 at the shipped threshold.
        """
        exponent = (distance - self.even_distance) / self.similarity_scale + math.log(self.odds_against)
        return 100.0 / (1.0 + math.exp(min(exponent, 50.0)))  # exp(50) is as good as infinity


def load_calibration(embedder: str, *, threshold: float | None = None) -> Calibration:
    """Read the shipped calibration of an embedder; `threshold` overrides the shipped one.

    A threshold above `thin_threshold` leaves that one as it is. Raises KeyError for an embedder that has none.
    """
    shipped = json.loads(resources.files("rollcall.people").joinpath("calibration.json").read_text(encoding="utf-8"))
    numbers = shipped[embedder]
    calibration = Calibration(embedder=embedder, **numbers | {"error_rates": _error_rates(numbers["error_rates"])})
    if threshold in (None, calibration.threshold):
        return calibration
    return replace(calibration, threshold=threshold, error_rates=None)


def _error_rates(shipped: dict[str, Any] | None) -> ErrorRates | None:
    if shipped is None:
        return None
    worst = shipped["worst_group"]
    return ErrorRates(
        false_match=Rate(**_rate(shipped["false_match"])),
        false_non_match=Rate(**_rate(shipped["false_non_match"])),
        worst_group=WorstGroup(**{name: GroupRate(**_rate(found)) for name, found in worst.items()}),
        people=shipped["people"],
    )


def _rate(shipped: dict[str, Any]) -> dict[str, Any]:
    low, high = shipped["interval"]
    return shipped | {"interval": (low, high)}


def weakest(error_rates: Iterable[ErrorRates | None]) -> ErrorRates | None:
    """The rates with the most false matches in the worst group; None if one of them is not known."""
    known = list(error_rates)
    measured = [rates for rates in known if rates is not None]
    if not measured or len(measured) < len(known):
        return None
    return max(measured, key=lambda rates: (rates.worst_group or rates).false_match.percent)
