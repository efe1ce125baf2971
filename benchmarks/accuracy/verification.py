"""Same person or not, pair by pair, and who of all is nearest."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.accuracy.material import Pair, Sample, read, seen
from rollcall.engine.engine import Engine
from rollcall.people.calibration import Calibration
from rollcall.people.rates import by_subject, equal_error, non_matches_at, per_subject, rate

PERCENTILES = (0, 1, 5, 50, 95, 99, 100)
FALSE_MATCH_RATES = (0.01, 0.001)
NOBODY = 9.0  # distance to a photo without a face: farther than embeddings can be


@dataclass(frozen=True, eq=False)
class PairDistances:
    same: NDArray[np.float32]
    different: NDArray[np.float32]


def pair_distances(samples: Sequence[Sample]) -> PairDistances:
    """Every photo with every other: one is asked about, the other enrolled."""
    distances, same = _all_pairs(samples)
    upper = np.triu_indices(len(samples), 1)
    return PairDistances(distances[upper][same[upper]], distances[upper][~same[upper]])


def _all_pairs(samples: Sequence[Sample]) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    names = np.array([sample.subject for sample in samples])
    enrolled = np.array([sample.enrolled for sample in samples])
    distances = np.array([np.linalg.norm(enrolled - sample.face.embedding, axis=1) for sample in samples])
    return distances, names[:, None] == names[None]


def verify(samples: Sequence[Sample], missed: Sequence[str], calibration: Calibration) -> dict[str, Any]:
    found = pair_distances(samples)
    return {
        "photos": len(samples) + len(missed),
        "without_a_face": list(missed),
        "people": len({sample.subject for sample in samples}),
        "rank_1": rank_1(samples),
        **at_threshold(found, calibration.threshold),
        **_by_subject(samples, calibration.threshold),
    }


def at_threshold(found: PairDistances, threshold: float) -> dict[str, Any]:
    accepted, rejected = int((found.different <= threshold).sum()), int((found.same > threshold).sum())
    total = len(found.same) + len(found.different)
    equal, equal_at = equal_error(found.same, found.different)
    return {
        "threshold": threshold,
        "pair_accuracy": rate(total - accepted - rejected, total),
        "false_match_rate": rate(accepted, len(found.different)),
        "false_non_match_rate": rate(rejected, len(found.same)),
        "equal_error": {"rate": equal, "threshold": equal_at},
        "false_non_match_rate_at": non_matches_at(found.same, found.different, FALSE_MATCH_RATES),
        "same": spread(found.same[found.same < NOBODY]),
        "different": spread(found.different[found.different < NOBODY]),
    }


def _by_subject(samples: Sequence[Sample], threshold: float) -> dict[str, Any]:
    distances, same = _all_pairs(samples)
    beyond = distances > threshold
    different, others = ~same, same & ~np.eye(len(samples), dtype=bool)
    names, subject = np.unique([sample.subject for sample in samples], return_inverse=True)

    def interval(*counts: NDArray[Any]) -> list[float] | None:
        return by_subject(*(per_subject(of, subject, len(names)) for of in counts))

    return {
        "false_match_rate_by_subject": interval(different & ~beyond, different),
        "false_non_match_rate_by_subject": interval((others & beyond).sum(axis=1), others.sum(axis=1)),
    }


def rank_1(samples: Sequence[Sample]) -> dict[str, Any]:
    """Rank-1 rate: the share of people with another photo whose nearest photo of all is their own."""
    distances, same = _all_pairs(samples)
    np.fill_diagonal(distances, np.inf)
    asked = same.sum(axis=1) > 1
    right = same[np.arange(len(samples)), distances.argmin(axis=1)]
    return rate(int(right[asked].sum()), int(asked.sum()))


def verify_pairs(engine: Engine, listed: Sequence[Pair], calibration: Calibration) -> dict[str, Any]:
    """A photo without a face is nobody's: its same pairs count as not matched."""
    found_in = {path: seen(engine, read(path)) for path in sorted({path for *two, _ in listed for path in two})}
    same: list[float] = []
    different: list[float] = []
    for one, other, is_same in listed:
        distance = NOBODY
        if found_in[one] and found_in[other]:
            (asked, _), (_, enrolled) = found_in[one][0], found_in[other][0]
            distance = float(np.linalg.norm(asked.embedding - enrolled))
        (same if is_same else different).append(distance)
    found = PairDistances(np.array(same, dtype=np.float32), np.array(different, dtype=np.float32))
    without = [str(path.name) for path, faces in found_in.items() if not faces]
    return {"pairs": len(listed), "without_a_face": without, **at_threshold(found, calibration.threshold)}


def spread(values: NDArray[np.float32]) -> dict[str, float]:
    return {f"p{percent}": round(float(np.percentile(values, percent)), 3) for percent in PERCENTILES if len(values)}
