"""Given a face, when it is cut a little differently and embedded again, then the mean is what it says."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from rollcall.contracts.embedder_kinds import EMBEDDERS, Network
from rollcall.engine.chips import CUTTERS, DenoisingSettings, varied
from rollcall.engine.detection.detector import Detections
from rollcall.engine.detection.second_look import View
from rollcall.engine.embedder import Embedder
from rollcall.engine.face_embedder import FaceEmbedder
from rollcall.engine.pyramid import Octaves
from rollcall.engine.variations import VARIATIONS, Variation, VariationSettings

NETWORK = Network(
    file="none",
    dimension=4,
    chip="five-points",
    chip_side=112,
    unit=True,
    factor=2.0,
    gains_by_variations=True,
    sure_lengths=(10.0, 12.0),
)
POINTS = np.array([(38, 52), (74, 52), (56, 72), (42, 92), (71, 92)], dtype=np.float32)
SETTINGS = VariationSettings(confidence=(0.9, 0.94), least_share=0.1)
DENOISING = DenoisingSettings(noisy=1000.0, median=5, gray_levels=60.0, reach=3.0)


class Corners:
    """A network that sees the mean gray of each quarter of a chip, and counts what it is given."""

    def __init__(self, length: float) -> None:
        self.length = length
        self.seen = 0

    def run(self, pictures):
        self.seen += len(pictures)
        quarters = (
            pictures.astype(np.float32).reshape(len(pictures), 2, 56, 2, 56, 3).mean(axis=(2, 4, 5)).reshape(-1, 4)
        )
        return [quarters / np.linalg.norm(quarters, axis=1, keepdims=True) * np.float32(self.length)]


@pytest.fixture(scope="module")
def view() -> View:
    """Two faces in a picture that is of another color everywhere."""
    noise = np.random.default_rng(0).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    picture = np.asarray(cv2.resize(noise, (640, 480), interpolation=cv2.INTER_CUBIC), dtype=np.uint8)
    points = np.stack([POINTS * 2 + 100, POINTS * 2 + (300, 150)])
    corners = np.array([(150, 150, 250, 300), (350, 200, 450, 350)], np.float32)
    return View(Octaves(picture), Detections(corners, np.ones(2, np.float32), points))


def embedded(view: View, session: Corners, variations):
    embedder = Embedder(NETWORK, session, batch=8)
    chips = np.zeros((2, 150, 150, 3), np.uint8)
    return FaceEmbedder([embedder], denoising=DENOISING, variations=SETTINGS, side_by_side=False).embed(
        [view], [chips], variations=variations
    )


def by_hand(view: View):
    """The mean over the chips as they are and all variations, of length 2."""
    as_is = CUTTERS["five-points"](view.picture, view.found, np.empty(0, np.uint8), 112)
    cuts = [as_is, *(varied(view.picture, view.found, one, chip="five-points", side=112) for one in VARIATIONS)]
    mean = np.mean([Corners(1).run(cut)[0] for cut in cuts], axis=0)
    return 2 * mean / np.linalg.norm(mean, axis=1, keepdims=True)


def test_an_enrolled_face_is_the_mean_over_its_variations(view):
    session = Corners(20)

    found = embedded(view, session, "all")

    assert found == pytest.approx(by_hand(view), abs=1e-5)
    assert session.seen == 2 * (1 + len(VARIATIONS))


@pytest.mark.parametrize(("length", "share"), [(8, 1.0), (10, 1.0), (11, 0.5), (12, 0.0), (20, 0.0)])
def test_the_less_sure_a_network_is_the_more_the_mean_counts(view, length, share):
    once, mean, session = embedded(view, Corners(20), "none"), by_hand(view), Corners(length)

    found = embedded(view, session, "unsure")

    expected = (1 - share) * once + share * mean
    assert found == pytest.approx(2 * expected / np.linalg.norm(expected, axis=1, keepdims=True), abs=1e-5)
    assert session.seen == (2 if share == 0 else 2 * (1 + len(VARIATIONS)))


@pytest.mark.parametrize(("confidence", "share"), [(0.5, 1.0), (0.92, 0.5), (0.95, 0.0)])
def test_the_less_sure_the_detector_is_the_more_the_mean_counts(view, confidence, share):
    found = replace(view.found, confidence=np.array([1, confidence], np.float32))
    once = embedded(view, Corners(20), "none")

    asked = embedded(View(view.picture, found), Corners(20), "unsure")

    expected = (1 - share) * once[1] + share * by_hand(view)[1]
    assert asked[0] == pytest.approx(once[0], abs=1e-5)
    assert asked[1] == pytest.approx(2 * expected / np.linalg.norm(expected), abs=1e-5)


def test_small_faces_of_a_photo_are_embedded_once_however_unsure(view):
    found = replace(view.found, corners=np.array([(0, 0, 47, 60), (0, 0, 100, 150)], np.float32))
    session = Corners(1)

    embedded(View(view.picture, found), session, "unsure")

    assert session.seen == 2 + len(VARIATIONS)


def test_faces_of_a_video_are_embedded_once(view):
    session = Corners(1)

    embedded(view, session, "none")

    assert session.seen == 2


def test_only_the_unsure_face_of_a_picture_is_embedded_again(view):
    class OneUnsure(Corners):
        def run(self, pictures):
            (numbers,) = super().run(pictures)
            return [numbers * (np.array([[1.0], [0.5]], np.float32) if len(pictures) == 2 else 1)]  # noqa: PLR2004

    session = OneUnsure(20)

    found = embedded(view, session, "unsure")

    assert found[0] == pytest.approx(embedded(view, Corners(20), "none")[0])
    assert found[1] == pytest.approx(by_hand(view)[1], abs=1e-5)
    assert session.seen == 2 + len(VARIATIONS)


@pytest.mark.parametrize("chip", ["aligned", "five-points"])
def test_a_variation_turns_scales_and_mirrors_the_face(view, chip):
    plain, turned, larger, mirrored = (
        varied(view.picture, view.found, one, chip=chip, side=112)[0].astype(int)
        for one in (Variation(), Variation(turn=8), Variation(scale=1.2), Variation(mirrored=True))
    )
    middle = (56.0, 71.9) if chip == "five-points" else (55.5, 56.2)  # of the points in a chip of 112 pixels

    def moved(degrees, scale):
        matrix = cv2.getRotationMatrix2D(middle, -degrees, scale)
        return cv2.warpAffine(plain.astype(np.uint8), matrix, (112, 112)).astype(int)

    inner = np.s_[25:-25, 25:-25]
    assert np.abs(turned - moved(8, 1))[inner].mean() < 3
    assert np.abs(larger - moved(0, 1.2))[inner].mean() < 3
    assert np.abs(turned - plain)[inner].mean() > 6
    np.testing.assert_array_equal(mirrored, plain[:, ::-1])


def test_the_resnet_alone_stays_as_dlib_has_it():
    assert not any(network.gains_by_variations for network in EMBEDDERS["dlib-resnet"].networks)
    alone, of_two = EMBEDDERS["dlib-resnet"].networks[0], EMBEDDERS["fused"].networks[0]
    assert replace(of_two, factor=1.0, gains_by_variations=False) == alone
