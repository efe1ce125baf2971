"""The whole pipeline on the local cloud: seconds of 1080p video done per second, and where the time goes."""

import json
import statistics
import subprocess
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from rollcall.cli.preparation import Enrollment, read_enrollment
from rollcall.cli.session import Session
from rollcall.contracts.events import Upload
from rollcall.contracts.object_keys import result_key
from rollcall.local.cloud import LocalCloud
from rollcall.media.videos.ffmpeg import find
from rollcall.people.calibration import load_calibration
from rollcall.people.gallery import Gallery, Templates
from rollcall.pipeline.description import describe
from rollcall.pipeline.settings import Settings

VIDEO_SECONDS = 60
POLL_SECONDS = 0.05
PATIENCE_SECONDS = 600
PEOPLE_IN_GALLERY = 1000
S3_METRICS = ("FetchTime", "StoreTime")  # docs/observability.md


def measure_pipeline(data: Path, model_dir: Path, *, workers: Sequence[int], runs: int) -> list[dict[str, Any]]:
    """A minute of 1080p, made of a real clip repeated, uploaded to a cloud with each number of warm workers in turn."""
    enrollment = read_enrollment([data / "gallery" / "embeddings.json"], data / "gallery" / "people.json", model_dir)
    with tempfile.TemporaryDirectory() as scratch:
        video = repeat(data / "videos" / "test_8.mp4", Path(scratch) / "minute.mp4")
        return [_measure(video, enrollment, model_dir, count, runs) for count in workers]


def repeat(clip: Path, target: Path) -> Path:
    looped = ["-stream_loop", "-1", "-i", str(clip), "-t", str(VIDEO_SECONDS)]
    subprocess.run([find().ffmpeg, "-v", "error", *looped, "-c", "copy", "-an", "-y", target], check=True)
    return target


def _measure(video: Path, enrollment: Enrollment, model_dir: Path, workers: int, runs: int) -> dict[str, Any]:
    environment = {"ROLLCALL_MODEL_DIR": str(model_dir)}
    pipeline, logs = describe(Settings()), video.parent / f"logs-{workers}"
    with LocalCloud(pipeline, extra_environment=environment, max_concurrency=workers, log_dir=logs) as cloud:
        session = Session(cloud, "rollcall")
        session.enroll(enrollment)
        rounds = [_run(session, video)]  # it starts the workers
        before = s3_seconds(logs)
        rounds += [_run(session, video) for _ in range(runs)]
        reports = cloud.reports()
    in_s3 = {service: (spent - before[service]) / runs for service, spent in s3_seconds(logs).items()}
    seconds = [elapsed for elapsed, _ in rounds[1:]]
    timings = [work(result["timings"], in_s3) for _, result in rounds[1:]]
    stages = {stage: round(statistics.median(times[stage] for times in timings), 2) for stage in timings[0]}
    everything = sum(stages.values())
    peaks: dict[str, float] = defaultdict(float)
    for report in reports:
        peaks[report.function] = max(peaks[report.function], report.max_memory_mb)
    elapsed = statistics.median(seconds)
    return {
        "workers_of_each_function": workers,
        "video_seconds": VIDEO_SECONDS,
        "cold_run_s": round(rounds[0][0], 2),
        "warm_run_s": round(elapsed, 2),
        "video_seconds_per_second": round(VIDEO_SECONDS / elapsed, 1),
        "work_s": stages,
        "share": {stage: round(spent / everything, 3) for stage, spent in stages.items()},
        "peak_memory_mb": {function: round(peak) for function, peak in sorted(peaks.items())},
    }


def s3_seconds(logs: Path) -> dict[str, float]:
    """Seconds by service that functions wait for S3 to give and take objects, from their own metrics."""
    spent: dict[str, float] = defaultdict(float)
    for line in (line for log in logs.glob("rollcall-*.log") for line in log.read_text().splitlines()):
        if line.startswith("{") and "_aws" in (entry := json.loads(line)):
            spent[entry["service"]] += sum(sum(entry.get(metric, [])) for metric in S3_METRICS) / 1e3
    return spent


def work(timings: dict[str, Any], in_s3: dict[str, float]) -> dict[str, float]:
    """Seconds of work by stage; `split` reads the video and makes the frames."""
    parts = timings["recognize_parts"]
    rest = timings["recognize"] - sum(parts.values())
    return {
        "split": timings["split"] - in_s3["video_split"],
        "S3": sum(in_s3.values()),
        **parts,
        "crops and records": rest,
        "lookup": timings["lookup"],
    }


def _run(session: Session, video: Path) -> tuple[float, dict[str, Any]]:
    started = time.perf_counter()
    answer = session.s3.put_object(Bucket=session.bucket("input"), Key="minute.mp4", Body=video.read_bytes())
    upload = Upload(bucket=session.bucket("input"), key="minute.mp4", version=answer["VersionId"])
    while (job := session.jobs.get(upload.job)) is None or job.status == "running":
        if time.perf_counter() - started > PATIENCE_SECONDS:
            raise SystemExit(f"no result within {PATIENCE_SECONDS} s")
        time.sleep(POLL_SECONDS)
    elapsed = time.perf_counter() - started
    body = session.s3.get_object(Bucket=session.bucket("output"), Key=result_key("minute.mp4"))["Body"].read()
    return elapsed, json.loads(body)


def measure_match(*, runs: int) -> dict[str, float]:
    """Milliseconds to name one probe among so many people."""
    random = np.random.default_rng(0)
    embeddings = random.normal(0, 0.12, (PEOPLE_IN_GALLERY, 128)).astype(np.float32)
    names = [f"person {number}" for number in range(PEOPLE_IN_GALLERY)]
    gallery = Gallery([Templates("dlib-resnet", names, embeddings)], load_calibration("dlib-resnet"))
    times = []
    for number in range(runs):
        started = time.perf_counter()
        gallery.match(embeddings[number % PEOPLE_IN_GALLERY], evidence=1.0)
        times.append(1e3 * (time.perf_counter() - started))
    return {"people": PEOPLE_IN_GALLERY, "match_ms": round(statistics.median(times), 4)}
