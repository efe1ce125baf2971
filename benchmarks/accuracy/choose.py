"""Chooses an embedder's threshold, and measures it on people who had no part in the choice.

It prints what belongs into rollcall/people/calibration.json and the table of model/README.md.

python -m benchmarks.accuracy.choose ../shared/data/diverse [--embedder sface] [--keep-threshold] [--write]

The folder holds NAME/*.jpg and groups.json. At most one pair of two people in 12,000 matches at the
threshold, and at most one in 200 of any group. The threshold is the largest of which that is so. Its error rates come
from 100 splits of the people into halves with as many of each group. It is chosen on one half and measured on the
other, both ways. `thin_threshold` is chosen in the same way, with a fifth of the false matches.
"""

import argparse
import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.accuracy.material import people_in_folders
from benchmarks.accuracy.pages import CALIBRATION, CARD, CHOOSE, card, put
from benchmarks.accuracy.people import BOTH_WAYS, GROUPS, People, people_of, read_groups, read_relatives
from benchmarks.accuracy.similarity import logistic
from rollcall.contracts.embedder_kinds import DEFAULT_EMBEDDER, EMBEDDERS
from rollcall.engine.engine import load_engine
from rollcall.people.calibration import load_calibration
from rollcall.people.rates import per_subject, rate_by_subject, threshold_at
from rollcall.weights.folder import ensure_model_files

FALSE_MATCHES = 1 / 12_000  # of all pairs of two people
GROUP_FALSE_MATCHES = 5e-3  # of those of any group
THIN_SHARE = 0.2  # of FALSE_MATCHES, where there is little evidence
SPLITS = 100
DIGITS = 3

Row = dict[str, Any]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class HeldOut:
    """Errors and cases, summed over halves: of each two people [K, K], and of each person [K].

    person_times, pair_times: how often a pair of photos of one person, and of two, is measured, about.
    """

    matched: NDArray[np.float64]
    different: NDArray[np.float64]
    missed: NDArray[np.float64]
    same: NDArray[np.float64]
    person_times: float
    pair_times: float

    def false_match(self, members: Mask) -> Row:
        both = np.ix_(members, members)
        return rate_by_subject(self.matched[both], self.different[both], repeated=self.pair_times)

    def false_non_match(self, members: Mask) -> Row:
        return rate_by_subject(self.missed[members], self.same[members], repeated=self.person_times)


def choose(people: People, members: Mask, *, share: float = 1.0) -> float:
    """The threshold by the pairs of some people [K]."""
    inside = members[people.subject]
    pairs = people.different & inside[:, None] & inside
    limits = [threshold_at(people.distances[pairs], share * FALSE_MATCHES)]
    for group in set(people.groups):
        of_group = people.members(group)[people.subject]
        found = people.distances[pairs & of_group[:, None] & of_group]
        if found.size:
            limits.append(threshold_at(found, GROUP_FALSE_MATCHES))
    return min(limits)


def splits(people: People) -> Iterator[tuple[Mask, Mask]]:
    """Halves of the people, with as many of each group in both, and as many in all."""
    generator = np.random.default_rng(0)
    for _ in range(SPLITS):
        half = np.zeros(len(people.names), dtype=bool)
        side = 0
        for group in sorted(set(people.groups)):
            for person in generator.permutation(np.flatnonzero(people.members(group))):
                half[person] = side % 2
                side += 1
        yield half, ~half


def hold_out(people: People) -> HeldOut:
    """Each person is measured in one half of each split, and two people together in half of those."""
    held = _nothing(people, person_times=BOTH_WAYS * SPLITS, pair_times=BOTH_WAYS * SPLITS / 2)
    for halves in splits(people):
        for chosen, measured in (halves, halves[::-1]):
            _measure(people, measured, choose(people, chosen), held)
    return held


def measure_all(people: People, threshold: float) -> HeldOut:
    """The rates of everybody, for a threshold that was not chosen on them."""
    held = _nothing(people, person_times=BOTH_WAYS, pair_times=BOTH_WAYS)
    _measure(people, people.members(None), threshold, held)
    return held


def _nothing(people: People, *, person_times: float, pair_times: float) -> HeldOut:
    count = len(people.names)
    pairs, persons = np.zeros((2, count, count)), np.zeros((2, count))
    return HeldOut(pairs[0], pairs[1], persons[0], persons[1], person_times=person_times, pair_times=pair_times)


