"""How ffmpeg and ffprobe open an upload: what they may read, and how much of it before they decide."""

from pathlib import Path

from botocore.httpsession import get_cert_path

from functions.video_split.limits import Limits
from functions.video_split.source import Container, Source

IO_TIMEOUT = 30_000_000  # microseconds without a byte
RECONNECT_SECONDS = 8
PROBE_BYTES = 16_000_000
PROBE_MICROSECONDS = 10_000_000


def input_url(source: Source) -> str:
    return source.url if source.remote else f"file:{Path(source.url).absolute()}"


def input_options(source: Source, container: Container, limits: Limits) -> dict[str, str | int]:
    return {
        "f": container.demuxer,
        # nothing that the file names is ever opened: no playlist's parts, no track kept in another file
        "format_whitelist": container.demuxer,
        "protocol_whitelist": _protocols(source),
        "max_pixels": limits.max_photo_pixels if container.photo else limits.max_video_pixels,
        "probesize": PROBE_BYTES,
        "analyzeduration": PROBE_MICROSECONDS,
        "threads": limits.threads,
        **(_http_options(source) if source.remote else {}),
    }


def _protocols(source: Source) -> str:
    if not source.remote:
        return "file"
    return "https,tls,tcp" if source.url.startswith("https:") else "http,tcp"


def _http_options(source: Source) -> dict[str, str | int]:
    return {
        "rw_timeout": IO_TIMEOUT,
        # a decode can outlast one connection: the reader pauses while packs are stored
        "reconnect": 1,
        "reconnect_on_network_error": 1,
        "reconnect_delay_max": RECONNECT_SECONDS,
        **(_tls_options() if source.url.startswith("https:") else {}),
    }


def _tls_options() -> dict[str, str | int]:
    return {"tls_verify": 1, "ca_file": str(get_cert_path(True))}  # ffmpeg trusts any server by default
