"""What reading a video costs: probing it, and each sampled frame from open file to JPEG."""

import resource
import statistics
import time
from pathlib import Path
from typing import Any

from rollcall.contracts.events import Stretch
from rollcall.media.videos.decode import decode
from rollcall.media.videos.limits import Limits
from rollcall.media.videos.probe import probe

FRAMES_PER_SECOND = 2.0
EVERY_FRAME = Stretch(every_frame=True)


def measure_decoding(videos: Path, *, runs: int) -> dict[str, Any]:
    """Medians of several runs by clip, in milliseconds; the processor's time is ffmpeg's."""
    return {clip.name: _measure(clip, runs) for clip in sorted(videos.glob("*.mp4"))}


def _measure(clip: Path, runs: int) -> dict[str, float]:
    probes, decodes, processor, every = [], [], [], []
    frames = 0
    for _ in range(runs):
        started = time.perf_counter()
        probe(str(clip), limits=Limits())
        probes.append(time.perf_counter() - started)
        frames, seconds, busy = _decode(clip, Stretch())
        decodes.append(seconds)
        processor.append(busy)
        every.append(_decode(clip, EVERY_FRAME)[2])
    return {
        "probe_ms": round(1e3 * statistics.median(probes), 1),
        "decode_ms": round(1e3 * statistics.median(decodes), 1),
        "decode_ms_a_sampled_frame": round(1e3 * statistics.median(decodes) / frames, 1),
        "decode_cpu_ms": round(1e3 * statistics.median(processor), 1),
        "decode_cpu_ms_with_every_frame": round(1e3 * statistics.median(every), 1),
    }


def _decode(clip: Path, stretch: Stretch) -> tuple[int, float, float]:
    """Sampled frames, seconds on the clock, seconds of ffmpeg's processor."""
    media = probe(str(clip), limits=Limits())
    started, busy = time.perf_counter(), _children_seconds()
    gops = decode(str(clip), media, frames_per_second=FRAMES_PER_SECOND, limits=Limits(), stretch=stretch)
    frames = sum(len(gop.times) for gop in gops)
    return frames, time.perf_counter() - started, _children_seconds() - busy


def _children_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
