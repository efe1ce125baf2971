"""`rollcall calibrate` on made faces whose distances are known."""

from dataclasses import replace

import numpy as np
import pytest

from rollcall.cli.show.calibration_plot import HEIGHT, WIDTH, draw_rates
from rollcall.contracts.usage_error import UsageError
from rollcall.people.calibration import Calibration, load_calibration
from rollcall.people.gallery import Gallery
from rollcall.people.gallery_store import EnrolledFace, by_embedder
from rollcall.people.resemblance import choose, compare, thresholds

EMBEDDER = "dlib-resnet"


def faces(places: dict[str, list[float]]) -> list[EnrolledFace]:
    """Everybody's photos on one line."""
    axis = np.eye(128, dtype=np.float32)[0]
    return [
        EnrolledFace(name=name, embedding=axis * np.float32(place), model=EMBEDDER, source=f"{number}.jpg")
        for name, line in places.items()
        for number, place in enumerate(line)
    ]


@pytest.fixture
def calibration() -> Calibration:
    return replace(load_calibration(EMBEDDER), threshold=0.6)


def test_distances_are_those_that_the_gallery_gives(calibration: Calibration) -> None:
    generator = np.random.default_rng(4)
    made = faces({name: list(generator.uniform(0, 3, count)) for name, count in (("a", 3), ("b", 1), ("c", 4))})

    compared = compare(made, calibration)

    for photo, face in enumerate(made):
        others = Gallery(by_embedder(one for one in made if one.name != face.name), calibration)
        nearest = others.match(face.embedding, evidence=1)
        assert compared.others[photo].min() == pytest.approx(nearest.distance, abs=2e-3)
        rest = [one for one in made if one.name == face.name and one is not face]
        if not rest:
            assert np.isnan(compared.own[photo])
            continue
        own = Gallery(by_embedder(rest), calibration).match(face.embedding, evidence=1)
        assert compared.own[photo] == pytest.approx(own.distance, abs=2e-3)
    assert (len(compared.same), len(compared.different)) == (7, 16)


def test_people_who_resemble_each_other_are_named_the_nearest_first(calibration: Calibration) -> None:
    compared = compare(faces({"ann": [0, 0.1], "bea": [0.5], "cy": [5], "dan": [5.3]}), calibration)

    first, second = compared.resembling(0.6)

    assert (first.people, first.photos) == (("cy", "dan"), 2)
    assert first.distance == pytest.approx(0.3, abs=2e-3)
    assert (second.people, second.photos) == (("ann", "bea"), 3)
    (nearest,) = compared.resembling(0.1)
    assert (nearest.people, nearest.photos) == (("cy", "dan"), 0)


def test_the_threshold_keeps_the_wanted_rate(calibration: Calibration) -> None:
    # 40 people in a row, 0.3 apart: 78 of 1560 comparisons are at 0.3
    compared = compare(faces({f"{number:02}": [0.3 * number] for number in range(40)}), calibration)

    chosen = choose(compared, calibration, 0.05)

    assert chosen.enough and chosen.threshold is not None and chosen.threshold == pytest.approx(0.599, abs=2e-3)
    assert compared.rates(chosen.threshold)["false_match"]["share"] == pytest.approx(0.05)
    strict = choose(compared, calibration, 0.04)
    assert strict.threshold is not None and strict.threshold < chosen.threshold
    assert compared.rates(strict.threshold)["false_match"]["share"] <= 0.04
    assert chosen.threshold in thresholds(calibration, chosen.threshold)
    assert calibration.threshold in thresholds(calibration, chosen.threshold)


def test_too_few_comparisons_never_raise_the_threshold(calibration: Calibration) -> None:
    chosen = choose(compare(faces({"a": [0], "b": [1.2]}), calibration), calibration, 0.001)

    assert (chosen.threshold, chosen.enough) == (calibration.threshold, False)


def test_one_photo_under_two_names_leaves_no_threshold(calibration: Calibration) -> None:
    compared = compare(faces({"a": [0, 1], "b": [0]}), calibration)

    assert choose(compared, calibration, 0.001).threshold is None
    assert compared.resembling(calibration.threshold)[0].distance == pytest.approx(0, abs=1e-3)


def test_one_person_has_nobody_to_be_compared_with(calibration: Calibration) -> None:
    with pytest.raises(UsageError, match="at least 2 people"):
        compare(faces({"a": [0, 0.1]}), calibration)


@pytest.mark.parametrize("places", [{"a": [0.0], "b": [1.0]}, {"a": [0.0, 0.1], "b": [0.0, 2.0]}])
def test_a_picture_is_drawn_of_whatever_there_is(calibration: Calibration, places: dict[str, list[float]]) -> None:
    picture = draw_rates(compare(faces(places), calibration), shipped=0.6, chosen=None)

    assert picture.size == (WIDTH, HEIGHT)
    assert len(picture.getcolors(2**24) or []) > 4
