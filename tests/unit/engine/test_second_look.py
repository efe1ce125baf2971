"""Which copy of a photo is believed. The detector of these tests sees a face where it was told to."""

import numpy as np
import pytest

from rollcall.engine.detection.detector import Detections
from rollcall.engine.detection.second_look import SecondLook
from rollcall.engine.engine_settings import load_settings
from rollcall.engine.pyramid import Octaves

SETTINGS = load_settings()
SIZE = (200, 300)  # height, width
COPIES = len(SETTINGS.second_look.tilts) + len(SETTINGS.second_look.turns) + 1


def seen(*confidences, side=60, left=20, top=30):
    count = len(confidences)
    near = np.array([[left + 70 * number, top] for number in range(count)], np.float32).reshape(count, 2)
    corners = np.hstack([near, near + side]).astype(np.float32)
    landmarks = np.repeat((near + side / 2)[:, None], 5, axis=1)
    return Detections(corners, np.array(confidences, np.float32), landmarks)


class Told:
    """Sees `small` in the copy of that number, tilts first, and `whole` in a picture that is searched alone."""

    def __init__(self, small=None, whole=None):
        self.small, self.whole = small or {}, whole or seen()
        self.copies = 0
        self.searched = []

    def detect_copies(self, pictures, *, min_face):
        first = self.copies
        self.copies += len(pictures)
        return [self.small.get(number, seen()) for number in range(first, self.copies)]

    def detect(self, picture, *, min_face):
        self.searched.append((picture[0].shape[:2], min_face))
        return self.whole


TILT, QUARTER, HALF, LEVEL = 0, len(SETTINGS.second_look.tilts), COPIES - 2, COPIES - 1


def view(told, first, *, min_face=20, size=SIZE):
    photo = Octaves(np.full((*size, 3), 100, np.uint8))
    return photo, SecondLook(told, SETTINGS.second_look, SETTINGS.levels).view(photo, first, min_face=min_face)


def test_a_photo_with_a_sure_face_is_not_looked_at_again():
    told, first = Told(), seen(0.8, 0.98)

    photo, found = view(told, first)

    assert (found.picture, found.found) == (photo, first)
    assert told.copies == 0


@pytest.mark.parametrize("small", [{}, {TILT: seen(0.96)}, {LEVEL: seen(0.89)}], ids=["nothing", "tilted", "leveled"])
def test_an_unsure_face_stays_where_no_copy_is_sure_of_another(small):
    told, first = Told(small), seen(0.8)

    photo, found = view(told, first)

    assert (found.picture, found.found) == (photo, first)
    assert told.copies == COPIES


def test_an_unsure_face_stays_where_it_is_the_surest():
    first = seen(0.96)

    _, found = view(Told({LEVEL: seen(0.95)}), first)

    assert found.found is first


def test_a_sure_face_of_a_turned_photo_replaces_an_unsure_one():
    told = Told({HALF: seen(0.99, left=10, top=20)}, whole=seen(0.99, 0.91, 0.8, left=10, top=20))

    photo, found = view(told, seen(0.96), min_face=25)

    assert told.searched == [(SIZE, 25)]
    assert found.picture is photo
    assert found.found.confidence == pytest.approx([0.99, 0.91])
    height, width = SIZE
    assert found.found.corners[0] == pytest.approx([width - 70, height - 80, width - 10, height - 20], abs=0.01)


def test_faces_of_a_large_photo_on_its_side_are_searched_for_at_full_size():
    told = Told({QUARTER: seen(0.99, 0.98, side=24)}, whole=seen(0.99, 0.98, left=10, top=20))

    photo, found = view(told, seen(), size=(2000, 3000))

    assert told.searched == [((3000, 2000), 20)]
    assert found.picture is photo
    # turned by 90 degrees, a photo's right edge is the copy's upper one
    assert found.found.corners[0] == pytest.approx([3000 - 80, 10, 3000 - 20, 70], abs=0.01)


def test_a_tilted_face_is_shown_as_the_copy_shows_it():
    told = Told({TILT: seen(0.99)})

    _, found = view(told, seen())

    assert told.searched == []
    assert found.found.confidence == pytest.approx([0.99])


@pytest.mark.parametrize(("side", "count"), [(12, 0), (24, 1)])
def test_a_lone_face_counts_if_it_fills_a_part_of_the_photo(side, count):
    told = Told({QUARTER: seen(0.99, side=side)}, whole=seen(0.99))

    _, found = view(told, seen())

    assert len(found.found.corners) == count


def test_small_faces_count_where_there_are_several():
    told = Told({QUARTER: seen(0.99, 0.98, side=12)}, whole=seen(0.99, 0.99))

    _, found = view(told, seen())

    assert len(found.found.corners) == 2


def test_faces_that_show_in_leveled_light_are_read_from_it():
    told = Told({LEVEL: seen(0.95)}, whole=seen(0.96, 0.85))

    photo, found = view(told, seen())

    assert found.picture is not photo
    assert found.picture[0].shape == photo[0].shape
    assert found.found.confidence == pytest.approx([0.96])


def test_what_was_found_at_first_stays_where_the_whole_photo_shows_less_than_its_copy():
    first = seen(0.9)

    _, found = view(Told({LEVEL: seen(0.99)}, whole=seen(0.8)), first)

    assert found.found is first
