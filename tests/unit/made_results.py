"""Results for tests, with what a test does not care about filled in."""

from typing import Any

from rollcall.contracts.jobs import JobError
from rollcall.results.result import Best, Failure, Person, Result, Segment, Timings, Unknown

Span = tuple[float, float]


def _appearance(
    spans: list[Span], best: float | None, box: tuple[int, int, int, int], crop: str | None
) -> dict[str, Any]:
    return {
        "first_seen": spans[0][0],
        "last_seen": spans[-1][1],
        "segments": [Segment(start=start, end=end) for start, end in spans],
        "best": Best(time=spans[0][0] if best is None else best, box=box, crop=crop),
    }


def person(
    name: str,
    spans: list[Span],
    *,
    best: float | None = None,
    box: tuple[int, int, int, int] = (40, 40, 60, 60),
    record: dict[str, Any] | None = None,
    crop: str | None = None,
) -> Person:
    return Person(name=name, record=record, similarity=93.4, distance=0.4, **_appearance(spans, best, box, crop))


def stranger(number: int, spans: list[Span], *, best: float | None = None) -> Unknown:
    return Unknown(id=f"unknown-{number}", **_appearance(spans, best, (200, 40, 60, 60), None))


def result(
    people: list[Person] | None = None,
    unknown: list[Unknown] | None = None,
    *,
    video: str = "clip.mp4",
    duration: float = 20.0,
) -> Result:
    return Result(
        video=video,
        duration=duration,
        frames=40,
        model={},
        threshold=0.6,
        people=people or [],
        unknown=unknown or [],
        timings=Timings(split=1, recognize=1, lookup=1, total=3),
    )


def failure(sentence: str, *, video: str = "clip.mp4") -> Failure:
    return Failure(video=video, error=JobError(code="unreadable-media", message=sentence))
