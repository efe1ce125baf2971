import numpy as np
import pytest

from model.alignment import CHIP_SIDE, as_matrices, chip_template, chip_transforms, similarity


@pytest.fixture
def shape():
    return np.random.default_rng(3).normal(size=(4, 5)) + 1j * np.random.default_rng(4).normal(size=(4, 5))


@pytest.mark.parametrize("degrees", [0, 17, 90, 180, -135])
def test_a_similarity_is_found_again(shape, degrees):
    turn, shift = 2.5 * np.exp(1j * np.radians(degrees)), 30 - 7j

    found_turn, found_shift = similarity(shape, turn * shape + shift)

    assert found_turn == pytest.approx(np.full(4, turn))
    assert found_shift == pytest.approx(np.full(4, shift))


def test_no_similarity_near_the_one_found_fits_better(shape):
    target = shape * (1.2 + 0.3j) + np.random.default_rng(5).normal(size=shape.shape)
    turn, shift = similarity(shape, target)

    def error(turn, shift):
        return (np.abs(turn[:, None] * shape + shift[:, None] - target) ** 2).sum()

    for step in (0.01, -0.01, 0.01j, -0.01j):
        assert error(turn, shift) < error(turn + step, shift)
        assert error(turn, shift) < error(turn, shift + step)


def test_a_face_that_lies_as_the_template_is_not_moved():
    template = chip_template()
    landmarks = np.stack([template.real, template.imag], axis=1)[None]

    assert chip_transforms(landmarks) == pytest.approx(np.array([[[1, 0, 0], [0, 1, 0]]]), abs=1e-9)


def test_a_turned_face_comes_upright():
    template = chip_template()
    landmarks = template * 1.7 * np.exp(0.4j) + 40 + 25j
    (matrix,) = chip_transforms(np.stack([landmarks.real, landmarks.imag], axis=1)[None])

    in_picture = np.stack([template.real, template.imag, np.ones(5)], axis=1) @ matrix.T

    assert in_picture == pytest.approx(np.stack([landmarks.real, landmarks.imag], axis=1))


def test_points_that_coincide_give_finite_numbers():
    turn, shift = similarity(np.zeros((1, 5), dtype=complex), np.ones((1, 5), dtype=complex))

    assert np.isfinite(as_matrices(turn, shift)).all()


def test_the_template_is_dlibs_in_chips_of_150_pixels():
    # dlib: padding 0.25, so one face box is 100 pixels of the chip; half a pixel is its centre
    eye, nose = chip_template()[0], chip_template()[4]

    assert CHIP_SIDE == 150
    assert (eye.real, eye.imag) == pytest.approx((110.457, 45.850), abs=1e-3)
    assert (nose.real, nose.imag) == pytest.approx((73.511, 87.280), abs=1e-3)
