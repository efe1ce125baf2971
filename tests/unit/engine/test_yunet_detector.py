"""How YuNet's proposals and O-Net's verdicts become faces. The networks of these tests see what they are told to."""

import threading
from dataclasses import replace

import numpy as np
import pytest

from rollcall.contracts.detector_names import YUNET_STRIDES
from rollcall.engine.detection.yunet_detector import SearchSettings, YunetDetector
from rollcall.engine.engine_settings import load_settings
from rollcall.engine.pyramid import Octaves

ALONE = SearchSettings(  # one copy, of the picture's own size
    small=14,
    large=24,
    small_score=0.15,
    large_score=0.4,
    sum=1.3,
    probability=0.75,
    copy_factor=3,
    largest_side=1000,
    smallest_face=(20, 20),
)
FRAME = replace(ALONE, large_score=0.6, sum=1.4, probability=1.0, smallest_face=(40, 40))
SHIPPED = load_settings().yunet
SETTINGS = replace(SHIPPED, photo=ALONE, frame=FRAME, copies=ALONE, frame_min_face=40, least_side=0.75)
FACE = 4 * 8  # pixels, what YuNet's stand-in makes of a bright spot


class BrightSpots:
    """YuNet's stand-in: a face of `side` pixels around each bright pixel, as sure as it is bright."""

    def __init__(self, side=FACE):
        self.side = side
        self.sizes = []

    def run(self, pictures):
        _, height, width, _ = pictures.shape
        self.sizes.append((height, width))
        outputs = [np.full((1, height // stride, width // stride, 6), -20, np.float32) for stride in YUNET_STRIDES]
        spots = pictures[0].max(axis=2).reshape(height // 8, 8, width // 8, 8).max(axis=(1, 3)) / 255
        certain = np.clip(spots, 1e-9, 1 - 1e-9)
        outputs[0][0, ..., :2] = np.log(certain / (1 - certain))[..., None]
        outputs[0][0, ..., 2:4], outputs[0][0, ..., 4:] = 0.5, np.log(self.side / 8)
        return outputs


class Onet:
    """A network that is as sure of every crop as it is told, and moves none."""

    def __init__(self, probability=0.99):
        self.probability = probability
        self.asked = 0

    def run(self, pictures):
        self.asked += len(pictures)
        certain = np.full((len(pictures), 1), self.probability, np.float32)
        return [certain, np.zeros((len(pictures), 4), np.float32), np.full((len(pictures), 10), 0.5, np.float32)]


def picture(*spots, size=(160, 320)):
    """`spots`: x, y, and how sure YuNet is of a face there."""
    pixels = np.zeros((*size, 3), np.uint8)
    for x, y, score in spots:
        pixels[y, x] = round(score * 255)
    return Octaves(pixels)


def detector(yunet=None, onet=None, **changed):
    settings = replace(SETTINGS, **changed)
    return YunetDetector(yunet or BrightSpots(), onet or Onet(), settings=settings)


def test_a_proposal_that_onet_confirms_is_a_face():
    found = detector().detect(picture((100, 60, 0.9)), min_face=20)

    middle = 96 + 4, 56 + 4  # of the cell
    half = FACE / 2
    assert found.corners == pytest.approx(
        np.array([[middle[0] - half, middle[1] - half, middle[0] + half, middle[1] + half]])
    )
    assert found.confidence == pytest.approx([0.99])
    assert found.landmarks == pytest.approx(np.full((1, 5, 2), middle, dtype=float))


def test_several_pictures_are_searched_at_the_same_time_each_by_one_session():
    meeting = threading.Barrier(2, timeout=20)  # breaks unless two pictures are searched at once

    class Busy(BrightSpots):
        def __init__(self):
            super().__init__()
            self.free = threading.Lock()

        def run(self, pictures):
            assert self.free.acquire(blocking=False), "one session, two pictures"
            try:
                meeting.wait()
                return super().run(pictures)
            finally:
                self.free.release()

    lone = BrightSpots()
    pair = [Busy(), Busy()]
    both = YunetDetector(lone, Onet(), settings=SETTINGS, side_by_side=pair)
    pictures = [picture((100 + 40 * number, 60, 0.9)) for number in range(6)]

    found = both.detect_each(pictures, min_face=20)

    assert [len(session.sizes) for session in pair] == [3, 3]
    assert lone.sizes == []
    for each, octaves in zip(found, pictures, strict=True):
        np.testing.assert_array_equal(each.corners, both.detect(octaves, min_face=20).corners)
    assert len(lone.sizes) == 6


def test_nobody_asks_onet_about_nothing():
    onet = Onet()

    found = detector(onet=onet).detect_each([picture(), picture(size=(3, 700))], min_face=20)

    assert [(len(each.corners), each.landmarks.shape) for each in found] == [(0, (0, 5, 2))] * 2
    assert onet.asked == 0


@pytest.mark.parametrize(
    ("score", "probability", "faces"),
    [(0.9, 0.45, 1), (0.6, 0.72, 1), (0.55, 0.72, 0), (0.45, 0.8, 1), (0.9, 0.3, 0), (0.35, 0.99, 0)],
)
def test_both_networks_decide_together(score, probability, faces):
    found = detector(onet=Onet(probability)).detect(picture((100, 60, score)), min_face=20)

    assert len(found.corners) == faces


@pytest.mark.parametrize(("side", "faces"), [(16, 1), (19, 1), (30, 0)])
def test_a_large_face_has_to_show_more_surely_than_a_small_one(side, faces):
    score = (ALONE.small_score + ALONE.large_score) / 2 + 0.01

    found = detector(BrightSpots(side)).detect(picture((100, 60, score)), min_face=20)

    assert len(found.corners) == faces


def test_faces_of_frames_have_to_show_more_surely_than_those_of_photos():
    doubtful, sure = picture((100, 60, 0.5)), picture((100, 60, 0.7))

    searched = detector(photo=replace(ALONE, smallest_face=(39, 39)))

    assert [len(each.corners) for each in searched.detect_each([doubtful, sure], min_face=39)] == [1, 1]
    assert [len(each.corners) for each in searched.detect_each([doubtful, sure], min_face=40)] == [0, 1]
    assert searched.thorough(39)
    assert not searched.thorough(40)


def test_boxes_well_below_the_size_asked_for_are_no_answer():
    assert len(detector(BrightSpots(14)).detect(picture((100, 60, 0.9)), min_face=20).corners) == 0
    assert len(detector(BrightSpots(16)).detect(picture((100, 60, 0.9)), min_face=20).corners) == 1


def test_pictures_together_have_the_faces_that_they_have_alone():
    pictures = [picture((100, 60, 0.9), (200, 100, 0.8)), picture(), picture((40, 40, 0.7), size=(64, 64))]

    together = detector().detect_each(pictures, min_face=20)

    for found, alone in zip(together, (detector().detect(each, min_face=20) for each in pictures), strict=True):
        assert (found.corners == alone.corners).all()
        assert (found.confidence == alone.confidence).all()


def test_a_picture_full_of_faces_is_cut_short_at_every_step():
    spots = [(x, y, 0.6 + (x + y) / 5000) for x in range(20, 980, 40) for y in range(20, 980, 40)]
    onet = Onet()

    found = detector(onet=onet, most_proposals=300, most_candidates=50, most_faces=7).detect(
        picture(*spots, size=(1000, 1000)), min_face=20
    )

    assert onet.asked == 3 * 50
    assert len(found.corners) == len(found.confidence) == len(found.landmarks) == 7


def test_a_small_picture_is_searched_in_one_pass_and_a_large_one_in_parts():
    small, large = BrightSpots(), BrightSpots()

    detector(small, photo=SHIPPED.photo).detect(picture(size=(250, 250)), min_face=20)
    detector(large, photo=SHIPPED.photo).detect(picture(size=(3000, 4000)), min_face=20)

    assert len(small.sizes) == 1
    assert len(large.sizes) > 4
    assert max(height * width for height, width in large.sizes) <= SETTINGS.tile**2


def test_a_face_is_told_where_it_is_in_the_picture_whichever_copy_showed_it():
    copies = replace(ALONE, largest_side=140, smallest_face=(10, 10), small_score=0.05, large_score=0.05)
    bright = np.zeros((480, 960, 3), np.uint8)
    bright[300:308, 700:708] = 240

    found = detector(photo=copies, contained_overlap=1).detect(Octaves(bright), min_face=20)

    middles = (found.corners[:, :2] + found.corners[:, 2:]) / 2
    sides = found.corners[:, 2] - found.corners[:, 0]
    assert sorted(sides) == pytest.approx([2 * FACE, 6 * FACE, 18 * FACE], rel=0.02)  # of three copies
    assert (np.abs(middles - (704, 304)) <= sides[:, None] / 8).all()  # within half a cell


def test_copies_of_a_photo_are_seen_in_one_pass_and_each_keeps_its_faces():
    yunet = BrightSpots()
    copies = [picture((100, 60, 0.9)), picture(size=(320, 160)), picture((40, 120, 0.8), (200, 40, 0.7))]

    found = detector(yunet).detect_copies(copies, min_face=20)

    assert len(yunet.sizes) == 1
    middles = [np.sort((each.corners[:, :2] + each.corners[:, 2:]) / 2, axis=0) for each in found]
    assert [len(each) for each in middles] == [1, 0, 2]
    assert np.abs(middles[0] - (100, 60)).max() <= 8
    assert np.abs(middles[2] - ((40, 40), (200, 120))).max() <= 8


def test_copies_that_do_not_fit_side_by_side_are_seen_one_after_the_other():
    yunet = BrightSpots()
    copies = [picture((100, 60, 0.9), size=(900, 1200)), picture((600, 700, 0.9), size=(900, 1200))]

    found = detector(yunet, copies=replace(ALONE, largest_side=2000)).detect_copies(copies, min_face=20)

    assert len(yunet.sizes) == len(copies)
    assert [len(each.corners) for each in found] == [1, 1]
