import base64
import io
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

from rollcall.cli.show import fonts
from rollcall.cli.show.contact_sheet import MAX_CELLS, choose_times, draw_contact_sheet
from rollcall.cli.show.fonts import fit, is_legible, typeset
from rollcall.cli.show.sampled_frames import SampledFrame
from rollcall.cli.show.subjects import ENROLLED, STRANGER, subjects_of
from rollcall.people.gop_faces import FaceRecord, pack_embedding
from tests.unit.made_results import person, result, stranger

ANN, OTHER = (np.random.default_rng(seed).normal(size=128).astype(np.float32) for seed in (1, 2))
SIZE = (320, 180)
SKY = (30, 60, 200)


def face(time: float, box: tuple[float, float, float, float], embedding: np.ndarray) -> FaceRecord:
    packed = base64.b64encode(pack_embedding(embedding))
    return FaceRecord(frame=int(time * 2), time=time, box=box, weight=1.0, embedding=packed)


Frames = Callable[[float], SampledFrame]


def frames(*faces: FaceRecord, size: tuple[int, int] = SIZE, scale: float = 1.0) -> Frames:
    """A video of one color, sampled twice a second."""

    def at(time: float) -> SampledFrame:
        on_grid = round(time * 2) / 2
        jpeg = io.BytesIO()
        Image.new("RGB", size, SKY).save(jpeg, "JPEG")
        return SampledFrame(on_grid, jpeg.getvalue(), scale, [face for face in faces if face.time == on_grid])

    return at


def count(image: Image.Image, color: str) -> int:
    pixels = np.asarray(image)
    wanted = np.array([int(color[start : start + 2], 16) for start in (1, 3, 5)])
    return int((np.abs(pixels.astype(int) - wanted).max(axis=2) <= 2).sum())


def test_the_enrolled_are_drawn_green_and_strangers_gray() -> None:
    at = frames(face(2.0, (40, 40, 60, 60), ANN), face(4.0, (200, 40, 60, 60), OTHER))

    both = draw_contact_sheet(result([person("Ann", [(2, 3)])], [stranger(1, [(4, 5)])]), at)
    nobody = draw_contact_sheet(result(), frames())

    assert count(both, ENROLLED) > 2000
    assert count(both, STRANGER) > 2000
    assert count(nobody, ENROLLED) < 200 > count(nobody, STRANGER)  # the edges of letters have many colors


def test_a_face_is_boxed_where_it_is_in_the_source_however_the_frame_was_scaled() -> None:
    # the frame has half the source's size, so the box of 80 pixels covers 40 of its 320
    at = frames(face(0.0, (80.0, 120.0, 160.0, 160.0), ANN), scale=2.0)
    photo = result([person("Ann", [(0, 0)], box=(80, 120, 160, 160))], duration=0.0)

    sheet = np.asarray(draw_contact_sheet(photo, at))

    green = np.array([int(ENROLLED[start : start + 2], 16) for start in (1, 3, 5)])
    is_green = np.abs(sheet.astype(int) - green).max(axis=2) <= 2
    # the vertical edges of the box are the columns with the longest green runs
    columns = np.flatnonzero(is_green.sum(axis=0) > 0.8 * is_green.sum(axis=0).max())
    scale = 1600 / 320  # a single frame is drawn 900 pixels high
    left = 32 + (1680 - 1600) / 2  # the margin, and the room beside the only frame
    assert columns.min() - left == pytest.approx(40 * scale, abs=4)
    assert columns.max() - left == pytest.approx(120 * scale, abs=4)


def test_everybody_s_best_moment_is_among_the_times_and_the_rest_is_spread() -> None:
    subjects = subjects_of(
        result([person("Ann", [(2, 3)], best=2.5), person("Bo", [(8, 9)], best=8.0)], [stranger(1, [(14, 15)])])
    )

    times = choose_times(subjects, 20.0)

    assert {2.5, 8.0, 14.0} <= set(times)
    assert len(times) == MAX_CELLS
    assert times == sorted(times)
    assert max(later - earlier for earlier, later in zip(times, times[1:], strict=False)) < 4.0


def test_the_enrolled_come_before_strangers_when_there_is_not_room_for_all() -> None:
    strangers = [stranger(number, [(number, number + 3)]) for number in range(1, 20)]

    times = choose_times(subjects_of(result([person("Ann", [(0.5, 1.0)])], strangers)), 30.0)

    assert 0.5 in times
    assert len(times) == MAX_CELLS


def test_a_clip_shorter_than_its_cells_shows_each_frame_once() -> None:
    seen: list[float] = []
    at = frames()

    def watched(time: float) -> SampledFrame:
        frame = at(time)
        seen.append(frame.time)
        return frame

    short = draw_contact_sheet(result(duration=1.0), watched)
    long = draw_contact_sheet(result(duration=20.0), at)

    assert set(seen) == {0.0, 0.5, 1.0}
    assert short.height < long.height


@pytest.mark.parametrize("size", [(320, 180), (180, 320), (3000, 10), (10, 3000), (1, 1)])
def test_frames_of_every_shape_fit_the_sheet(size: tuple[int, int]) -> None:
    sheet = draw_contact_sheet(result([person("Ann", [(0, 20)])]), frames(face(0.0, (0, 0, 1, 1), ANN), size=size))

    assert sheet.width == 1744
    assert sheet.height < 6000


@pytest.mark.parametrize(
    "name", ["x" * 100, "\u674e\u96f7", "\U0001f9d1\u200d\U0001f680", "\u0639\u0644\u064a", "a\x1b[31mb"]
)
def test_every_name_can_be_drawn(name: str) -> None:
    draw_contact_sheet(result([person(name, [(0, 20)])], video=name), frames(face(0.0, (40, 40, 60, 60), ANN)))


def test_what_no_font_can_show_is_told_by_number() -> None:
    cuneiform = "\U00012000\U00012001"

    (subject,) = subjects_of(result([person(cuneiform, [(0, 1)])]))

    assert subject.label == "person 1"


def test_latin_names_stay_readable_with_pillow_s_own_font_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rollcall.cli.show.fonts._SYSTEM_FONTS", ())
    fonts._fonts.cache_clear()
    try:
        assert typeset("Zo\u00eb", 20)[1] in ("Zo\u00eb", "Zoe")
        assert is_legible("Zo\u00eb")
        assert not is_legible("\u674e\u96f7")
    finally:
        fonts._fonts.cache_clear()


def test_long_text_is_cut_to_its_room() -> None:
    font, text = typeset("a name that is far too long for its place", 20)

    cut = fit(text, font, 120)

    assert cut.endswith("...")
    assert font.getlength(cut) <= 120
    assert fit("short", font, 120) == "short"
