"""What the demo's video shows, and the answer that the pipeline has to give."""

import shutil
from collections.abc import Iterator
from pathlib import Path

from rollcall.cli.demo.demo_video import Shot, View, backdrop, camera, framed, read_photo, walk
from rollcall.results.result import Result

OBAMA, COLLINS, STRANGER = "Barack Obama", "Eileen Collins", "Joe Biden"
ENROLLED_FROM = {OBAMA: "obama.jpg", COLLINS: "astronaut.png"}
TOLERANCE = 0.75  # seconds: one sample and a half at two frames a second


def shots(photos: Path) -> list[Shot]:
    speech = framed(read_photo(photos / "obama2.jpg")[:900, :540])  # without the neighbor's ear
    reception = framed(read_photo(photos / "obama3.jpg")[:1200])
    astronaut = read_photo(photos / "astronaut.png")[:, ::-1]  # mirrored: not the pixels that are enrolled
    passer_by = read_photo(photos / "biden.jpg")[:1100]
    dusk, dawn = backdrop((90, 60, 40), (40, 30, 26), seed=1), backdrop((120, 140, 150), (70, 80, 96), seed=2)
    return [
        Shot(2.0, dusk),
        Shot(5.0, camera(speech, View(0.5, 0.5, 1.0), View(0.55, 0.42, 0.6)), OBAMA),
        Shot(2.0, dawn),
        Shot(5.0, camera(astronaut, View(0.5, 0.30, 0.95), View(0.58, 0.22, 0.6)), COLLINS),
        Shot(5.0, walk(passer_by, dawn, height=1.0), STRANGER),
        Shot(2.0, dusk),
        Shot(5.0, camera(reception, View(0.5, 0.5, 1.0), View(0.53, 0.33, 0.55)), OBAMA),
        Shot(2.0, dawn),
    ]


def make_gallery(photos: Path, folder: Path) -> Path:
    for name, photo in ENROLLED_FROM.items():
        (folder / name).mkdir(parents=True, exist_ok=True)
        shutil.copyfile(photos / photo, folder / name / photo)
    return folder


def truth(story: list[Shot]) -> dict[str, list[tuple[float, float]]]:
    """When each person is in view, in seconds."""
    seen: dict[str, list[tuple[float, float]]] = {}
    start = 0.0
    for shot in story:
        if shot.who is not None:
            seen.setdefault(shot.who, []).append((start, start + shot.seconds))
        start += shot.seconds
    return seen


def check(result: Result, story: list[Shot]) -> Iterator[tuple[bool, str]]:
    """One (right, sentence) for each thing that the answer has to say."""
    expected = truth(story)
    for name in ENROLLED_FROM:
        found = [person for person in result.people if person.name == name]
        times = [(segment.start, segment.end) for person in found for segment in person.segments]
        yield (
            _agree(times, expected[name]),
            f"{name} is named, at {_spans(times)}; in the video at {_spans(expected[name])}",
        )
    others = [person.name for person in result.people if person.name not in ENROLLED_FROM]
    yield not others, f"nobody else has a name{': ' + ', '.join(others) if others else ''}"
    times = [(segment.start, segment.end) for stranger in result.unknown for segment in stranger.segments]
    yield (
        len(result.unknown) == 1 and _agree(times, expected[STRANGER]),
        f"{STRANGER} (not enrolled) is unknown, at {_spans(times)}; in the video at {_spans(expected[STRANGER])}",
    )


def _agree(found: list[tuple[float, float]], expected: list[tuple[float, float]]) -> bool:
    return len(found) == len(expected) and all(
        abs(one - other) <= TOLERANCE
        for span, wanted in zip(found, expected, strict=True)
        for one, other in zip(span, wanted, strict=True)
    )


def _spans(spans: list[tuple[float, float]]) -> str:
    return ", ".join(f"{start:.1f}-{end:.1f} s" for start, end in spans) or "no time"
