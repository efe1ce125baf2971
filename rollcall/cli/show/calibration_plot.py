"""A picture of how far apart photos are, and of both error rates over the threshold."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from rollcall.cli.show.fonts import default_font
from rollcall.people.resemblance import Comparisons

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 900, 600, 90, 30, 40, 40
PANEL_HEIGHT = HEIGHT // 2
BINS = 60
LEAST_RATE = 1e-4  # what the logarithmic axis starts at
PAPER, INK, GRID = "#ffffff", "#1e2127", "#d5d9e0"
SAME, DIFFERENT, MARK = "#1f77b4", "#d62728", "#2ca02c"
FONT = 15

Places = NDArray[np.float64]


class _Panel:
    """One pair of axes; x is a distance, y is 0..1 from bottom to top."""

    def __init__(self, draw: ImageDraw.ImageDraw, number: int, span: tuple[float, float], title: str) -> None:
        self._draw, self._span = draw, span
        self._top = number * PANEL_HEIGHT + TOP
        self._bottom = (number + 1) * PANEL_HEIGHT - BOTTOM
        self._draw.text((LEFT, self._top - 8), title, INK, default_font(FONT), anchor="ls")
        for tick in np.arange(np.ceil(span[0] * 10) / 10, span[1], 0.1):
            x, _ = self.place(tick, 0)
            self._draw.line((x, self._top, x, self._bottom), GRID)
            self._draw.text((x, self._bottom + 6), f"{tick:.1f}", INK, default_font(FONT), anchor="mt")

    def place(self, distance: float, height: float) -> tuple[float, float]:
        low, high = self._span
        x = LEFT + (distance - low) / (high - low) * (WIDTH - LEFT - RIGHT)
        return float(x), float(self._bottom - height * (self._bottom - self._top))

    def line(self, distances: Places, heights: Places, color: str) -> None:
        points = [self.place(distance, height) for distance, height in zip(distances, heights, strict=True)]
        self._draw.line(points, color, width=2)

    def level(self, height: float, label: str) -> None:
        left, y = self.place(self._span[0], height)
        right, _ = self.place(self._span[1], height)
        self._draw.line((left, y, right, y), GRID)
        self._draw.text((left - 6, y), label, INK, default_font(FONT), anchor="rm")

    def mark(self, distance: float, label: str, *, row: int) -> None:
        x, y = self.place(distance, 1)
        self._draw.line((x, y, x, self._bottom), MARK, width=2)
        self._draw.text((x + 4, y + 6 + row * (FONT + 3)), label, MARK, default_font(FONT), anchor="lt")

    def note(self, label: str, color: str, *, row: int) -> None:
        x, y = self.place(self._span[1], 1)
        self._draw.text((x - 4, y + 6 + row * (FONT + 3)), label, color, default_font(FONT), anchor="rt")


def draw_rates(compared: Comparisons, *, shipped: float, chosen: float | None) -> Image.Image:
    picture = Image.new("RGB", (WIDTH, HEIGHT), PAPER)
    draw = ImageDraw.Draw(picture)
    everything = np.concatenate([compared.same, compared.different, np.array([shipped])])
    span = float(everything.min()) - 0.05, float(everything.max()) + 0.05
    marks = [(shipped, f"shipped {shipped:g}")] + ([(chosen, f"chosen {chosen:g}")] if chosen else [])
    _shares(_Panel(draw, 0, span, "distances: share of the comparisons"), compared, span)
    _errors(rates := _Panel(draw, 1, span, "error rates over the threshold"), compared, span)
    for row, (distance, label) in enumerate(marks):
        rates.mark(distance, label, row=row)
    return picture


def _shares(panel: _Panel, compared: Comparisons, span: tuple[float, float]) -> None:
    edges = np.linspace(*span, BINS + 1)
    sides = ((compared.same, SAME, "the same person"), (compared.different, DIFFERENT, "different people"))
    counted = [np.histogram(distances, edges)[0] / max(1, len(distances)) for distances, _, _ in sides]
    most = max(float(shares.max()) for shares in counted)
    for row, (shares, (_, color, label)) in enumerate(zip(counted, sides, strict=True)):
        panel.line(np.repeat(edges, 2)[1:-1], np.repeat(shares / most, 2), color)
        panel.note(label, color, row=row)
    panel.level(0, "0 %")
    panel.level(1, f"{most:.0%}")


def _errors(panel: _Panel, compared: Comparisons, span: tuple[float, float]) -> None:
    places = np.linspace(*span, 400)
    same, different = np.sort(compared.same), np.sort(compared.different)
    matches = np.searchsorted(different, places, side="right") / len(different)
    non_matches = 1 - np.searchsorted(same, places, side="right") / max(1, len(same))
    decades = round(-np.log10(LEAST_RATE))
    for decade in range(decades + 1):
        panel.level(1 - decade / decades, f"{10.0**-decade:.2%}".replace(".00", ""))
    on_axis: Callable[[Places], Places] = lambda rates: 1 + np.log10(np.maximum(rates, LEAST_RATE)) / decades  # noqa: E731
    panel.line(places, on_axis(matches), DIFFERENT)
    panel.note("false match", DIFFERENT, row=1)
    if len(same):
        panel.line(places, on_axis(non_matches), SAME)
        panel.note("false non-match", SAME, row=0)
