"""What reading a video costs: probing it, and each sampled frame from open file to JPEG."""

import statistics
import time
from pathlib import Path
from typing import Any

from functions.video_split.decode import decode
from functions.video_split.limits import Limits
from functions.video_split.probe import probe

FRAMES_PER_SECOND = 2.0


def measure_decoding(videos: Path, *, runs: int) -> dict[str, Any]:
    """By clip: medians of several runs, in milliseconds."""
    return {clip.name: _measure(clip, runs) for clip in sorted(videos.glob("*.mp4"))}


def _measure(clip: Path, runs: int) -> dict[str, float]:
    probes, decodes = [], []
    frames = 0
    for _ in range(runs):
        started = time.perf_counter()
        media = probe(str(clip), limits=Limits())
        probed = time.perf_counter()
        frames = sum(
            len(gop.times) for gop in decode(str(clip), media, frames_per_second=FRAMES_PER_SECOND, limits=Limits())
        )
        probes.append(probed - started)
        decodes.append(time.perf_counter() - probed)
    return {
        "probe_ms": round(1e3 * statistics.median(probes), 1),
        "decode_ms": round(1e3 * statistics.median(decodes), 1),
        "decode_ms_a_sampled_frame": round(1e3 * statistics.median(decodes) / frames, 1),
    }
