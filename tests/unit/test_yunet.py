"""What YuNet's numbers mean."""

import numpy as np
import pytest

from model.yunet import STRIDES, Proposals, decoded, proposals

WIDTH, HEIGHT = 96, 64
NUMBERS = (1, 1, 4, 10)  # of a cell in cls, obj, bbox and kps


@pytest.fixture
def outputs():
    """Nothing anywhere: cls of each stride, then obj, bbox and kps."""
    cells = [WIDTH // stride * (HEIGHT // stride) for stride in STRIDES]
    return [np.zeros((1, count, numbers), np.float32) for numbers in NUMBERS for count in cells]


def see(outputs, stride, *, row, column, kind=0.9, objectness=0.9, box=(0.0, 0.0, 0.0, 0.0)):
    step = STRIDES.index(stride)
    cell = row * (WIDTH // stride) + column
    outputs[step][0, cell], outputs[3 + step][0, cell] = kind, objectness
    outputs[6 + step][0, cell] = box


@pytest.mark.parametrize("stride", STRIDES)
def test_a_face_lies_where_its_cell_says_in_units_of_the_stride(outputs, stride):
    see(outputs, stride, row=1, column=2, box=(0.5, 0.25, np.log(2), np.log(3)))

    found = decoded(outputs, width=WIDTH, least=0.5)

    left, top = 2.5 - 1, 1.25 - 1.5
    assert found.corners == pytest.approx(np.array([[left, top, left + 2, top + 3]]) * stride)
    assert found.scores == pytest.approx([0.9])


def test_the_score_is_the_geometric_mean_of_both_numbers(outputs):
    see(outputs, 8, row=0, column=0, kind=0.4, objectness=0.9)

    assert decoded(outputs, width=WIDTH, least=0.5).scores == pytest.approx([0.6])
    assert len(decoded(outputs, width=WIDTH, least=0.61).scores) == 0


def test_numbers_a_little_out_of_range_count_as_its_ends(outputs):
    see(outputs, 8, row=0, column=0, kind=1.01, objectness=1.01)
    see(outputs, 8, row=0, column=1, kind=-0.01, objectness=0.9)

    assert sorted(decoded(outputs, width=WIDTH, least=0.0).scores)[-2:] == [0, 1]


def test_faces_of_all_strides_are_found_together(outputs):
    for number, stride in enumerate(STRIDES):
        see(outputs, stride, row=1, column=1, objectness=0.9 - 0.1 * number)

    assert len(decoded(outputs, width=WIDTH, least=0.5).scores) == len(STRIDES)


def test_a_session_is_given_one_picture(outputs):
    class Session:
        def run(self, pictures):
            self.given = pictures.shape
            return outputs

    session = Session()
    see(outputs, 32, row=1, column=2)

    found = proposals(session, np.zeros((HEIGHT, WIDTH, 3), np.uint8), least=0.5)

    assert session.given == (1, HEIGHT, WIDTH, 3)
    assert found.corners.shape == (1, 4)


def test_of_many_boxes_of_one_face_the_surest_stays_and_of_many_faces_the_surest_are_looked_at():
    corners = np.array([[0, 0, 10, 10], [1, 0, 11, 10], [50, 50, 60, 60], [70, 70, 80, 80]], np.float32)
    found = Proposals(corners, np.array([0.5, 0.8, 0.6, 0.3], np.float32))

    assert found.distinct(overlap=0.3, most=10).scores == pytest.approx([0.8, 0.6, 0.3])
    assert found.distinct(overlap=0.3, most=2).scores == pytest.approx([0.8, 0.6])
