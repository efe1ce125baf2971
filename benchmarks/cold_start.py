"""How long a fresh process takes until each function could take its first event: imports, clients, model files.

For face_recognition, until it has found and embedded the first face of a photo.
"""

import statistics
import subprocess
import sys
import time
from pathlib import Path

from rollcall.pipeline.description import Function, describe
from rollcall.pipeline.settings import Settings

READY = {
    "video_split": "import rollcall.stages.split_handler as h; h.splitter()",
    "face_recognition": "import rollcall.stages.recognize_handler as h; recognizer = h.recognizer()",
    "lookup": "import rollcall.stages.lookup_handler as h; h.lookup()",
}
FIRST_FACE = "; import sys, cv2; assert recognizer.engine.analyze([cv2.imread(sys.argv[1])])[0]"


def cold_starts(model_dir: Path, photo: Path, *, runs: int) -> dict[str, dict[str, float]]:
    """Seconds by function, for processes started one after another, files in the page cache."""
    functions = describe(Settings()).functions
    return {function.component: _measure(function, model_dir, photo, runs) for function in functions}


def _measure(function: Function, model_dir: Path, photo: Path, runs: int) -> dict[str, float]:
    work = READY[function.component] + (FIRST_FACE if function.component == "face_recognition" else "")
    command = [sys.executable, "-c", work + "\nprint(flush=True)", str(photo)]
    environment = cold_environment(function, model_dir)
    seconds = [seconds_to_first_line(command, environment) for _ in range(runs + 1)]
    warmed = seconds[1:]  # the first run fills the page cache
    return {"median_s": round(statistics.median(warmed), 3), "fastest_s": round(min(warmed), 3)}


def cold_environment(function: Function, model_dir: Path) -> dict[str, str]:
    return function.environment | {
        "ROLLCALL_MODEL_DIR": str(model_dir),
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
    }


def seconds_to_first_line(command: list[str], environment: dict[str, str] | None = None) -> float:
    """Seconds from the start of a process to its first line; its end is not in it."""
    started = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        elapsed = time.perf_counter() - started
    if process.returncode or not line:
        raise subprocess.CalledProcessError(process.returncode, command)
    return elapsed
