"""Who is who over time: videos of moving heads, and where each of them is at every moment."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from rollcall.cli.demo.demo_video import HEIGHT, WIDTH
from rollcall.cli.preparation import Enrollment
from rollcall.cli.session import Session
from rollcall.people.gallery_store import GalleryStore
from rollcall.pipeline.settings import Settings
from tests.e2e.pipeline import RunningPipeline, names, open_pipeline
from tests.e2e.videos import COLLINS, OBAMA, Actor, Path2D, Videos

STEP = 0.5  # seconds between sampled frames
LEFT, RIGHT = WIDTH * 0.25, WIDTH * 0.75


@pytest.fixture(scope="module")
def pipeline(model_dir: Any, enrollment: Enrollment) -> Iterator[RunningPipeline]:
    with open_pipeline(Settings(prefix="tracks"), enrollment, model_dir=model_dir, delivery=None) as running:
        yield running


def walk(start: float, end: float) -> Path2D:
    return lambda progress: (start + progress * (end - start), HEIGHT / 2)


def stand(x: float) -> Path2D:
    return walk(x, x)


def spans(entry: dict[str, Any]) -> list[tuple[float, float]]:
    return [(segment["start"], segment["end"]) for segment in entry["segments"]]


def near(*expected: tuple[float, float]) -> list[Any]:
    return [pytest.approx(span, abs=STEP + 0.01) for span in expected]


def middle(entry: dict[str, Any]) -> float:
    x, _, width, _ = entry["best"]["box"]
    return float(x + width / 2)


def test_two_who_cross_keep_their_names(pipeline: RunningPipeline, videos: Videos) -> None:
    # Given Obama, who passes in front of Collins, each from one side of the picture to the other
    seconds = 10.0
    paths = {COLLINS: walk(RIGHT, LEFT), OBAMA: walk(LEFT, RIGHT)}
    actors = [Actor("astronaut.png", paths[COLLINS]), Actor("obama2.jpg", paths[OBAMA])]

    result = pipeline.result("cross.mp4", pipeline.upload("cross.mp4", videos.acted((seconds, actors), name="x.mp4")))

    assert names(result) == [OBAMA, COLLINS]
    assert result["unknown"] == []
    obama, collins = result["people"]
    assert spans(obama) == near((0, seconds))
    assert (collins["first_seen"], collins["last_seen"]) == near((0, seconds))[0]
    for entry in (obama, collins):
        expected, _ = paths[entry["name"]](entry["best"]["time"] / seconds)
        assert middle(entry) == pytest.approx(expected, abs=60), "the best view is where this person was"


def test_a_stranger_who_crosses_gets_no_name(pipeline: RunningPipeline, videos: Videos) -> None:
    actors = [Actor("obama3.jpg", walk(LEFT, RIGHT)), Actor("biden.jpg", walk(RIGHT, LEFT))]

    result = pipeline.result("pass.mp4", pipeline.upload("pass.mp4", videos.acted((10.0, actors), name="p.mp4")))

    assert names(result) == [OBAMA]
    (stranger,) = result["unknown"]
    assert spans(stranger) == near((0, 10))
    assert (result["people"][0]["first_seen"], result["people"][0]["last_seen"]) == near((0, 10))[0]


def test_a_cut_does_not_join_two_people(pipeline: RunningPipeline, videos: Videos) -> None:
    # Given one person after the other in the same place, twice
    shots = [(3.0, [Actor(photo, stand(LEFT))]) for photo in ("obama2.jpg", "biden.jpg", "astronaut.png", "biden.jpg")]

    result = pipeline.result("cut.mp4", pipeline.upload("cut.mp4", videos.acted(*shots, name="c.mp4")))

    assert {person["name"]: spans(person) for person in result["people"]} == {
        OBAMA: near((0, 3)),
        COLLINS: near((6, 9)),
    }
    (stranger,) = result["unknown"]
    assert spans(stranger) == near((3, 6), (9, 12))


def test_a_cut_that_swaps_places_swaps_no_names(pipeline: RunningPipeline, videos: Videos) -> None:
    before = [Actor("obama2.jpg", stand(LEFT)), Actor("astronaut.png", stand(RIGHT))]
    after = [Actor("obama3.jpg", stand(RIGHT)), Actor("astronaut.png", stand(LEFT))]

    result = pipeline.result(
        "swap.mp4", pipeline.upload("swap.mp4", videos.acted((4, before), (4, after), name="s.mp4"))
    )

    assert {person["name"]: spans(person) for person in result["people"]} == {
        OBAMA: near((0, 8)),
        COLLINS: near((0, 8)),
    }
    assert result["unknown"] == []
    places = {OBAMA: (LEFT, RIGHT), COLLINS: (RIGHT, LEFT)}
    for person in result["people"]:
        expected = places[person["name"]][person["best"]["time"] >= 4]
        assert middle(person) == pytest.approx(expected, abs=60)


def test_who_leaves_and_returns_is_one_entry(pipeline: RunningPipeline, videos: Videos) -> None:
    away: list[Actor] = []
    shots = [
        (3.0, [Actor("obama2.jpg", walk(LEFT, WIDTH / 2)), Actor("biden.jpg", stand(RIGHT))]),
        (4.0, away),
        (3.0, [Actor("obama3.jpg", stand(RIGHT))]),
        (4.0, away),
        (3.0, [Actor("biden.jpg", stand(LEFT), height=200)]),
    ]

    result = pipeline.result("back.mp4", pipeline.upload("back.mp4", videos.acted(*shots, name="b.mp4")))

    (obama,), (stranger,) = result["people"], result["unknown"]
    assert (obama["name"], spans(obama)) == (OBAMA, near((0, 3), (7, 10)))
    assert spans(stranger) == near((0, 3), (14, 17))


def test_a_tie_between_two_enrolled_people_names_neither(
    pipeline: RunningPipeline, videos: Videos, enrollment: Enrollment
) -> None:
    # Given one face that is enrolled under two names
    twins = [replace(face, name="A Twin") for face in enrollment.faces if face.name == OBAMA]
    gallery = GalleryStore(Session(pipeline.cloud, pipeline.prefix).table("faces"))
    video = videos.acted((3, [Actor("obama2.jpg", stand(LEFT)), Actor("astronaut.png", stand(RIGHT))]), name="t.mp4")

    gallery.put_all(twins)
    try:
        result = pipeline.result("tie.mp4", pipeline.upload("tie.mp4", video))
    finally:
        gallery.remove((twin.name, twin.face) for twin in twins)

    assert names(result) == [COLLINS]
    (tied,) = result["unknown"]
    assert spans(tied) == near((0, 3))
    assert middle(tied) == pytest.approx(LEFT, abs=60)
