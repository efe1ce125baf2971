import numpy as np
import pytest

from rollcall.engine.alignment import as_matrices, chip_transforms, sface_transforms, similarity


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


FACE = np.array([[100.0, 80.0], [140.0, 80.0], [120.0, 105.0], [104.0, 124.0], [136.0, 124.0]])  # an upright one


def in_chip(transforms, points):
    """Where points of the picture lie in the chip."""
    (matrix,) = transforms
    return np.linalg.solve(matrix[:, :2], (points - matrix[:, 2]).T).T


@pytest.mark.parametrize(
    ("cut", "side", "eyes"), [(chip_transforms, 150, (47, 101)), (sface_transforms, 112, (37, 75))]
)
def test_eyes_lie_where_the_network_expects_them(cut, side, eyes):
    places = in_chip(cut(FACE[None]), FACE)

    assert places[:2, 0] == pytest.approx(eyes, abs=2)
    assert places[0, 1] == pytest.approx(places[1, 1], abs=0.5)
    assert places[:, 0].mean() == pytest.approx((side - 1) / 2, abs=1)


@pytest.mark.parametrize("cut", [chip_transforms, sface_transforms])
def test_a_turned_face_comes_upright(cut):
    turn = 1.7 * np.exp(0.4j)
    turned = (FACE[:, 0] + 1j * FACE[:, 1]) * turn + 40 + 25j
    points = np.stack([turned.real, turned.imag], axis=1)

    assert in_chip(cut(points[None]), points) == pytest.approx(in_chip(cut(FACE[None]), FACE))


@pytest.mark.parametrize("cut", [chip_transforms, sface_transforms])
def test_a_chip_of_half_the_side_shows_the_same_part(cut):
    whole, half = (in_chip(cut(FACE[None], side=side), FACE) for side in (300, 150))

    assert half + 0.5 == pytest.approx((whole + 0.5) / 2)


def test_points_that_coincide_give_finite_numbers():
    turn, shift = similarity(np.zeros((1, 5), dtype=complex), np.ones((1, 5), dtype=complex))

    assert np.isfinite(as_matrices(turn, shift)).all()
