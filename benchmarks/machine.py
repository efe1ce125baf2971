"""What a measurement was taken on: figures without it mean nothing."""

import importlib.metadata
import os
import platform
from pathlib import Path

import psutil

from rollcall.media.videos.ffmpeg import describe as describe_ffmpeg

LIBRARIES = ("numpy", "opencv-python-headless", "openvino", "boto3", "moto")


def describe_machine() -> dict[str, str | int | float]:
    return {
        "processor": _processor(),
        "cores": os.cpu_count() or 0,
        "memory_gb": round(psutil.virtual_memory().total / 1e9, 1),
        "load_at_start": round(os.getloadavg()[0], 2),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "ffmpeg": describe_ffmpeg().split(" (")[0],
        **{name: importlib.metadata.version(name) for name in LIBRARIES},
    }


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    models = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.processor()
