"""A forest small enough to evaluate by hand: two cascades of one tree each, whose first split decides, two points."""

import numpy as np
import pytest

from model.landmarks import ShapePredictor

SHAPE = [[0.25, 0.5], [0.75, 0.5]]
LEFT_LEAF, RIGHT_LEAF = [0.1, 0.0, 0.1, 0.0], [0.0, -0.2, 0.0, -0.2]


@pytest.fixture
def predictor(tmp_path):
    path = tmp_path / "forest.npz"
    leaves = np.array([[[LEFT_LEAF] * 8 + [RIGHT_LEAF] * 8]] * 2, dtype=np.float32)
    np.savez(
        path,
        initial_shape=np.array(SHAPE, dtype=np.float32),
        anchor_index=np.array([[0, 1]] * 2, dtype=np.int16),
        deltas=np.zeros((2, 2, 2), dtype=np.float32),
        split_features=np.array([[[[0, 1]] * 15]] * 2, dtype=np.int16),
        split_thresholds=np.array([[[20.5] + [0.0] * 14]] * 2, dtype=np.float32),
        leaf_values=leaves,
    )
    return ShapePredictor.load(path)


def pictures(*values_at_points, side=101):
    """One picture a pair: the grey values of its left and of its right half."""
    grey = np.zeros((len(values_at_points), side, side), dtype=np.uint8)
    for picture, (left, right) in zip(grey, values_at_points, strict=True):
        picture[:, : side // 2] = left
        picture[:, side // 2 :] = right
    return grey


def whole(count, side=101):
    return np.tile(np.array([0, 0, side - 1, side - 1], dtype=np.float64), (count, 1))


def test_a_difference_above_the_threshold_takes_the_left_leaf_in_every_cascade(predictor):
    (points,) = predictor.predict(pictures((121, 100)), whole(1))

    assert points == pytest.approx(np.array([[45, 50], [95, 50]]), abs=1e-4)


def test_a_difference_below_the_threshold_takes_the_right_leaf(predictor):
    (points,) = predictor.predict(pictures((120, 100)), whole(1))

    assert points == pytest.approx(np.array([[25, 10], [75, 10]]), abs=1e-4)


def test_faces_together_are_as_faces_alone(predictor):
    grey = np.random.default_rng(0).integers(0, 255, (6, 101, 101), dtype=np.uint8)

    together = predictor.predict(grey, whole(6))

    for number in range(6):
        assert (predictor.predict(grey[number : number + 1], whole(1))[0] == together[number]).all()
    assert len(np.unique(together.round(6), axis=0)) > 1


def test_points_scale_with_the_box(predictor):
    box = np.array([[10.0, 20.0, 60.0, 40.0]])

    (points,) = predictor.predict(np.zeros((1, 101, 101), dtype=np.uint8), box)

    assert points == pytest.approx(
        np.array([[10 + 0.25 * 50, 20 + 0.1 * 20], [10 + 0.75 * 50, 20 + 0.1 * 20]]), abs=1e-4
    )


def test_outside_the_picture_is_black(predictor):
    grey = np.full((1, 101, 101), 200, dtype=np.uint8)
    beyond_the_right_edge = np.array([[40.0, 0.0, 140.0, 100.0]])

    (points,) = predictor.predict(grey, beyond_the_right_edge)

    # left point 200, right point outside: a difference of 200 takes the left leaf
    assert points[0] == pytest.approx([40 + 45, 50], abs=1e-4)


def test_trees_of_another_depth_are_refused(tmp_path):
    path = tmp_path / "shallow.npz"
    np.savez(
        path,
        initial_shape=np.array(SHAPE, dtype=np.float32),
        anchor_index=np.array([[0, 1]], dtype=np.int16),
        deltas=np.zeros((1, 2, 2), dtype=np.float32),
        split_features=np.array([[[[0, 1]]]], dtype=np.int16),
        split_thresholds=np.full((1, 1, 1), 20.5, dtype=np.float32),
        leaf_values=np.array([[[LEFT_LEAF, RIGHT_LEAF]]], dtype=np.float32),
    )

    with pytest.raises(ValueError, match="1 splits, expected 15"):
        ShapePredictor.load(path)


def test_no_faces(predictor):
    assert predictor.predict(np.empty((0, 101, 101), dtype=np.uint8), np.empty((0, 4))).shape == (0, 2, 2)
