from dataclasses import replace

import numpy as np
import pytest

from rollcall.engine.detection.crop_network import regressed, squared
from rollcall.engine.detection.mtcnn import WINDOW, Mtcnn
from rollcall.engine.engine_settings import load_settings
from rollcall.engine.pyramid import Octaves, pyramid_canvas


class Blind:
    """P-Net where there is no face."""

    def run(self, pictures):
        count, height, width, _ = pictures.shape
        cells = (height - 10) // 2, (width - 10) // 2
        return [np.zeros((count, 1, *cells), np.float32), np.zeros((count, 4, *cells), np.float32)]


class Unasked:
    def run(self, pictures):
        raise AssertionError("there is nothing to ask about")


def test_pictures_without_candidates_have_no_faces_each():
    detector = Mtcnn(pnet=Blind(), rnet=Unasked(), onet=Unasked(), settings=load_settings().mtcnn)
    sizes = (100, 80), (5, 300), (64, 64)

    found = detector.detect_each([Octaves(np.zeros((*size, 3), np.uint8)) for size in sizes], min_face=20)

    assert [(len(each.corners), each.landmarks.shape) for each in found] == [(0, (0, 5, 2))] * len(sizes)


class Credulous:
    """R-Net or O-Net that takes every crop for a face as it is, and P-Net every window; no two as surely."""

    def __init__(self):
        self.asked = 0

    def run(self, pictures):
        count, height, width, _ = pictures.shape
        self.asked += count
        cells = ((height - 10) // 2, (width - 10) // 2) if height > 48 else ()
        probability = np.linspace(0.8, 0.9, count * int(np.prod(cells)), dtype=np.float32).reshape(count, 1, *cells)
        points = [] if cells else [np.zeros((count, 10), np.float32)]
        return [probability, np.zeros((count, 4, *cells), np.float32), *points]


def test_a_picture_full_of_faces_is_cut_short_at_every_step():
    rnet, onet = Credulous(), Credulous()
    limits = {"most_windows": 400, "most_candidates": 300, "most_refined": 50, "most_faces": 7}
    detector = Mtcnn(
        pnet=Credulous(),
        rnet=rnet,
        onet=onet,
        settings=replace(load_settings().mtcnn, **limits, contained_overlap=1),
    )

    found = detector.detect(Octaves(np.zeros((400, 400, 3), np.uint8)), min_face=20)

    assert rnet.asked == 300
    assert onet.asked == 3 * 50
    assert len(found.corners) == len(found.confidence) == len(found.landmarks) == 7


def test_every_level_has_its_own_best_window():
    settings = replace(load_settings().mtcnn, most_windows=1, refined_overlap=1)
    rnet = Credulous()
    picture = Octaves(np.zeros((400, 400, 3), np.uint8))
    levels = pyramid_canvas(
        picture,
        first_scale=WINDOW / (20 * settings.window_by_face),
        factor=settings.pyramid_factor,
        smallest=settings.smallest_level,
        margin=settings.margin,
        fill=settings.fill,
    ).levels

    Mtcnn(pnet=Credulous(), rnet=rnet, onet=Credulous(), settings=settings).detect(picture, min_face=20)

    assert rnet.asked == len(levels) > 5


def test_offsets_are_in_units_of_the_sides():
    moved = regressed(np.array([[10, 20, 30, 60]], dtype=np.float32), np.array([[0.1, -0.1, 0.5, 0]], dtype=np.float32))

    assert moved == pytest.approx(np.array([[12, 16, 40, 60]]))


def test_a_square_has_the_longer_side_and_the_same_center():
    assert squared(np.array([[10, 20, 30, 60]], dtype=np.float32)) == pytest.approx(np.array([[0, 20, 40, 60]]))


def test_no_boxes():
    nothing = np.empty((0, 4), dtype=np.float32)

    assert squared(regressed(nothing, nothing)).shape == (0, 4)
