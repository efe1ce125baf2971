"""How a build tells its caller what it is doing: one line of text per step."""

from collections.abc import Callable

Progress = Callable[[str], None]
