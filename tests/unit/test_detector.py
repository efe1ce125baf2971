import numpy as np
import pytest

from model.detector import regressed, squared


def test_offsets_are_in_units_of_the_sides():
    moved = regressed(np.array([[10, 20, 30, 60]], dtype=np.float32), np.array([[0.1, -0.1, 0.5, 0]], dtype=np.float32))

    assert moved == pytest.approx(np.array([[12, 16, 40, 60]]))


def test_a_square_has_the_longer_side_and_the_same_centre():
    assert squared(np.array([[10, 20, 30, 60]], dtype=np.float32)) == pytest.approx(np.array([[0, 20, 40, 60]]))


def test_no_boxes():
    nothing = np.empty((0, 4), dtype=np.float32)

    assert squared(regressed(nothing, nothing)).shape == (0, 4)
