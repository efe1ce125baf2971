"""What photos are made bad by, in the accuracy benchmark."""

import numpy as np
import pytest

from benchmarks.accuracy.conditions import CONDITIONS, RUINED, Degrade, cut_out
from rollcall.engine.face import Box, Image

BOX: Box = (60.0, 70.0, 80.0, 100.0)
MADE_BAD = {name: degrade for name, degrade in (CONDITIONS | RUINED).items() if name != "as it is"}


@pytest.fixture
def photo() -> Image:
    return np.random.default_rng(1).integers(0, 256, (240, 200, 3), dtype=np.uint8)


@pytest.mark.parametrize("degrade", MADE_BAD.values(), ids=MADE_BAD)
def test_a_condition_makes_the_same_other_picture_every_time(photo: Image, degrade: Degrade) -> None:
    part, box = cut_out(photo, BOX)
    before = part.copy()

    made = degrade(part, box)

    assert (made.dtype.name, made.ndim, made.shape[2]) == ("uint8", 3, 3)
    assert made.shape != part.shape or (made != part).any()
    np.testing.assert_array_equal(degrade(part, box), made)
    np.testing.assert_array_equal(part, before)
