"""A picture of a video: the frames that best show who is in it, with boxes and names, and a timeline."""

import io
from collections.abc import Callable, Sequence

from PIL import Image, ImageDraw

from rollcall.cli.show.fonts import default_font, fit, typeset
from rollcall.cli.show.sampled_frames import SampledFrame
from rollcall.cli.show.subjects import STRANGER, Faces, Subject, subjects_of
from rollcall.cli.show.text import clock, seconds_seen
from rollcall.cli.show.timeline_strip import FAINT, INK, PANEL, draw_timeline
from rollcall.contracts.shown_text import printable
from rollcall.results.result import Person, Result

FrameAt = Callable[[float], SampledFrame]

MAX_CELLS = 12
FEW_CELLS = 6
WIDTH = 1680  # of the content
MAX_FRAME_HEIGHT = 900
MIN_CELL_WIDTH = 240
MAX_UPRIGHT = 1.8  # height for a width of 1: a phone held upright; taller frames get room at their sides
MARGIN, GAP, CAPTION_HEIGHT, HEADER_HEIGHT = 32, 16, 36, 84
LABEL_SIZE = 20
BACKGROUND = "#16181d"


def draw_contact_sheet(result: Result, frame_at: FrameAt) -> Image.Image:
    subjects = subjects_of(result)
    # in a short clip several of the times fall on one sampled frame
    frames = list({frame.time: frame for frame in map(frame_at, choose_times(subjects, result.duration))}.values())
    faces = Faces(subjects, frames)
    width = _cell_width(frames[0], len(frames))
    cells = [
        _draw_cell(frame, subjects, faces, width=width, time=clock(frame.time) if result.duration else "photo")
        for frame in frames
    ]
    parts = [_draw_header(result), _draw_grid(cells)]
    if subjects and result.duration:
        parts.append(draw_timeline(subjects, result.duration, WIDTH))
    return _stack(parts)


def choose_times(subjects: Sequence[Subject], duration: float) -> list[float]:
    """Times at which each person is seen best, longest seen first; the rest fill the emptiest parts of the video."""
    order = sorted(subjects, key=lambda s: (not isinstance(s.appearance, Person), -seconds_seen(s.appearance)))
    times = list(dict.fromkeys(subject.appearance.best.time for subject in order))[:MAX_CELLS]
    spacing = duration / (2 * MAX_CELLS)
    candidates = [(number + 0.5) * spacing for number in range(2 * MAX_CELLS)]
    while len(times) < MAX_CELLS:
        gaps = {time: min((abs(time - other) for other in times), default=duration + 1) for time in candidates}
        barest = max(candidates, key=lambda time: (gaps[time], -time))
        if times and gaps[barest] <= spacing:
            break
        times.append(barest)
    return sorted(times)


def _cell_width(frame: SampledFrame, cells: int) -> int:
    with Image.open(io.BytesIO(frame.jpeg)) as image:
        aspect = image.width / image.height
    if cells == 1:
        return round(max(MIN_CELL_WIDTH, min(WIDTH, MAX_FRAME_HEIGHT * aspect)))
    columns = 6 if aspect < 1 else 3 if cells <= FEW_CELLS else 4
    return (WIDTH - (columns - 1) * GAP) // columns


def _draw_cell(frame: SampledFrame, subjects: Sequence[Subject], faces: Faces, *, width: int, time: str) -> Image.Image:
    with Image.open(io.BytesIO(frame.jpeg)) as image:
        scale = min(width / image.width, MAX_UPRIGHT * width / image.height)
        size = max(1, round(image.width * scale)), max(1, round(image.height * scale))
        picture = image.convert("RGB").resize(size, Image.Resampling.LANCZOS)
    shown = Image.new("RGB", (width, picture.height), PANEL)
    left = (width - picture.width) // 2
    shown.paste(picture, (left, 0))
    draw = ImageDraw.Draw(shown)
    for face in frame.faces:
        x, y, w, h = (edge * scale / frame.scale for edge in face.box)
        _draw_face(draw, (left + x, y, left + x + w, y + h), faces.subject_of(face), size=shown.size)
    cell = Image.new("RGB", (width, picture.height + CAPTION_HEIGHT), PANEL)
    cell.paste(shown)
    _draw_caption(cell, time, [subject.label for subject in subjects if subject.seen_at(frame.time)])
    return cell


def _draw_face(
    draw: ImageDraw.ImageDraw,
    corners: tuple[float, float, float, float],
    subject: Subject | None,
    *,
    size: tuple[int, int],
) -> None:
    left, top, right, bottom = corners
    color = subject.color if subject else STRANGER
    draw.rectangle((left, top, max(right, left + 1), max(bottom, top + 1)), outline=color, width=3)
    if subject is None:
        return
    font, caption = typeset(subject.caption, LABEL_SIZE)
    caption = fit(caption, font, size[0] - 16)
    tag_width, tag_height = font.getlength(caption) + 14, LABEL_SIZE + 10
    tag_left = min(max(0.0, left), size[0] - tag_width)
    tag_top = top - tag_height if top >= tag_height else min(bottom, size[1] - tag_height)
    draw.rectangle((tag_left, tag_top, tag_left + tag_width, tag_top + tag_height), color)
    draw.text((tag_left + 7, tag_top + tag_height / 2), caption, "white", font, anchor="lm")


def _draw_caption(cell: Image.Image, time: str, labels: Sequence[str]) -> None:
    draw = ImageDraw.Draw(cell)
    middle = cell.height - CAPTION_HEIGHT / 2
    draw.text((12, middle), time, INK, default_font(18), anchor="lm")
    font, names = typeset(", ".join(labels) or "nobody", 16)
    draw.text((cell.width - 12, middle), fit(names, font, cell.width - 110), FAINT, font, anchor="rm")


def _draw_header(result: Result) -> Image.Image:
    header = Image.new("RGB", (WIDTH, HEADER_HEIGHT), BACKGROUND)
    draw = ImageDraw.Draw(header)
    font, title = typeset(printable(result.video), 32)
    draw.text((0, 8), fit(title, font, WIDTH), INK, font)
    kind = f"{clock(result.duration)} long, {result.frames} frames looked at" if result.duration else "photo"
    found = f"{len(result.people)} enrolled, {len(result.unknown)} unknown"
    note = "   (a number beside a name is its similarity, 0 to 100)" if result.people else ""
    draw.text((0, 50), f"{kind}   ·   {found}{note}", FAINT, default_font(18))
    return header


def _draw_grid(cells: Sequence[Image.Image]) -> Image.Image:
    step = cells[0].width + GAP
    columns = min(len(cells), (WIDTH + GAP) // step)
    row_height = max(cell.height for cell in cells) + GAP
    grid = Image.new("RGB", (WIDTH, row_height * -(-len(cells) // columns)), BACKGROUND)
    left = (WIDTH - columns * step + GAP) // 2
    for number, cell in enumerate(cells):
        row, column = divmod(number, columns)
        grid.paste(cell, (left + column * step, row * row_height))
    return grid


def _stack(parts: Sequence[Image.Image]) -> Image.Image:
    sheet = Image.new("RGB", (WIDTH + 2 * MARGIN, sum(part.height for part in parts) + 2 * MARGIN), BACKGROUND)
    top = MARGIN
    for part in parts:
        sheet.paste(part, (MARGIN, top))
        top += part.height
    return sheet
