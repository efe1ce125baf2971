import cv2
import numpy as np
import pytest

from rollcall.engine.engine_settings import load_settings
from rollcall.engine.quality import assess, noise, pose

COVERING = load_settings().covering

UPRIGHT = np.array([[47, 45], [101, 45], [74, 78], [51, 104], [98, 104]], dtype=np.float32)


@pytest.fixture(scope="module")
def settings():
    return load_settings().quality


@pytest.fixture
def chip():
    """Detail as in a face: a few large shapes with crisp edges."""
    gray = np.random.default_rng(0).integers(30, 220, (15, 15, 1), dtype=np.uint8)
    return cv2.resize(np.repeat(gray, 3, axis=2), (150, 150), interpolation=cv2.INTER_NEAREST)


def weight(chip, settings, *, size=200.0, confidence=1.0, landmarks=UPRIGHT):
    return assess(chip, landmarks, size=size, confidence=confidence, settings=settings, covering=COVERING).weight


def test_a_large_crisp_frontal_face_has_the_full_weight(chip, settings):
    assert weight(chip, settings) == pytest.approx(1)


def test_weight_falls_with_size(chip, settings):
    weights = [weight(chip, settings, size=size) for size in (12.0, 30.0, 50.0, 100.0)]

    assert weights == sorted(weights)
    assert weights[0] < 0.2 * weights[-1]


def test_weight_falls_with_blur(chip, settings):
    weights = [weight(cv2.GaussianBlur(chip, (0, 0), sigma), settings) for sigma in (8, 4, 2)] + [
        weight(chip, settings)
    ]

    assert weights == sorted(weights)
    assert weights[0] < 0.5 * weights[-1]


def noisy(chip, sigma):
    return np.clip(chip + np.random.default_rng(1).normal(0, sigma, chip.shape), 0, 255).astype(np.uint8)


@pytest.mark.parametrize("sigma", [5.0, 10.0, 15.0])
def test_noise_is_measured_in_gray_levels(sigma):
    smooth = cv2.GaussianBlur(np.random.default_rng(0).integers(0, 256, (150, 150, 3), dtype=np.uint8), (0, 0), 8)
    grain = np.random.default_rng(1).normal(0, sigma, (150, 150, 1))

    assert noise(np.asarray(smooth, dtype=np.uint8)) < 0.5
    assert noise(np.clip(smooth + grain, 0, 255).astype(np.uint8)) == pytest.approx(sigma, rel=0.05)


def test_noise_is_not_taken_for_sharpness(chip, settings):
    weights = [weight(noisy(chip, sigma), settings) for sigma in (10, 20, 60)]
    drowned = assess(noisy(chip, 60), UPRIGHT, size=200.0, confidence=1.0, settings=settings, covering=COVERING)

    assert weights[0] == pytest.approx(weight(chip, settings))
    assert weights == sorted(weights, reverse=True)
    assert drowned.sharpness == 0
    assert drowned.weight < 0.2


def test_weight_falls_with_the_detectors_doubt(chip, settings):
    assert weight(chip, settings, confidence=0.76) < 0.6 * weight(chip, settings)


@pytest.mark.parametrize("gray", [0, 128, 255])
def test_a_chip_without_contrast_has_no_exposure(settings, gray):
    flat = np.full((150, 150, 3), gray, dtype=np.uint8)

    quality = assess(flat, UPRIGHT, size=200.0, confidence=1.0, settings=settings, covering=COVERING)

    assert quality.exposure == 0
    assert quality.weight < 0.2


def test_an_upright_frontal_face_has_no_yaw_and_no_roll():
    yaw, roll = pose(UPRIGHT)

    assert abs(yaw) < 1.5
    assert abs(roll) < 1.5


@pytest.mark.parametrize("degrees", [-60, 30, 90])
def test_roll_is_the_turn_in_the_plane_and_does_not_touch_yaw(degrees):
    turned = (UPRIGHT[:, 0] + 1j * UPRIGHT[:, 1]) * np.exp(1j * np.radians(degrees))

    yaw, roll = pose(np.stack([turned.real, turned.imag], axis=1).astype(np.float32))

    assert roll == pytest.approx(pose(UPRIGHT)[1] + degrees, abs=1e-3)
    assert yaw == pytest.approx(pose(UPRIGHT)[0], abs=1e-3)


def test_a_nose_beside_the_middle_is_a_turned_head(chip, settings):
    profile = UPRIGHT.copy()
    profile[2, 0] += 40

    assert pose(profile)[0] > 30
    assert weight(chip, settings, landmarks=profile) < 0.7 * weight(chip, settings)


def test_landmarks_in_one_point_give_finite_numbers(chip, settings):
    quality = assess(
        chip,
        np.zeros((5, 2), np.float32),
        size=20.0,
        confidence=1.0,
        settings=settings,
        covering=COVERING,
    )

    assert np.isfinite([quality.yaw, quality.roll, quality.weight]).all()
