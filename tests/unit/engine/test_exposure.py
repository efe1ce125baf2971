import numpy as np
import pytest

from rollcall.engine.engine_settings import load_settings
from rollcall.engine.exposure import brightened, leveled

SETTINGS = load_settings()


def gradient(darkest, brightest):
    """[120, 160, 3]: from left to right, gray."""
    row = np.linspace(darkest, brightest, 160)
    return np.broadcast_to(row[None, :, None], (120, 160, 3)).astype(np.uint8)


def test_a_bright_picture_is_left_alone():
    picture = gradient(0, 255)

    exposed = brightened(picture, SETTINGS.exposure)

    assert exposed.picture is picture
    assert exposed.gain == 1


def test_a_dim_picture_is_brightened_by_its_gain():
    exposed = brightened(gradient(0, 50), SETTINGS.exposure)

    assert exposed.picture.max() == pytest.approx(SETTINGS.exposure.bright, abs=5)
    assert exposed.gain == pytest.approx(SETTINGS.exposure.bright / 50, rel=0.03)


def test_fog_is_lifted():
    foggy = gradient(150, 200)

    level = leveled(foggy, SETTINGS.levels)

    assert level.shape == foggy.shape
    assert level.dtype == np.uint8
    assert level.min() < 20
    assert level.max() > 235
    assert foggy.min() == 150


def test_colored_light_becomes_white():
    gray = gradient(20, 180)
    blue = (gray * np.array([1.4, 0.5, 0.2])).astype(np.uint8)

    level = leveled(blue, SETTINGS.levels)

    assert np.ptp(blue.astype(int), axis=2).mean() > 80
    assert np.ptp(level.astype(int), axis=2).mean() < 8


@pytest.mark.parametrize("shape", [(1, 1), (1, 300), (300, 1), (7, 5)])
def test_flat_pictures_of_any_shape_stay_flat(shape):
    level = leveled(np.full((*shape, 3), 90, np.uint8), SETTINGS.levels)

    assert level.shape == (*shape, 3)
    assert np.ptp(level) <= 1
