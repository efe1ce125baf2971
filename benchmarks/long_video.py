"""A long and a large video through the real splitter, under the function's own memory and scratch limits.

The long one is a minute of 1080p, repeated without coding anew. It goes through the local cloud, whose host ends a
function that goes over its limits. The large one is the clip itself, repeated. The same code streams it from this disk
instead of from S3, because moto would hold copies of 10 GB.

python -m benchmarks.long_video ../shared/data/videos/test_1.mp4 [--minutes 120] [--large-gb 10]
"""

import argparse
import dataclasses
import json
import subprocess
import tempfile
import threading
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

from benchmarks.machine import describe_machine
from rollcall.cli.session import Session
from rollcall.contracts.events import Upload
from rollcall.local.cloud import LocalCloud
from rollcall.media.range_server import RangeServer
from rollcall.media.s3_object import CHUNK_BYTES
from rollcall.media.source import Input, LocalFile
from rollcall.media.videos.decode import decode
from rollcall.media.videos.division import Division
from rollcall.media.videos.ffmpeg import find
from rollcall.media.videos.limits import Limits
from rollcall.media.videos.probe import probe
from rollcall.media.videos.stretches import divide
from rollcall.pipeline.description import describe
from rollcall.pipeline.settings import Settings

CLIP_SECONDS = 60
POLL_SECONDS = 0.5
SAMPLE_SECONDS = 0.1
GIGABYTE = 1e9
BIT_RATE = 400_000
FRAME_RATE = 30


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.long_video")
    parser.add_argument("clip", type=Path, help="a video with faces: a minute is made of it")
    parser.add_argument("--minutes", type=int, default=120, help="of the long video; 0: leave it out")
    parser.add_argument("--large-gb", type=float, default=10.0, help="size of the large one; 0: leave it out")
    parser.add_argument("--large-gops", type=int, default=3, help="read of each of its ranges; 0: all")
    options = parser.parse_args()
    report: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        if options.minutes:
            minute = _minute(options.clip, scratch / "minute.mp4")
            report["long"] = measure_long(_repeated(minute, scratch / "long.mp4", times=options.minutes), scratch)
            _show(report["long"])
            (scratch / "long.mp4").unlink()
        if options.large_gb:
            times = max(1, int(options.large_gb * GIGABYTE / options.clip.stat().st_size))
            large = _repeated(options.clip, scratch / "large.mp4", times=times)
            report["large"] = measure_large(large, gops_of_each=options.large_gops)
            _show(report["large"])
    report["machine"] = describe_machine()
    print(json.dumps(report, indent=2))


def _show(part: dict[str, Any]) -> None:
    """At once: the next part takes long."""
    print(json.dumps(part), flush=True)


def _minute(clip: Path, target: Path) -> Path:
    source = ["-stream_loop", "-1", "-i", str(clip), "-t", str(CLIP_SECONDS), "-an", "-r", str(FRAME_RATE)]
    picture = ["-vf", "scale=1920:1080,setsar=1", "-pix_fmt", "yuv420p", "-c:v", "libx264", "-preset", "ultrafast"]
    rate = ["-b:v", str(BIT_RATE)]
    _run(*source, *picture, *rate, "-g", "120", str(target))
    return target


def _repeated(minute: Path, target: Path, *, times: int) -> Path:
    _run("-stream_loop", str(times - 1), "-i", str(minute), "-map", "0:v", "-c", "copy", str(target))
    return target


def _run(*arguments: str) -> None:
    subprocess.run([find().ffmpeg, "-y", "-v", "error", *arguments], check=True)


def measure_long(video: Path, scratch: Path) -> dict[str, Any]:
    pipeline = describe(Settings())
    (function,) = (one for one in pipeline.functions if one.component == "video_split")
    with LocalCloud(dataclasses.replace(pipeline, functions=(function,)), log_dir=scratch / "logs") as cloud:
        session = Session(cloud, pipeline.prefix)
        session.s3.upload_file(str(video), session.bucket("input"), "long.mp4")
        version = session.s3.head_object(Bucket=session.bucket("input"), Key="long.mp4")["VersionId"]
        upload = Upload(bucket=session.bucket("input"), key="long.mp4", version=version)
        started = time.perf_counter()
        while (job := session.jobs.get(upload.job)) is None or (job.media is None and job.error is None):
            time.sleep(POLL_SECONDS)
        elapsed = time.perf_counter() - started
        time.sleep(POLL_SECONDS)  # the last report comes after the last word on the job
        reports = cloud.reports()
    if job.media is None:
        raise SystemExit(f"the job failed: {job.error}")
    return {
        "file_mb": round(video.stat().st_size / 1e6),
        "video_s": round(job.media.duration, 1),
        "split_s": round(elapsed, 1),
        "work_s": round(job.media.seconds_spent, 1),
        "ranges": len(job.ranges),
        "gops": job.media.gops,
        "frames": job.media.frames,
        "peak_memory_mb": round(max(report.max_memory_mb for report in reports)),
        "peak_memory_mb_of_each_invocation": [round(report.max_memory_mb) for report in reports],
        "memory_limit_mb": function.memory_mb,
        "errors": [report.error for report in reports if report.error],
    }


def measure_large(video: Path, *, gops_of_each: int) -> dict[str, Any]:
    limits = Limits()
    if video.stat().st_size > limits.max_bytes:
        raise SystemExit(f"{video.stat().st_size} bytes are over the limit of {limits.max_bytes}")
    division = Division(frames_per_second=2.0, range_seconds=Settings().range_seconds, limits=limits)
    source = StreamedFile(video)
    with Memory() as memory:
        started = time.perf_counter()
        media = probe(source, limits=limits)
        stretches = divide(source, media, division)
        divided = time.perf_counter() - started
        seconds = []
        for stretch in stretches:
            begun = time.perf_counter()
            gops = decode(source, media, frames_per_second=2.0, limits=limits, stretch=stretch)
            for number, _ in enumerate(gops, start=1):
                if number == gops_of_each:
                    break
            gops.close()
            seconds.append(round(time.perf_counter() - begun, 2))
    return {
        "file_gb": round(video.stat().st_size / GIGABYTE, 2),
        "video_s": round(media.duration, 1),
        "ranges": len(stretches),
        "probe_and_divide_s": round(divided, 2),
        "gops_read_of_each": gops_of_each or "all",
        "seconds_of_each_range": seconds,
        "peak_memory_mb": round(memory.peak),
    }


class Memory:
    """Peak resident megabytes of this process and its children."""

    def __init__(self) -> None:
        self.peak = 0.0
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> "Memory":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        self._thread.join()

    def _watch(self) -> None:
        own = psutil.Process()
        while not self._closing.wait(SAMPLE_SECONDS):
            total = 0
            for process in (own, *own.children(recursive=True)):
                try:
                    total += process.memory_info().rss
                except psutil.NoSuchProcess:
                    continue
            self.peak = max(self.peak, total / 1e6)


class StreamedFile(LocalFile):
    """A file that ffmpeg reads as it does an object in S3."""

    @contextmanager
    def opened(self) -> Iterator[Input]:
        with RangeServer(self) as server:
            yield server

    def stream(self, start: int, end: int) -> Generator[bytes, None, None]:
        for offset in range(start, end, CHUNK_BYTES):
            yield self.read(offset, min(CHUNK_BYTES, end - offset))


if __name__ == "__main__":
    main()