def _measure(people: People, members: Mask, threshold: float, held: HeldOut) -> None:
    count = len(people.names)
    inside = members[people.subject]
    both, within = inside[:, None] & inside, people.distances <= threshold
    different, same = people.different & both, people.same & both
    held.matched[:] += per_subject(different & within, people.subject, count)
    held.different[:] += per_subject(different, people.subject, count)
    held.missed[:] += per_subject((same & ~within).sum(axis=1), people.subject, count)
    held.same[:] += per_subject(same.sum(axis=1), people.subject, count)


def error_rates(people: People, held: HeldOut) -> Row:
    everybody = people.members(None)
    by_group = {group: people.members(group) for group in sorted(set(people.groups))}
    worst = {}
    for name, measure in (("false_match", held.false_match), ("false_non_match", held.false_non_match)):
        rows = {group: measure(members) for group, members in by_group.items()}
        group, row = max(rows.items(), key=lambda found: found[1]["share"] or 0)
        worst[name] = {"group": group, **_percent(row)}
    return {
        "false_match": _percent(held.false_match(everybody)),
        "false_non_match": _percent(held.false_non_match(everybody)),
        "worst_group": worst,
        "people": len(people.names),
    }


def _percent(row: Row) -> Row:
    return {"percent": _rounded(row["share"]), "interval": [_rounded(edge) for edge in row["interval"]]}


def _rounded(share: float) -> float:
    """In percent, to three digits that count."""
    return float(f"{100 * share:.3g}")


def numbers(people: People, *, threshold: float | None) -> Row:
    """threshold: one that was chosen elsewhere, and stays."""
    everybody = people.members(None)
    even, scale = logistic(people.distances[people.same], people.distances[people.different])
    if threshold is None:
        thin = _floor(choose(people, everybody, share=THIN_SHARE))
        chosen = {"threshold": _floor(choose(people, everybody)), "thin_threshold": thin, "sure_distance": thin}
        held = hold_out(people)
    else:
        chosen = {"threshold": threshold}
        held = measure_all(people, threshold)
    return chosen | {
        "even_distance": round(even, 4),
        "similarity_scale": round(scale, 5),
        "odds_against": round(math.exp((even - chosen["threshold"]) / scale), 1),
        "error_rates": error_rates(people, held),
    }


def _floor(distance: float) -> float:
    steps = 10.0**DIGITS
    return math.floor(distance * steps) / steps


def main() -> None:
    options = _options()
    groups = read_groups(options.photos)
    if groups is None:
        raise SystemExit(f"{options.photos}: there is no {GROUPS} in it")
    engine = load_engine(ensure_model_files(progress=print), options.embedder, min_face=20, threads=options.threads)
    samples, _ = people_in_folders(engine, options.photos)
    people = people_of(samples, groups, read_relatives(options.relatives), embedder=options.embedder)
    shipped = load_calibration(options.embedder).threshold
    found = numbers(people, threshold=shipped if options.keep_threshold else None)
    print(json.dumps(found, indent=2))
    if options.write:
        write(options.embedder, found)


def write(embedder: str, found: Row) -> None:
    shipped = json.loads(CALIBRATION.read_text(encoding="utf-8"))
    shipped[embedder] |= found
    text = re.sub(r"\[\s+([^\s\]]+)\s+([^\s\]]+)\s+\]", r"[\1 \2]", json.dumps(shipped, indent=2, ensure_ascii=False))
    CALIBRATION.write_text(text + "\n", encoding="utf-8")
    put(CARD, CHOOSE, card())


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=Path)
    parser.add_argument("--embedder", choices=list(EMBEDDERS), default=DEFAULT_EMBEDDER)
    parser.add_argument("--relatives", type=Path, help="JSON: families who do not count as strangers")
    parser.add_argument("--keep-threshold", action="store_true", help="that is shipped, and was not chosen on them")
    parser.add_argument(
        "--write", action="store_true", help="into rollcall/people/calibration.json and model/README.md"
    )
    parser.add_argument("--threads", type=int, default=2)
    return parser.parse_args()


if __name__ == "__main__":
    main()
