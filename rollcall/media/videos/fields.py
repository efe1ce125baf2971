"""Interlaced frames: two pictures in one, line by line, made into one whole picture by ffmpeg's `estdif`.

The filter looks at one frame alone, so only sampled frames cost time, and frames may be left out before. Frames that
are not marked as interlaced pass unchanged.
"""

from collections.abc import Mapping
from typing import Any

DEINTERLACER = {"mode": "frame", "deint": "interlaced"}
# what `estdif` takes without a conversion, of what interlaced video is stored in
_PIXEL_FORMATS = tuple(
    f"yuv{layout}p{depth}" for layout in (410, 411, 420, 422, 440, 444) for depth in ("", "10", "12")
)
_FEWEST_LINES = 3


def stored_size(stream: Mapping[str, Any]) -> tuple[int, int] | None:
    """Width and height that `estdif` needs, if the stream (of ffprobe's) may be interlaced."""
    if str(stream.get("pix_fmt")).removesuffix("le") not in _PIXEL_FORMATS or stream["height"] < _FEWEST_LINES:
        return None
    return stream["width"], stream["height"]
