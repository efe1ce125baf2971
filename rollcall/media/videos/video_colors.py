"""Converts a video's colors to a JPEG's: BT.601 over the full range, as JFIF defines them. HD video is mostly
BT.709.
"""

from collections.abc import Mapping
from typing import Any

# The scaler does it for any video. ffmpeg's `colorspace` does it in a tenth of the time, for these.
SCALER = {"out_color_matrix": "bt601", "out_range": "pc"}
_PIXEL_FORMATS = tuple(f"yuv{layout}p{depth}" for layout in (420, 422, 444) for depth in ("", "10le", "12le"))
# from ffprobe's names to the filter's; what is not named is what the scaler takes it for
_MATRICES = {"bt709": "bt709", "smpte170m": "smpte170m", "bt470bg": "bt470bg", "bt2020nc": "bt2020ncl", None: "bt470bg"}
_UNKNOWN = (None, "unknown")


def limited_matrix(stream: Mapping[str, Any]) -> str | None:
    """The name that `colorspace` has for the matrix of this stream (of ffprobe's); None if it does not take the
    stream.
    """
    limited = stream.get("color_range") in (*_UNKNOWN, "tv")
    if not limited or stream.get("pix_fmt") not in _PIXEL_FORMATS:
        return None
    space = stream.get("color_space")
    return _MATRICES.get(None if space in _UNKNOWN else space)


def colorspace(matrix: str) -> dict[str, str]:
    """The filter's options. Frames of another kind get wrong colors, nothing worse."""
    as_it_is = {"iprimaries": "bt709", "primaries": "bt709", "itrc": "bt709", "trc": "bt709"}  # the same: no conversion
    return {"ispace": matrix, "irange": "tv", "space": "smpte170m", "range": "pc", "format": "yuv420p", **as_it_is}


def takes_size(width: int, height: int) -> bool:
    return width % 2 == 0 and height % 2 == 0
