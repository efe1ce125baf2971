"""Shares with the uncertainty that comes from having seen only so many cases."""

from collections.abc import Callable, Sequence
from math import sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

Z = 1.959964  # 95 %
RULE_OF_THREE = 3.0  # nothing in n cases: below 3 / n with 95 %
BOOTSTRAPS = 1000


def rate(count: int, total: int) -> dict[str, Any]:
    """A share and its 95 % interval: Wilson's, and the rule of three where there was nothing to count."""
    if total == 0:
        return {"count": 0, "of": 0, "share": None, "interval": None}
    return {"count": int(count), "of": int(total), "share": count / total, "interval": _interval(count, total)}


def _interval(count: int, total: int) -> list[float]:
    if count == 0:
        return [0.0, min(1.0, RULE_OF_THREE / total)]
    if count == total:
        return [max(0.0, 1 - RULE_OF_THREE / total), 1.0]
    share = count / total
    middle = (share + Z**2 / (2 * total)) / (1 + Z**2 / total)
    half = Z / (1 + Z**2 / total) * sqrt(share * (1 - share) / total + Z**2 / (4 * total**2))
    return [middle - half, middle + half]


def by_subject(subjects: Sequence[str], measure: Callable[[NDArray[np.intp]], float]) -> list[float] | None:
    """95 % interval of a measure when the subjects, not their photos, are drawn anew.

    Pairs share subjects: a person who is hard to tell apart makes many pairs wrong at once, and an interval that takes
    pairs for independent is too narrow. measure: from the positions of the subjects' photos; NaN does not count.
    """
    names = sorted(set(subjects))
    positions = {name: np.flatnonzero(np.array(subjects) == name) for name in names}
    generator = np.random.default_rng(0)
    values = []
    for _ in range(BOOTSTRAPS):
        drawn = generator.choice(len(names), len(names))
        values.append(measure(np.concatenate([positions[names[number]] for number in drawn])))
    counted = np.array(values)[~np.isnan(values)]
    return [float(edge) for edge in np.percentile(counted, [2.5, 97.5])] if len(counted) else None


def error_curve(same: NDArray[np.float32], different: NDArray[np.float32]) -> tuple[NDArray[np.float64], ...]:
    """Thresholds, and the false-match and false-non-match rate at each."""
    thresholds = np.unique(np.concatenate([same, different])).astype(np.float64)
    matches = np.searchsorted(np.sort(different), thresholds, side="right") / max(1, len(different))
    non_matches = 1 - np.searchsorted(np.sort(same), thresholds, side="right") / max(1, len(same))
    return thresholds, matches, non_matches


def logistic(same: NDArray[np.float32], different: NDArray[np.float32]) -> tuple[float, float]:
    """Where same and different are equally likely, and the distance over which the odds change by e.

    Fitted by Newton's method, with as much weight on all same pairs together as on all different ones.
    """
    values = np.concatenate([same, different]).astype(np.float64)
    terms = np.stack([np.ones_like(values), values], axis=1)
    truth = np.concatenate([np.ones(len(same)), np.zeros(len(different))])
    weights = np.concatenate([np.full(len(same), 1 / len(same)), np.full(len(different), 1 / len(different))])
    solution = np.zeros(2)
    for _ in range(50):
        chance = 1 / (1 + np.exp(-terms @ solution))
        curvature = (terms * (weights * chance * (1 - chance))[:, None]).T @ terms
        solution += np.linalg.solve(curvature, terms.T @ (weights * (truth - chance)))
    return float(-solution[0] / solution[1]), float(-1 / solution[1])
