"""Numbers in messages about limits, with enough digits that they do not contradict the rule."""

from math import isfinite

_MOST_DIGITS = 12


def beside(value: float, limit: float, *, digits: int = 0) -> str:
    """`value` rounded to `digits` decimals, or to more if it would look like the limit or lie beyond it."""
    if value == limit or not (isfinite(value) and isfinite(limit)):
        return f"{value:.{digits}f}"
    for more in range(digits, _MOST_DIGITS):
        shown = round(value, more)
        if (shown < limit) == (value < limit) and shown != limit:
            return f"{shown:.{more}f}"
    return repr(value)


def megapixels(width: int, height: int, most: int) -> str:
    """For example `9000×6000, 54 megapixels; the limit is 52`; a megapixel is a million pixels."""
    pixels, limit = beside(width * height / 1e6, most / 1e6), f"{most / 1e6:.6f}".rstrip("0").rstrip(".")
    return f"{width}×{height}, {pixels} megapixels; the limit is {limit}"
