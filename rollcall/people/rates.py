"""Shares of cases, and the uncertainty that comes from few cases. It needs NumPy only."""

from collections.abc import Sequence
from math import sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

Z = 1.959964  # 95 %
RULE_OF_THREE = 3.0  # nothing in n cases: below 3 / n with 95 %
BOOTSTRAPS = 1000
BOOTSTRAPPED_SUBJECTS = 2000  # of more, drawing them anew takes long and tells nothing new

Counts = NDArray[np.float64]
"""[S], of each subject, or [S, S], of each two subjects."""


def rate(count: int, total: int) -> dict[str, Any]:
    """A share and its 95 % interval: Wilson's, and the rule of three where the count is 0."""
    if total == 0:
        return {"count": 0, "of": 0, "share": None, "interval": None}
    return {"count": int(count), "of": int(total), "share": count / total, "interval": wilson(count / total, total)}


def wilson(share: float, total: float) -> list[float]:
    if share == 0:
        return [0.0, min(1.0, RULE_OF_THREE / total)]
    if share == 1:
        return [max(0.0, 1 - RULE_OF_THREE / total), 1.0]
    middle = (share + Z**2 / (2 * total)) / (1 + Z**2 / total)
    half = Z / (1 + Z**2 / total) * sqrt(share * (1 - share) / total + Z**2 / (4 * total**2))
    return [max(0.0, middle - half), min(1.0, middle + half)]


def rate_by_subject(wrong: Counts, cases: Counts, *, repeated: float = 1) -> dict[str, Any]:
    """The same as `rate`, with an interval that takes in both Wilson's and that of the subjects drawn anew.

    Cases share subjects. A person who is hard to tell apart makes many of them wrong at once, so an interval for
    independent cases is too narrow. Drawing subjects anew is too narrow as well if they are few, or none is wrong.
    repeated: how often each case was counted, for example with other photos enrolled.
    """
    total = float(cases.sum())
    if total == 0:
        return rate(0, 0)
    share = float(wrong.sum() / total)
    edges = [wilson(share, total / repeated)]
    drawn = by_subject(wrong, cases)
    if drawn is not None:
        edges.append(drawn)
    interval = [min(low for low, _ in edges), max(high for _, high in edges)]
    return {"count": round(float(wrong.sum())), "of": round(total), "share": share, "interval": interval}


def by_subject(wrong: Counts, cases: Counts) -> list[float] | None:
    """95 % interval of a share when the subjects, not their photos, are drawn anew; None where it cannot be told."""
    subjects = len(cases)
    if not 1 < subjects <= BOOTSTRAPPED_SUBJECTS:
        return None
    generator = np.random.default_rng(0)
    times = generator.multinomial(subjects, np.full(subjects, 1 / subjects), BOOTSTRAPS).astype(np.float64)
    totals = _weighed(cases, times)
    counted = totals > 0
    if not counted.any():
        return None
    shares = _weighed(wrong, times)[counted] / totals[counted]
    return [float(edge) for edge in np.percentile(shares, [2.5, 97.5])]


def _weighed(counts: Counts, times: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sum of the counts for each draw, in which subjects come so many `times` [draws, S]."""
    if counts.ndim == 1:
        return np.asarray(times @ counts)
    return np.asarray(((times @ counts) * times).sum(axis=1))


def per_subject(values: NDArray[Any], subjects: NDArray[np.intp], count: int) -> Counts:
    """Sums of `values` [N], or of [N, N] over each two subjects. subjects: of each of the N, in 0..count - 1."""
    one_hot = np.zeros((len(subjects), count))
    one_hot[np.arange(len(subjects)), subjects] = 1
    sums = one_hot.T @ values.astype(np.float64)
    return np.asarray(sums if values.ndim == 1 else sums @ one_hot)


def error_curve(same: NDArray[np.float32], different: NDArray[np.float32]) -> tuple[NDArray[np.float64], ...]:
    """Thresholds, and the false-match and false-non-match rate at each."""
    thresholds = np.unique(np.concatenate([same, different])).astype(np.float64)
    matches = np.searchsorted(np.sort(different), thresholds, side="right") / max(1, len(different))
    non_matches = 1 - np.searchsorted(np.sort(same), thresholds, side="right") / max(1, len(same))
    return thresholds, matches, non_matches


def equal_error(same: NDArray[np.float32], different: NDArray[np.float32]) -> tuple[float, float]:
    """The rate at which both errors are nearest to equal (the larger of them), and its threshold."""
    thresholds, matches, non_matches = error_curve(same, different)
    equal = int(np.abs(matches - non_matches).argmin())
    return float(max(matches[equal], non_matches[equal])), float(thresholds[equal])


def non_matches_at(
    same: NDArray[np.float32], different: NDArray[np.float32], limits: Sequence[float]
) -> dict[str, float]:
    """The lowest false-non-match rate for each false-match rate allowed."""
    _, matches, non_matches = error_curve(same, different)
    return {f"{limit:g}": float(non_matches[matches <= limit].min(initial=1.0)) for limit in limits}


def threshold_at(different: NDArray[np.float32], limit: float) -> float:
    """The largest threshold at which at most the share `limit` of different pairs match."""
    ordered = np.sort(different)
    allowed = int(limit * len(ordered))
    return float(np.nextafter(ordered[allowed], np.float32(-np.inf))) if allowed < len(ordered) else float(ordered[-1])
