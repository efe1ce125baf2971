"""Given a picture and the boxes of its faces, when chips are cut for an embedder, then they show what it expects."""

import cv2
import numpy as np
import pytest

from rollcall.contracts.embedder_kinds import EMBEDDERS
from rollcall.engine.chips import BOX_MARGIN, CUTTERS, DenoisingSettings, denoised
from rollcall.engine.detection.detector import Detections
from rollcall.engine.pyramid import Octaves

SIDE = 160
ALIGNED = np.zeros((1, 150, 150, 3), np.uint8)
DENOISING = DenoisingSettings(noisy=8.0, median=5, gray_levels=60.0, reach=3.0)


@pytest.fixture(scope="module")
def picture():
    """Smooth, and of another color everywhere."""
    noise = np.random.default_rng(0).integers(0, 256, (12, 16, 3), dtype=np.uint8)
    return cv2.resize(noise, (640, 480), interpolation=cv2.INTER_CUBIC)


def found(*boxes):
    corners = np.array(boxes, dtype=np.float32).reshape(-1, 4)
    return Detections(corners, np.ones(len(boxes), np.float32), np.zeros((len(boxes), 5, 2), np.float32))


def as_facenet_pytorch_crops(picture, box):
    """Whole pixels, Pillow's way: 14 of the 160 pixels around the box, cut at the border, then stretched."""
    margin = [14 * (box[axis + 2] - box[axis]) / (SIDE - 14) for axis in (0, 1)]
    left, top = (int(max(box[axis] - margin[axis] / 2, 0)) for axis in (0, 1))
    right = int(min(box[2] + margin[0] / 2, picture.shape[1]))
    bottom = int(min(box[3] + margin[1] / 2, picture.shape[0]))
    return cv2.resize(picture[top:bottom, left:right], (SIDE, SIDE), interpolation=cv2.INTER_LINEAR)


@pytest.mark.parametrize(
    "box",
    [
        pytest.param((200, 100, 346, 319), id="higher than wide"),
        pytest.param((100, 200, 320, 346), id="wider than high"),
        pytest.param((-30, -40, 116, 150), id="over the corner"),
        pytest.param((540, 300, 700, 500), id="over the other corner"),
    ],
)
def test_boxed_chips_are_those_of_facenet_pytorch(picture, box):
    chips = CUTTERS["boxed"](Octaves(picture), found(box), ALIGNED, SIDE)

    difference = np.abs(chips[0].astype(int) - as_facenet_pytorch_crops(picture, box))
    assert chips.shape == (1, SIDE, SIDE, 3)
    assert difference.mean() < 2  # gray levels: it cuts at whole pixels
    assert BOX_MARGIN * SIDE == 14


def test_the_margin_shows(picture):
    box = (200, 100, 346, 319)
    chips = CUTTERS["boxed"](Octaves(picture), found(box), ALIGNED, SIDE)
    tight = cv2.resize(picture[box[1] : box[3], box[0] : box[2]], (SIDE, SIDE), interpolation=cv2.INTER_LINEAR)

    assert np.abs(chips[0].astype(int) - tight).mean() > 3


def test_no_face_no_chip(picture):
    chips = CUTTERS["boxed"](Octaves(picture), found(), ALIGNED[:0], SIDE)

    assert chips.shape == (0, SIDE, SIDE, 3)


def test_aligned_chips_are_taken_as_they_are(picture):
    assert CUTTERS["aligned"](Octaves(picture), found((0, 0, 1, 1)), ALIGNED, 150) is ALIGNED


def test_sfaces_chip_shows_the_face_a_little_larger_and_lower_than_onets_points_say(picture):
    points = np.array(
        [(38.2946, 51.6963), (73.5318, 51.5014), (56.0252, 71.7366), (41.5493, 92.3655), (70.7299, 92.2041)]
    )
    moved = (points * 2 + (100, 60)).astype(np.float32)
    face = Detections(np.zeros((1, 4), np.float32), np.ones(1, np.float32), moved[None])

    (chip,) = CUTTERS["five-points"](Octaves(picture), face, ALIGNED, 112)

    middle, scale = points.mean(axis=0), 2 / 1.03
    shift = 2 * middle + (100, 60) - scale * (middle + (0, 1))
    whole = np.array([[scale, 0, shift[0]], [0, scale, shift[1]]])
    smooth = cv2.GaussianBlur(picture, (0, 0), 0.7)
    expected = cv2.warpAffine(smooth, whole, (112, 112), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
    assert np.abs(chip.astype(int) - expected).mean() < 3


def test_every_embedder_has_its_chip():
    assert {network.chip for kind in EMBEDDERS.values() for network in kind.networks} == set(CUTTERS)


def test_only_noisy_chips_are_smoothed(picture):
    clean = picture[:150, :150]
    noisy = clean.copy()
    noisy[np.random.default_rng(0).random((150, 150)) < 0.05] = 255
    chips = np.stack([clean, noisy])

    smoothed = denoised(chips, [7.9, 8.1], DENOISING)

    np.testing.assert_array_equal(smoothed[0], clean)
    np.testing.assert_array_equal(chips[1], noisy)
    apart = [np.abs(chip.astype(int) - clean).mean() for chip in (noisy, smoothed[1])]
    assert apart[1] < 0.2 * apart[0]


def test_chips_without_noise_are_not_copied(picture):
    chips = picture[None, :150, :150]

    assert denoised(chips, [1.0], DENOISING) is chips
