"""How long a fresh process takes until each function could take its first event: imports, clients, model files."""

import statistics
import subprocess
import sys
import time
from pathlib import Path

from infra.pipeline import Function, Settings, describe

READY = {
    "video_split": "import functions.video_split.handler as h; h.splitter()",
    "face_recognition": "import functions.face_recognition.handler as h; h.recognizer()",
    "lookup": "import functions.lookup.handler as h; h.lookup()",
}


def cold_starts(model_dir: Path, *, runs: int) -> dict[str, dict[str, float]]:
    """By function, in seconds, of processes started one after another, files in the page cache."""
    return {function.component: _measure(function, model_dir, runs) for function in describe(Settings()).functions}


def _measure(function: Function, model_dir: Path, runs: int) -> dict[str, float]:
    environment = function.environment | {
        "ROLLCALL_MODEL_DIR": str(model_dir),
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
    }
    seconds = []
    for _ in range(runs + 1):
        started = time.perf_counter()
        subprocess.run([sys.executable, "-c", READY[function.component]], check=True, env=environment)
        seconds.append(time.perf_counter() - started)
    warmed = seconds[1:]  # the first run fills the page cache
    return {"median_s": round(statistics.median(warmed), 3), "fastest_s": round(min(warmed), 3)}
