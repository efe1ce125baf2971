import numpy as np
import pytest

from rollcall.engine.detection.nms import suppress, suppress_contained

FACE = [10, 10, 50, 50]
SHIFTED = [12, 10, 52, 50]  # IoU with FACE: 38 * 40 / (42 * 40) = 0.905
WITHIN = [20, 20, 30, 30]  # IoU 0.0625; all of it is within FACE
ELSEWHERE = [100, 100, 140, 140]


def boxes(*rows):
    return np.array(rows, dtype=np.float32)


def scores(*values):
    return np.array(values, dtype=np.float32)


def test_the_most_probable_of_overlapping_boxes_stays():
    kept = suppress(boxes(FACE, SHIFTED, ELSEWHERE), scores(0.8, 0.9, 0.7), overlap=0.5)

    assert kept.tolist() == [1, 2]


def test_boxes_that_overlap_less_than_allowed_both_stay():
    kept = suppress(boxes(FACE, SHIFTED), scores(0.8, 0.9), overlap=0.95)

    assert kept.tolist() == [1, 0]


def test_a_suppressed_box_suppresses_nothing():
    chain = boxes([0, 0, 40, 40], [15, 0, 55, 40], [30, 0, 70, 40])

    kept = suppress(chain, scores(0.9, 0.8, 0.7), overlap=0.4)

    assert kept.tolist() == [0, 2]


def test_only_the_best_are_looked_at_where_there_are_too_many():
    many = boxes(ELSEWHERE, FACE, SHIFTED)

    assert suppress(many, scores(0.7, 0.8, 0.9), overlap=0.5, most=2).tolist() == [2]
    assert suppress(many, scores(0.7, 0.8, 0.9), overlap=0.5, most=3).tolist() == [2, 0]


def test_iou_keeps_a_box_within_another_and_containment_does_not():
    nested = boxes(FACE, WITHIN)

    assert suppress(nested, scores(0.9, 0.8), overlap=0.7).tolist() == [0, 1]
    assert suppress_contained(nested, scores(0.9, 0.8), overlap=0.7).tolist() == [0]


def test_the_more_probable_box_stays_though_it_is_the_one_within():
    assert suppress_contained(boxes(FACE, WITHIN), scores(0.8, 0.9), overlap=0.7).tolist() == [1]


def test_a_box_that_is_within_a_suppressed_one_alone_stays():
    chain = boxes([0, 0, 40, 40], [5, 0, 45, 40], [38, 30, 44, 36])

    assert suppress_contained(chain, scores(0.9, 0.8, 0.7), overlap=0.7).tolist() == [0, 2]


@pytest.mark.parametrize("suppression", [suppress, suppress_contained])
def test_no_boxes(suppression):
    assert suppression(np.empty((0, 4), np.float32), np.empty(0, np.float32), overlap=0.5).tolist() == []
