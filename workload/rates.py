"""When requests start: at a rate, or each as soon as another has ended."""

import csv
import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice, pairwise
from pathlib import Path


class BadProfile(ValueError):
    """A rate profile that cannot be understood; the message says how one looks."""


FORMS = "steady:RATE, ramp:FROM-TO:SECONDS, burst:COUNT:SECONDS or file:PATH (CSV with the columns seconds,rate)"


@dataclass(frozen=True)
class Knot:
    """The rate at one time; between two of them it changes evenly, after the last one it stays."""

    seconds: float
    rate: float  # requests per second


def starts(profile: str | None, count: int) -> list[float]:
    """Seconds from the start of the run for each request; all 0 without a profile: then concurrency alone decides."""
    if profile is None:
        return [0.0] * count
    kind, _, rest = profile.partition(":")
    try:
        times = {"steady": _steady, "ramp": _ramp, "burst": _burst, "file": _file}[kind](rest)
    except (KeyError, ValueError) as error:
        raise BadProfile(f"{profile!r} is not a rate profile ({error}): use {FORMS}") from None
    return list(islice(times, count))


def _steady(rest: str) -> Iterator[float]:
    return _by_knots([Knot(0, _positive(rest))])


def _ramp(rest: str) -> Iterator[float]:
    rates, _, seconds = rest.partition(":")
    low, _, high = rates.partition("-")
    return _by_knots([Knot(0, float(low)), Knot(_positive(seconds), _positive(high))])


def _burst(rest: str) -> Iterator[float]:
    count, _, seconds = rest.partition(":")
    size, period = int(_positive(count)), _positive(seconds)
    return (burst * period for burst in _naturals() for _ in range(size))


def _file(rest: str) -> Iterator[float]:
    with Path(rest).open(encoding="utf-8", newline="") as file:
        knots = [Knot(float(row["seconds"]), float(row["rate"])) for row in csv.DictReader(file)]
    rising = all(one.seconds < other.seconds for one, other in pairwise(knots))
    if not knots or not rising or knots[-1].rate <= 0 or any(knot.rate < 0 for knot in knots):
        raise ValueError("seconds must rise, rates must not be negative and the last one must be positive")
    return _by_knots(knots)


def _by_knots(knots: list[Knot]) -> Iterator[float]:
    """The k-th request starts when the area under the rate reaches k."""
    done = 0.0  # requests due before the current stretch
    number = 0
    for one, other in pairwise(knots):
        length, slope = other.seconds - one.seconds, (other.rate - one.rate) / (other.seconds - one.seconds)
        due = (one.rate + other.rate) / 2 * length
        while number <= done + due:
            yield one.seconds + _time_for(number - done, one.rate, slope)
            number += 1
        done += due
    last = knots[-1]
    while True:
        yield last.seconds + (number - done) / last.rate
        number += 1


def _time_for(area: float, rate: float, slope: float) -> float:
    if slope == 0:
        return area / rate if rate else 0.0
    return (math.sqrt(max(rate * rate + 2 * slope * area, 0.0)) - rate) / slope


def _positive(text: str) -> float:
    number = float(text)
    if not (math.isfinite(number) and number > 0):
        raise ValueError(f"{text} is not a positive number")
    return number


def _naturals() -> Iterator[int]:
    number = 0
    while True:
        yield number
        number += 1
