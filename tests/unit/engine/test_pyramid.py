import itertools

import numpy as np
import pytest

from rollcall.engine.pyramid import Octaves, lay_out, pyramid_canvas

MARGIN = 6


def picture(width, height, *, color=(10, 20, 30)):
    return np.full((height, width, 3), color, dtype=np.uint8)


def test_octaves_halve_and_round_up():
    octaves = Octaves(picture(101, 50))

    assert [octaves[number].shape[:2] for number in range(4)] == [(50, 101), (25, 51), (13, 26), (7, 13)]


def test_an_octave_is_the_mean_of_the_pixels_it_covers():
    checkered = picture(8, 8, color=(0, 0, 0))
    checkered[::2, ::2] = 200

    assert (Octaves(checkered)[1] == 50).all()


@pytest.mark.parametrize("size", [(576, 324), (324, 576), (1200, 30), (30, 1200), (150, 150), (13, 13)])
def test_levels_keep_their_distance_and_stay_inside(size):
    sizes = [(round(size[0] * 0.709**step), round(size[1] * 0.709**step)) for step in range(9)]
    sizes = [(width, height) for width, height in sizes if min(width, height) >= 8]

    places, whole = lay_out(sizes, margin=MARGIN)

    outlines = [
        (
            left - MARGIN,
            top - MARGIN,
            left + width + MARGIN,
            top + height + MARGIN,
            left,
            top,
            left + width,
            top + height,
        )
        for (left, top), (width, height) in zip(places, sizes, strict=True)
    ]
    assert all(place % 2 == 0 for pair in places for place in pair)
    assert all(o[0] >= 0 and o[1] >= 0 and o[2] <= whole[0] and o[3] <= whole[1] for o in outlines)
    for one, other in itertools.combinations(outlines, 2):
        # what hangs over one level's border must not see the other level
        apart = one[2] <= other[4] or other[2] <= one[4] or one[3] <= other[5] or other[3] <= one[5]
        assert apart


def test_the_canvas_wastes_little():
    sizes = [(round(576 * 0.709**step), round(324 * 0.709**step)) for step in range(10)]

    _, (width, height) = lay_out(sizes, margin=MARGIN)

    assert width * height < 1.2 * sum(w * h for w, h in sizes)


def test_each_level_shows_the_whole_picture_at_its_scale():
    canvas = pyramid_canvas(
        Octaves(picture(200, 100)), first_scale=0.6, factor=0.5, smallest=8, margin=MARGIN, fill=128
    )

    assert [(level.width, level.height) for level in canvas.levels] == [(120, 60), (60, 30), (30, 15)]
    for level in canvas.levels:
        shown = canvas.pixels[level.top : level.top + level.height, level.left : level.left + level.width]
        assert (shown == (10, 20, 30)).all()
        assert level.scale_x == pytest.approx(level.width / 200)
    levels_area = sum(level.width * level.height for level in canvas.levels)
    assert (canvas.pixels == 128).all(axis=2).sum() == canvas.pixels[..., 0].size - levels_area


def test_a_picture_too_small_for_any_face_has_no_levels():
    canvas = pyramid_canvas(Octaves(picture(5, 90)), first_scale=0.6, factor=0.7, smallest=8, margin=MARGIN, fill=0)

    assert canvas.levels == ()
