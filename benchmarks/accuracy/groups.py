"""Every rate for each group of people, the worst first."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.accuracy.leave_out import Asked, ask
from benchmarks.accuracy.people import BOTH_WAYS, People
from rollcall.people.calibration import Calibration
from rollcall.people.rates import equal_error, per_subject, rate_by_subject, threshold_at

FALSE_MATCH_RATES = (0.01, 0.001, 0.0001)
PHOTOS_ENROLLED = (1, 3)
DRAWS = 100  # of the photos that are enrolled; with 30 a rate still depends on them by a tenth
EVERYBODY = "everybody"

Row = dict[str, Any]


def by_group(people: People, calibration: Calibration) -> Row:
    return {
        "people": len(people.names),
        "photos": len(people.faces),
        "photos_too_poor_for_pairs": int((~people.evident).sum()),
        "threshold": calibration.threshold,
        "pairs": _rows(people, lambda group: pair_rates(people, calibration.threshold, group), "false_match"),
        "open_set": {str(photos): _open_set(people, photos, calibration) for photos in PHOTOS_ENROLLED},
    }


def _rows(people: People, measure: Callable[[str | None], Row], worst_by: str) -> dict[str, Row]:
    """Shares by group: the largest first, and everybody at the end."""
    rows = {group: measure(group) for group in set(people.groups)}
    ordered = sorted(rows.items(), key=lambda row: (-(row[1][worst_by]["share"] or 0), row[0]))
    return dict(ordered) | {EVERYBODY: measure(None)}


def pair_rates(people: People, threshold: float, group: str | None) -> Row:
    """Rates over pairs of photos of people of the group. The intervals at other thresholds take those for given."""
    inside = people.members(group)[people.subject]
    both = inside[:, None] & inside
    same, different = people.same & both, people.different & both

    def missed(threshold: float) -> Row:
        return {"threshold": threshold, **false_non_matches(people, same, people.distances > threshold)}

    row: Row = {
        "people": int(people.members(group).sum()),
        "false_match": false_matches(people, different, people.distances <= threshold),
        "false_non_match": missed(threshold),
        "equal_error": None,
        "false_non_match_at": {},
    }
    others = people.distances[different]
    if others.size and same.any():
        row["equal_error"] = missed(equal_error(people.distances[same], others)[1])
        row["false_non_match_at"] = {f"{limit:g}": missed(threshold_at(others, limit)) for limit in FALSE_MATCH_RATES}
    return row


def false_matches(people: People, pairs: NDArray[np.bool_], within: NDArray[np.bool_]) -> Row:
    """pairs, within: [N, N]."""
    count = len(people.names)
    return rate_by_subject(
        per_subject(pairs & within, people.subject, count),
        per_subject(pairs, people.subject, count),
        repeated=BOTH_WAYS,
    )


def false_non_matches(people: People, pairs: NDArray[np.bool_], beyond: NDArray[np.bool_]) -> Row:
    count = len(people.names)
    wrong, cases = (per_subject(of.sum(axis=1), people.subject, count) for of in (pairs & beyond, pairs))
    return rate_by_subject(wrong, cases, repeated=BOTH_WAYS)


def _open_set(people: People, photos: int, calibration: Calibration) -> dict[str, Row]:
    strangers, known = ask(people, calibration, photos=photos, draws=DRAWS)

    def measure(group: str | None) -> Row:
        members = people.members(group)
        return {
            "strangers_named": _share(people, strangers, strangers.named(calibration), members),
            "known_lost": _share(people, known, ~(known.named(calibration) & known.right), members),
            "misnamed": _share(people, known, known.named(calibration) & ~known.right, members),
        }

    return _rows(people, measure, "strangers_named")


def _share(people: People, asked: Asked, wrong: NDArray[np.bool_], members: NDArray[np.bool_]) -> Row:
    of_group = members[asked.subject]
    counts = [per_subject(of, asked.subject, len(people.names)) for of in (wrong & of_group, of_group)]
    return rate_by_subject(counts[0][members], counts[1][members], repeated=DRAWS)
