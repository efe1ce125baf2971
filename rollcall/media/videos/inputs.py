"""How ffmpeg and ffprobe open an upload: what they may read, and how much before they decide on a format."""

from rollcall.media.containers import Container
from rollcall.media.source import Input
from rollcall.media.videos.limits import Limits

PROBE_BYTES = 16_000_000
PROBE_MICROSECONDS = 10_000_000


def input_options(opened: Input, container: Container, limits: Limits) -> dict[str, str | int]:
    return {
        "f": container.demuxer,
        # nothing that the file names is ever opened: no playlist's parts, no track kept in another file
        "format_whitelist": container.demuxer,
        "protocol_whitelist": opened.protocols,
        "max_pixels": limits.max_video_pixels,
        "probesize": PROBE_BYTES,
        "analyzeduration": PROBE_MICROSECONDS,
        "threads": limits.threads,
    }
