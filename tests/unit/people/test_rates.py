"""The arithmetic behind error rates, on cases whose answers are in the books."""

import numpy as np
import pytest

from benchmarks.accuracy.similarity import logistic
from rollcall.people.rates import (
    by_subject,
    equal_error,
    error_curve,
    non_matches_at,
    per_subject,
    rate,
    rate_by_subject,
    threshold_at,
)


def test_wilson_interval() -> None:
    assert rate(5, 50)["interval"] == pytest.approx([0.0435, 0.2136], abs=1e-4)


def test_nothing_seen_is_bounded_by_the_rule_of_three() -> None:
    assert rate(0, 300)["interval"] == [0.0, 0.01]
    assert rate(300, 300)["interval"] == [0.99, 1.0]
    assert rate(0, 0)["share"] is None


def test_one_hard_person_widens_the_interval_by_subject() -> None:
    # a tenth of all photos is wrong: one person's, or one of each person's
    photos = np.full(10, 10.0)

    clustered, spread = by_subject(np.array([10.0] + [0] * 9), photos), by_subject(np.ones(10), photos)

    assert clustered is not None and spread is not None
    assert spread == pytest.approx([0.1, 0.1])
    assert clustered[0] == 0.0
    assert clustered[1] >= 0.3


def test_one_pair_of_people_who_look_alike_widens_the_interval_of_false_matches() -> None:
    pairs = np.triu(np.full((10, 10), 9.0), k=1)
    alike = np.zeros((10, 10))
    alike[2, 7] = 9  # one of 45 pairs of people

    found = rate_by_subject(alike, pairs)

    assert (found["count"], found["of"], found["share"]) == (9, 405, pytest.approx(1 / 45))
    assert found["interval"][0] == 0.0
    assert found["interval"][1] > 0.08


def test_an_interval_by_subject_is_never_narrower_than_that_of_the_cases() -> None:
    # nobody is wrong, or everybody as often: drawing people anew would show no doubt at all
    nobody, everybody = rate_by_subject(np.zeros(3), np.full(3, 10.0)), rate_by_subject(np.ones(3), np.full(3, 10.0))

    assert nobody["interval"] == rate(0, 30)["interval"]
    assert everybody["interval"] == pytest.approx(rate(3, 30)["interval"])
    assert rate_by_subject(np.zeros(3), np.full(3, 50.0), repeated=5)["interval"] == nobody["interval"]
    assert rate_by_subject(np.zeros(3), np.zeros(3)) == rate(0, 0)


def test_sums_per_subject() -> None:
    subjects = np.array([0, 1, 1])

    assert per_subject(np.array([1, 2, 3]), subjects, 3).tolist() == [1, 5, 0]
    assert per_subject(np.ones((3, 3)), subjects, 2).tolist() == [[1, 2], [2, 4]]


@pytest.mark.parametrize(("limit", "matches"), [(0.0, 0), (0.3, 1), (0.5, 2), (0.999, 3), (1.0, 4)])
def test_the_threshold_for_a_false_match_rate_is_the_largest_that_keeps_it(limit: float, matches: int) -> None:
    different = np.array([0.9, 0.5, 0.7, 0.6], dtype=np.float32)

    threshold = threshold_at(different, limit)

    assert (different <= threshold).sum() == matches
    assert (different <= threshold + 0.11).sum() > matches or matches == len(different)


def test_equal_error_and_false_non_matches_at_a_limit() -> None:
    same, different = np.array([0.2, 0.4], dtype=np.float32), np.array([0.3, 0.6], dtype=np.float32)

    assert equal_error(same, different) == pytest.approx((0.5, 0.3))
    assert non_matches_at(same, different, [0.0, 0.5]) == {"0": 0.5, "0.5": 0.0}


def test_error_curve() -> None:
    same, different = np.array([0.2, 0.4], dtype=np.float32), np.array([0.3, 0.6], dtype=np.float32)

    thresholds, matches, non_matches = error_curve(same, different)

    assert thresholds == pytest.approx([0.2, 0.3, 0.4, 0.6])
    assert matches == pytest.approx([0, 0.5, 0.5, 1])
    assert non_matches == pytest.approx([0.5, 0.5, 0, 0])


def test_the_logistic_fit_finds_what_made_the_distances() -> None:
    # normal distributions of one width: even in the middle, and odds that change by e over width ** 2 / separation
    generator = np.random.default_rng(2)
    same, different = (generator.normal(middle, 0.08, 40_000).astype(np.float32) for middle in (0.4, 0.8))

    even, scale = logistic(same[:4000], different)

    assert even == pytest.approx(0.6, abs=0.01)
    assert scale == pytest.approx(0.08**2 / 0.4, rel=0.1)
