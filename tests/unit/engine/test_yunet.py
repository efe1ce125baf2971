"""What YuNet's numbers mean."""

import numpy as np
import pytest

from rollcall.contracts.detector_names import YUNET_STRIDES
from rollcall.engine.detection.yunet import Proposals, decoded, proposals

WIDTH, HEIGHT = 96, 64
NOTHING = -20.0  # a logit


@pytest.fixture
def outputs():
    """Nothing anywhere."""
    shapes = [(1, HEIGHT // stride, WIDTH // stride, 6) for stride in YUNET_STRIDES]
    return [np.full(shape, NOTHING, np.float32) for shape in shapes]


def logit(share):
    return np.log(share / (1 - share))


def see(outputs, stride, *, row, column, kind=0.9, objectness=0.9, box=(0.0, 0.0, 0.0, 0.0)):
    outputs[YUNET_STRIDES.index(stride)][0, row, column] = [logit(kind), logit(objectness), *box]


@pytest.mark.parametrize("stride", YUNET_STRIDES)
def test_a_face_lies_where_its_cell_says_in_units_of_the_stride(outputs, stride):
    see(outputs, stride, row=1, column=2, box=(0.5, 0.25, np.log(2), np.log(3)))

    found = decoded(outputs, least=0.5)

    left, top = 2.5 - 1, 1.25 - 1.5
    assert found.corners == pytest.approx(np.array([[left, top, left + 2, top + 3]]) * stride)
    assert found.scores == pytest.approx([0.9])


def test_the_score_is_the_geometric_mean_of_both_numbers(outputs):
    see(outputs, 8, row=0, column=0, kind=0.4, objectness=0.9)

    assert decoded(outputs, least=0.5).scores == pytest.approx([0.6])
    assert len(decoded(outputs, least=0.61).scores) == 0


def test_faces_of_all_strides_are_found_together(outputs):
    for number, stride in enumerate(YUNET_STRIDES):
        see(outputs, stride, row=1, column=1, objectness=0.9 - 0.1 * number)

    assert len(decoded(outputs, least=0.5).scores) == len(YUNET_STRIDES)


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
