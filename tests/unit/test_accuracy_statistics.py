"""The arithmetic behind the accuracy figures, on cases whose answers are in the books."""

import numpy as np
import pytest

from benchmarks.accuracy.statistics import by_subject, error_curve, logistic, rate


def test_wilson_interval() -> None:
    assert rate(5, 50)["interval"] == pytest.approx([0.0435, 0.2136], abs=1e-4)


def test_nothing_seen_is_bounded_by_the_rule_of_three() -> None:
    assert rate(0, 300)["interval"] == [0.0, 0.01]
    assert rate(300, 300)["interval"] == [0.99, 1.0]
    assert rate(0, 0)["share"] is None


def test_one_hard_person_widens_the_interval_by_subject() -> None:
    # a tenth of all photos is wrong: one person's, or one of each person's
    subjects = [f"person {number // 10}" for number in range(100)]
    one_person = np.arange(100) < 10
    one_each = np.arange(100) % 10 == 0

    clustered, spread = (
        by_subject(subjects, lambda drawn, wrong=wrong: float(wrong[drawn].mean())) for wrong in (one_person, one_each)
    )

    assert clustered is not None and spread is not None
    assert spread == pytest.approx([0.1, 0.1])
    assert clustered[0] == 0.0
    assert clustered[1] >= 0.3


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
