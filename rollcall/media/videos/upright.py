"""Turns a decoded frame upright: display matrices as ffmpeg filters."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Turn:
    filters: tuple[tuple[str, ...], ...] = ()  # each a name and its arguments

    @property
    def sideways(self) -> bool:
        return any(name == "transpose" for name, *_ in self.filters)

    def size(self, width: int, height: int) -> tuple[int, int]:
        """The size of the upright frame from that of the decoded one; and the other way round."""
        return (height, width) if self.sideways else (width, height)


_NONE = Turn()
_MIRROR = Turn((("hflip",),))
_HALF = Turn((("hflip",), ("vflip",)))
_FLIP = Turn((("vflip",),))
_TRANSPOSE = Turn((("transpose", "cclock_flip"),))
_CLOCKWISE = Turn((("transpose", "clock"),))
_TRANSVERSE = Turn((("transpose", "clock_flip"),))
_COUNTERCLOCKWISE = Turn((("transpose", "cclock"),))

# A display matrix maps stored (x, y) to (a·x + c·y, b·x + d·y); by the signs of a, b, c, d
_BY_SIGNS = {
    (1, 0, 0, 1): _NONE,
    (-1, 0, 0, 1): _MIRROR,
    (-1, 0, 0, -1): _HALF,
    (1, 0, 0, -1): _FLIP,
    (0, 1, 1, 0): _TRANSPOSE,
    (0, 1, -1, 0): _CLOCKWISE,
    (0, -1, -1, 0): _TRANSVERSE,
    (0, -1, 1, 0): _COUNTERCLOCKWISE,
}


def matrix_turn(matrix: tuple[int, int, int, int]) -> Turn:
    """The turn that a, b, c, d of a display matrix make; other angles are rounded to a quarter turn."""
    a, b, c, d = matrix
    upright = abs(a) + abs(d) >= abs(b) + abs(c)
    signs = (_sign(a), 0, 0, _sign(d)) if upright else (0, _sign(b), _sign(c), 0)
    return _BY_SIGNS.get(signs, _NONE)


def _sign(value: int) -> int:
    return (value > 0) - (value < 0)
