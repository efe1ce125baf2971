import numpy as np
import pytest

from rollcall.engine.crops import crops, square_transforms
from rollcall.engine.pyramid import Octaves


@pytest.fixture
def ramp():
    """A picture whose first two channels are the column and the row."""
    columns, rows = np.meshgrid(np.arange(200), np.arange(120))
    return np.stack([columns, rows, np.zeros_like(rows)], axis=2).astype(np.uint8)


def cut(picture, *boxes, side, fill=255):
    corners = np.array(boxes, dtype=np.float32)
    return crops(Octaves(picture), square_transforms(corners, side=side), side=side, fill=fill)


def test_a_crop_of_its_own_size_is_a_slice(ramp):
    (crop,) = cut(ramp, (30, 40, 54, 64), side=24)

    assert (crop == ramp[40:64, 30:54]).all()


def test_an_enlarged_crop_lies_between_the_pixels(ramp):
    (crop,) = cut(ramp, (30, 40, 42, 52), side=24)

    assert crop[12, :, 0] == pytest.approx(30 + (np.arange(24) + 0.5) / 2 - 0.5, abs=0.51)


@pytest.mark.parametrize("size", [48, 72, 96])
def test_a_shrunk_crop_averages(ramp, size):
    noise = np.random.default_rng(0).integers(0, 100, ramp.shape, dtype=np.uint8)

    (crop,) = cut(ramp, (10, 10, 10 + size, 10 + size), side=24)
    (noisy,) = cut(noise, (10, 10, 10 + size, 10 + size), side=24)

    middles = 10 + (np.arange(24) + 0.5) * size / 24 - 0.5
    assert crop[0, 1:-1, 0] == pytest.approx(middles[1:-1], abs=1.01)
    assert noisy.std() < 0.75 * noise.std()


def test_outside_the_picture_is_the_fill(ramp):
    (crop,) = cut(ramp, (-12, -12, 12, 12), side=24, fill=77)

    assert (crop[:11] == 77).all() and (crop[:, :11] == 77).all()
    assert (crop[13:, 13:] == ramp[1:12, 1:12]).all()


def test_crops_come_in_the_order_of_their_boxes_whatever_their_octave(ramp):
    boxes = [(0, 0, 96, 96), (8, 8, 32, 32), (20, 20, 68, 68), (100, 50, 124, 74)]

    together = cut(ramp, *boxes, side=24)

    for box, crop in zip(boxes, together, strict=True):
        assert (cut(ramp, box, side=24)[0] == crop).all()


@pytest.mark.parametrize("turn", [0, 0.3])
def test_a_crop_is_the_same_among_many(ramp, turn):
    noise = np.random.default_rng(0).integers(0, 255, ramp.shape, dtype=np.uint8)
    transform = np.array([[[0.9, -turn, 31.3], [turn, 0.8, 22.7]]])

    alone = crops(Octaves(noise), transform, side=24, fill=0)
    many = crops(Octaves(noise), transform.repeat(50, axis=0), side=24, fill=0)

    assert (many == alone).all()


def test_an_upright_crop_is_as_one_that_is_hardly_turned(ramp):
    upright = square_transforms(np.array([(30.3, 40.6, 59.1, 67.9), (-9, 60, 80, 130)], dtype=np.float32), side=24)
    turned = upright + np.array([[0, 1e-9, 0], [-1e-9, 0, 0]])

    cut, turned_cut = (crops(Octaves(ramp), transforms, side=24, fill=0) for transforms in (upright, turned))

    assert (cut == turned_cut).all()
    assert cut[0, :, :, 0].std(axis=1).min() > 0 and cut[0, :, :, 1].std(axis=0).min() > 0


def test_more_crops_than_one_call_of_opencv_takes(ramp):
    together = cut(ramp, *[(30, 40, 54, 64)] * 1400, side=24)

    assert (together == ramp[40:64, 30:54]).all()


def test_no_crops(ramp):
    assert crops(Octaves(ramp), np.empty((0, 2, 3)), side=24, fill=0).shape == (0, 24, 24, 3)
