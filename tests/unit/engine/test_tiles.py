import numpy as np
import pytest

from rollcall.engine.detection.tiles import tiles_of
from rollcall.engine.detection.yunet import GRID, Proposals

MOST, OVERLAP = 128, 32
SIZES = [(40, 50), (128, 128), (129, 128), (128, 300), (300, 129), (500, 500), (1, 700)]


def picture(height, width):
    return np.random.default_rng(0).integers(1, 255, (height, width, 3), dtype=np.uint8)


def seen(*corners):
    return Proposals(np.array(corners, np.float32).reshape(-1, 4), np.ones(len(corners), np.float32))


@pytest.mark.parametrize("size", SIZES)
def test_parts_show_the_picture_in_sizes_that_yunet_takes(size):
    whole = picture(*size)

    for tile in tiles_of(whole, MOST, OVERLAP):
        left, top = tile.near.astype(int)
        height, width = tile.pixels.shape[:2]
        shown = whole[top : top + min(height, MOST), left : left + min(width, MOST)]
        assert height % GRID == width % GRID == 0
        assert max(height, width) <= MOST
        assert (tile.pixels[: shown.shape[0], : shown.shape[1]] == shown).all()
        assert not tile.pixels[shown.shape[0] :].any()


@pytest.mark.parametrize("size", SIZES)
def test_each_place_is_one_parts_own_even_outside_the_picture(size):
    height, width = size
    places = [(x, y) for x in (-9, 0, 57.5, width / 2, width - 1, width + 9) for y in (-9, 0, 81, height, height + 9)]

    for x, y in places:
        owners = 0
        for tile in tiles_of(picture(*size), MOST, OVERLAP):
            left, top = tile.near
            owners += len(tile.owned(seen((x - left - 5, y - top - 5, x - left + 5, y - top + 5))).scores)
        assert owners == 1, (x, y)


def test_a_face_up_to_the_overlap_is_whole_in_the_part_that_owns_it():
    whole = picture(500, 500)
    half = OVERLAP / 2

    for x in np.arange(half, 500 - half, 7):
        (owner,) = (tile for tile in tiles_of(whole, MOST, OVERLAP) if _owns(tile, x, 250))
        assert owner.near[0] <= x - half
        assert x + half <= owner.near[0] + MOST


def _owns(tile, x, y):
    left, top = tile.near
    return len(tile.owned(seen((x - left, y - top, x - left, y - top))).scores) > 0


def test_what_a_part_owns_is_told_in_pixels_of_the_picture():
    *_, last = tiles_of(picture(128, 300), MOST, OVERLAP)

    owned = last.owned(seen((60, 10, 80, 30)))

    assert owned.corners == pytest.approx(np.array([[60, 10, 80, 30]]) + np.tile(last.near, 2))
