"""Who a probe is, told by the templates of the people enrolled."""

from dataclasses import replace

import numpy as np
import pytest

from rollcall.people.calibration import load_calibration
from rollcall.people.gallery import NOBODY, Gallery, Templates

DIMENSION = 128
CALIBRATION = replace(load_calibration("dlib-resnet"), threshold=1.0, sure_distance=1.0, thin_threshold=1.0, margin=0.1)


def at(*numbers: float) -> np.ndarray:
    """An embedding whose first numbers are these, and all others zero."""
    return np.array([*numbers, *[0.0] * (DIMENSION - len(numbers))], dtype=np.float32)


def gallery(**people: list[np.ndarray]) -> Gallery:
    names = [name for name, templates in people.items() for _ in templates]
    embeddings = np.array([template for templates in people.values() for template in templates])
    return Gallery([Templates("dlib-resnet", names, embeddings)], CALIBRATION)


def test_one_photo_is_as_far_as_its_embedding():
    match = gallery(Ann=[at(0.6)], Bo=[at(0, 0.9)]).match(at(), evidence=1)

    assert (match.name, match.runner_up) == ("Ann", "Bo")
    assert (match.distance, match.runner_up_distance) == pytest.approx((0.6, 0.9))


def test_of_several_photos_the_nearest_counts_two_thirds_and_their_mean_one_third():
    photos = [at(0.5), at(0, 1.0), at(0, 0, 1.1)]
    squared = [0.25, 1.0, 1.21]

    match = gallery(Ann=photos, Bo=[at(0, 0, 0, 2)]).match(at(), evidence=1)

    assert match.distance == pytest.approx(np.sqrt((2 * min(squared) + np.mean(squared)) / 3))


def test_many_photos_bring_a_stranger_no_nearer_than_the_nearest_of_them_alone():
    alone = gallery(Ann=[at(0.9)]).match(at(), evidence=1)
    among = gallery(Ann=[at(0.9), at(0, 1.5), at(0, 0, 1.6)]).match(at(), evidence=1)

    assert alone.name == "Ann"
    assert among.name is None
    assert among.nearest == "Ann"


def test_nobody_is_named_where_two_are_about_equally_near():
    assert gallery(Ann=[at(0.6)], Bo=[at(0, 0.65)]).match(at(), evidence=1).name is None


@pytest.mark.parametrize(
    ("distance", "evidence", "name"), [(0.9, 0.1, None), (0.9, 0.3, "Ann"), (0.7, 0.1, "Ann"), (1.1, 0.3, None)]
)
def test_a_bad_glimpse_has_to_be_nearer_than_a_longer_look(distance: float, evidence: float, name: str | None) -> None:
    calibration = replace(CALIBRATION, thin_threshold=0.8, thin_evidence=0.2)
    enrolled = Gallery([Templates("dlib-resnet", ["Ann"], at(distance)[None])], calibration)

    assert enrolled.match(at(), evidence=evidence).name == name


def test_an_empty_gallery_names_nobody():
    assert Gallery([], CALIBRATION).match(at(), evidence=1) == NOBODY


def test_many_probes_at_once_get_the_names_that_each_gets_alone():
    enrolled = gallery(Ann=[at(0.6), at(0.7)], Bo=[at(0, 0.6)])
    probes = np.array([at(), at(0.5), at(0, 0.5), at(5)])

    names = enrolled.names(probes, evidence=[1.0] * len(probes))

    assert names == [enrolled.match(probe, evidence=1.0).name for probe in probes]
    assert names == [None, "Ann", "Bo", None]
