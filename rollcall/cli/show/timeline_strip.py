"""A strip with a bar for everybody, over the length of the video."""

from collections.abc import Sequence

from PIL import Image, ImageDraw

from rollcall.cli.show.fonts import default_font, fit, typeset
from rollcall.cli.show.subjects import Subject
from rollcall.cli.show.text import clock

MAX_ROWS = 12
ROW_HEIGHT, AXIS_HEIGHT, LABEL_WIDTH = 36, 36, 260
BAR_INSET = 8
MIN_BAR = 3  # pixels, so that a short appearance in a long video stays visible
MAX_TICKS = 12
TICK_STEPS = (0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600)  # seconds

PANEL, LANE, INK, FAINT = "#1e2127", "#2a2e36", "#f2f4f7", "#9aa3b0"


def draw_timeline(subjects: Sequence[Subject], duration: float, width: int) -> Image.Image:
    shown = subjects[:MAX_ROWS]
    strip = Image.new("RGB", (width, ROW_HEIGHT * len(shown) + AXIS_HEIGHT), PANEL)
    draw = ImageDraw.Draw(strip)
    scale = (width - LABEL_WIDTH - ROW_HEIGHT) / duration
    for row, subject in enumerate(shown):
        top = row * ROW_HEIGHT
        font, label = typeset(subject.label, 18)
        label = fit(label, font, LABEL_WIDTH - 2 * BAR_INSET)
        draw.text((LABEL_WIDTH - 2 * BAR_INSET, top + ROW_HEIGHT / 2), label, INK, font, anchor="rm")
        bottom = top + ROW_HEIGHT - BAR_INSET
        draw.rectangle((LABEL_WIDTH, top + BAR_INSET, LABEL_WIDTH + duration * scale, bottom), LANE)
        for segment in subject.appearance.segments:
            left = LABEL_WIDTH + segment.start * scale
            right = max(left + MIN_BAR, LABEL_WIDTH + segment.end * scale)
            draw.rounded_rectangle((left, top + BAR_INSET, right, bottom), 4, subject.color)
    _draw_axis(draw, duration, scale, ROW_HEIGHT * len(shown), hidden=len(subjects) - len(shown))
    return strip


def _draw_axis(draw: ImageDraw.ImageDraw, duration: float, scale: float, top: int, *, hidden: int) -> None:
    step = next((step for step in TICK_STEPS if duration / step <= MAX_TICKS), TICK_STEPS[-1])
    for number in range(int(duration / step) + 1):
        x = LABEL_WIDTH + number * step * scale
        draw.line((x, top, x, top + BAR_INSET), FAINT)
        draw.text(
            (x, top + BAR_INSET + 2), clock(number * step).removesuffix(".0"), FAINT, default_font(15), anchor="mt"
        )
    if hidden:
        draw.text((BAR_INSET, top + BAR_INSET), f"and {hidden} more", FAINT, default_font(15))
