"""The report as a person reads it."""

from collections.abc import Iterator
from typing import Any

NAME_WIDTH = 34


def lines(report: dict[str, Any]) -> Iterator[str]:
    for name, found in report["verification"].items():
        yield from _verification(name, found)
    yield from _detection(report["detection"])
    yield from _conditions(report)
    yield from _enrollment(report["enrollment"])
    for name, found in report["clips"]["galleries"].items():
        yield from _clips(name, found)


def heading(text: str) -> str:
    return f"\n{text}\n{'-' * len(text)}"


def share(rate: dict[str, Any], *, digits: int = 2) -> str:
    """In percent, with the interval."""
    if rate["share"] is None:
        return "–"
    low, high = (f"{100 * edge:.{digits}f}" for edge in rate["interval"])
    return f"{100 * rate['share']:.{digits}f} % [{low}, {high}]"


def _row(name: str, value: str) -> str:
    return f"{name:{NAME_WIDTH}} {value}"


def _rate(rate: dict[str, Any]) -> str:
    if rate["share"] is None:
        return "none to count"
    low, high = rate["interval"]
    return f"{rate['count']} of {rate['of']} = {rate['share']:.2%} [{low:.2%}, {high:.2%}]"


def _verification(name: str, found: dict[str, Any]) -> Iterator[str]:
    yield heading(f"{name}: same person or not, at a distance of {found['threshold']:g}")
    for measure in ("rank_1", "pair_accuracy", "false_match_rate", "false_non_match_rate"):
        if measure in found:
            yield _row(measure.replace("_", " "), _rate(found[measure]))
    for measure in ("false_match_rate_by_subject", "false_non_match_rate_by_subject"):
        if found.get(measure):
            yield _row(measure.replace("_", " "), "[{:.2%}, {:.2%}]".format(*found[measure]))
    equal = found["equal_error"]
    yield _row("equal error rate", f"{equal['rate']:.2%} at {equal['threshold']:.3f}")
    for side in ("same", "different"):
        if found[side]:
            yield _row(f"distance, {side}", "  ".join(f"{edge} {value}" for edge, value in found[side].items()))
    if found["without_a_face"]:
        yield _row("no face found in", ", ".join(found["without_a_face"]))


def _detection(found: dict[str, Any]) -> Iterator[str]:
    yield heading("detection")
    yield _row("found", _rate(found["found"]))
    yield _row("false boxes", str(found["false_boxes"]))
    yield _row("faces elsewhere", ", ".join(f"{name} {count}" for name, count in _elsewhere(found)))
    for size, rate in found["by_size"].items():
        yield _row(f"found at {size}", _rate(rate))


def _elsewhere(found: dict[str, Any]) -> list[tuple[str, int]]:
    return list(found["faces_in_photos_without_truth"].items())


def _conditions(report: dict[str, Any]) -> Iterator[str]:
    enrolled = report["open_set"]["people_enrolled"]
    for kind in ("all_photos_enrolled", "one_photo_enrolled"):
        yield heading(f"one photo of somebody, {enrolled} people enrolled, {kind.replace('_', ' ')}")
        yield _row("", f"{'not found':>10} {'known lost':>11} {'misnamed':>9} {'strangers named':>16}")
        for condition, row in report["open_set"][kind].items():
            shares = [row[measure]["share"] for measure in ("not_found", "lost", "misnamed", "strangers_named")]
            yield _row(condition, "{:>10.1%} {:>11.1%} {:>9.2%} {:>16.2%}".format(*shares))
        yield _row("all: strangers named", _rate(report["open_set"][kind]["all"]["strangers_named"]))
    fit = report["pairs_by_condition"]["similarity_fit"]
    yield _row("similarity, fitted", f"even at {fit['even_distance']:.4f}, scale {fit['similarity_scale']:.5f}")


def _enrollment(found: dict[str, Any]) -> Iterator[str]:
    yield heading(
        f"photos refused at enrollment; harmful: farther than {found['harmful_distance']:g} from the photo as it was"
    )
    yield _row("", f"{'refused':>12} {'harmful of these':>17} {'harmful of others':>18}  reasons")
    for condition, row in found["by_condition"].items():
        shares = [
            f"{row[part]['count']} of {row[part]['of']}" for part in ("refused", "harmful_refused", "harmful_kept")
        ]
        reasons = ", ".join(f"{code} {count}" for code, count in row["reasons"].items())
        yield _row(condition, "{:>12} {:>17} {:>18}  ".format(*shares) + reasons)
    yield _row("somebody else's photo refused", _rate(found["intruders_refused"]))
    yield _row("own photos refused as odd", _rate(found["own_refused_as_odd"]))
    yield _row("photo under a new name refused", _rate(found["renamed_refused"]))
    yield _row("others refused beside it", str(found["others_refused_beside"]))
    yield _row("own photos refused as another's", _rate(found["own_refused_as_foreign"]))


def _clips(name: str, found: dict[str, Any]) -> Iterator[str]:
    yield heading(f"clips against {name}, {found['people_enrolled']} people")
    for measure in ("clips_right", "known_lost", "strangers_named"):
        yield _row(measure.replace("_", " "), _rate(found[measure]))
    yield _row("others named", str(found["others_named"]))
    for clip, people in found["by_clip"].items():
        yield _row(clip, "; ".join(_person(person) for person in people))


def _person(person: dict[str, Any]) -> str:
    name = person["name"] or f"unknown (nearest {person['nearest']})"
    return f"{name} {person['distance']:.3f}, next {person['runner_up_distance']:.3f}, {person['similarity']:.0f} %"
