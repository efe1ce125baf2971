import json
from pathlib import Path

import numpy as np
import pytest

from rollcall.cli.demo.demo_video import (
    FRAMES_PER_SECOND,
    HEIGHT,
    WIDTH,
    Shot,
    View,
    backdrop,
    camera,
    framed,
    shoot,
    walk,
)
from rollcall.cli.demo.story import COLLINS, ENROLLED_FROM, OBAMA, STRANGER, check, truth
from rollcall.people.records import read_people
from rollcall.results.result import Result
from tests.unit.made_results import person, result, stranger

BACKDROP = backdrop((90, 60, 40), (40, 30, 26), seed=1)
STORY = [
    Shot(2.0, BACKDROP),
    Shot(5.0, BACKDROP, OBAMA),
    Shot(5.0, BACKDROP, COLLINS),
    Shot(5.0, BACKDROP, STRANGER),
    Shot(3.0, BACKDROP, OBAMA),
]
RIGHT = result([person(OBAMA, [(2, 7), (17, 20)]), person(COLLINS, [(7, 12)])], [stranger(1, [(12, 17)])])


def test_the_truth_is_the_sum_of_the_shots() -> None:
    assert truth(STORY) == {OBAMA: [(2, 7), (17, 20)], COLLINS: [(7, 12)], STRANGER: [(12, 17)]}


def test_the_right_answer_passes() -> None:
    assert all(right for right, _ in check(RIGHT, STORY))


@pytest.mark.parametrize(
    "wrong",
    [
        result([], [stranger(1, [(12, 17)])]),
        result([person(OBAMA, [(2, 7)]), person(COLLINS, [(7, 12)])], [stranger(1, [(12, 17)])]),
        result([person(OBAMA, [(2, 7), (17, 20)]), person(COLLINS, [(8, 12)])], [stranger(1, [(12, 17)])]),
        result([*RIGHT.people, person(STRANGER, [(12, 17)])]),
        result([person(OBAMA, [(2, 7), (12, 20)]), person(COLLINS, [(7, 12)])]),
        result(RIGHT.people),
        result(RIGHT.people, [stranger(1, [(12, 14)]), stranger(2, [(14, 17)])]),
    ],
)
def test_a_wrong_answer_fails(wrong: Result) -> None:
    assert not all(right for right, _ in check(wrong, STORY))


def test_the_demo_s_people_have_records_for_everybody_enrolled() -> None:
    path = Path(__file__).parents[3] / "seed_data" / "people.json"

    assert {record["name"] for record in read_people(path)} == set(ENROLLED_FROM)
    assert json.loads(path.read_text(encoding="utf-8"))


def test_every_kind_of_shot_gives_full_frames_that_move() -> None:
    noise = np.random.default_rng(1).integers(0, 255, (400, 300, 3), dtype=np.uint8)
    scenes = [
        BACKDROP,
        camera(framed(noise), View(0.5, 0.5, 1.0), View(0.5, 0.4, 0.5)),
        walk(noise, BACKDROP, height=1.0),
    ]

    for scene in scenes:
        first, *_, last = shoot([Shot(0.4, scene)])
        assert first.shape == last.shape == (HEIGHT, WIDTH, 3)
        assert first.dtype == np.uint8
        assert (first != last).any()
    assert sum(1 for _ in shoot([Shot(0.4, BACKDROP), Shot(0.2, BACKDROP)])) == round(0.6 * FRAMES_PER_SECOND)
