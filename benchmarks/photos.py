"""Photos through the local pipeline: how many a minute, and where the time of one goes.

python -m benchmarks.photos bucket [--count 1000] [--photos DIR] [--against DIR] [--times 1]
python -m benchmarks.photos run [--count 1000] [--photos DIR] [--against DIR] [--times 1]

`bucket` uploads them to `rollcall up`, `run` gives their folder to `rollcall run`. `--against` is a checkout of another
version, whose `.venv` takes the same photos in the same run, in turn. Prints JSON.
"""

import argparse
import json
import signal
import statistics
import subprocess
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

from benchmarks.store import CLIENTS, Up, pictures

LOOK_SECONDS = 0.25
WARM = 8  # photos before the clock starts: workers have started then
ROLES = {  # by a part of the command
    "local.store": "store",
    "moto_server": "store",
    "split_handler": "video_split",
    "recognize_handler": "face_recognition",
    "lookup_handler": "lookup",
    "photo_process": "decoder",
    "rollcall.api": "api",
    "ffmpeg": "ffmpeg",
    "ffprobe": "ffmpeg",
}
OTHER = "other"

Measure = Callable[[Path, argparse.Namespace, Path], dict[str, Any]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=MEASURES)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--against", type=Path)
    parser.add_argument("--times", type=int, default=1)
    parser.add_argument("--photos", type=Path, help="a folder of photos, in place of four of one person")
    options = parser.parse_args()
    checkouts = {"this version": Path.cwd()}
    if options.against:
        checkouts["the other version"] = options.against.resolve()
    told: dict[str, list[dict[str, Any]]] = {name: [] for name in checkouts}
    for _ in range(options.times):
        for name, checkout in checkouts.items():
            with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
                told[name].append(MEASURES[options.what](checkout, options, Path(folder)))
    medians = {name: statistics.median(run["photos_a_minute"] for run in runs) for name, runs in told.items()}
    print(json.dumps({"median_photos_a_minute": medians, "runs": told}, indent=2))


def through_the_bucket(checkout: Path, options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    photos, gallery = pictures(folder, options.photos)
    kept = ["--data", str(folder / "data")] if (checkout / "rollcall/local/store").exists() else []
    with Up(checkout, gallery, [*kept, "--log-dir", str(folder / "logs")]) as up, Spent(up.processes[0]) as spent:
        s3 = up.client("s3")

        def upload(number: int) -> None:
            key = f"photo-{number}.jpg"
            s3.put_object(Bucket="rollcall-input", Key=key, Body=photos[number % len(photos)])

        _upload_all(upload, range(-WARM, 0))
        up.wait_for(lambda: up.answered >= WARM)
        before, requests = spent.now(), _requests(up, folder)
        started = time.monotonic()
        _upload_all(upload, range(options.count))
        up.wait_for(lambda: up.answered >= options.count + WARM)
        seconds = time.monotonic() - started
        after, answered = spent.now(), _requests(up, folder)
        return _rate(options.count, seconds) | {
            "processor_ms_a_photo": _a_photo(after - before, options.count, 1000),
            "requests_a_photo": _a_photo(answered["requests"] - requests["requests"], options.count),
            "bytes_a_photo": _a_photo(answered["bytes"] - requests["bytes"], options.count),
            "peak_mb": spent.peaks,
        }


def by_the_command(checkout: Path, options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    photos, gallery = pictures(folder, options.photos)
    media = folder / "photos"
    media.mkdir()
    for number in range(options.count):
        (media / f"photo-{number}.jpg").write_bytes(photos[number % len(photos)])
    command = [str(checkout / ".venv/bin/python"), "-m", "rollcall", "run", str(media)]
    started = time.monotonic()
    with subprocess.Popen(
        [*command, "--gallery", str(gallery), "--out", str(folder / "out")],
        cwd=checkout,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        with Spent(psutil.Process(process.pid)) as spent:
            code = process.wait()
        seconds = time.monotonic() - started
    answered = sum(json.loads(file.read_text())["status"] == "done" for file in (folder / "out").rglob("photo-*.json"))
    return _rate(options.count, seconds) | {
        "exit_code": code,
        "done": answered,
        "processor_ms_a_photo": _a_photo(spent.now(), options.count, 1000),
        "peak_mb": spent.peaks,
    }


class Spent:
    """Processor time of a process and all below it, by role: also of those that have ended meanwhile."""

    def __init__(self, root: psutil.Process) -> None:
        self._root = root
        self._seconds: dict[int, tuple[str, float]] = {}
        self.peaks: dict[str, int] = {}  # MB, of the largest process of each role
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def now(self) -> Counter[str]:
        self._look()
        spent: Counter[str] = Counter()
        for role, seconds in self._seconds.values():
            spent[role] += seconds  # type: ignore[assignment]
        return spent

    def _watch(self) -> None:
        while not self._ending.wait(LOOK_SECONDS):
            self._look()

    def _look(self) -> None:
        with suppress(psutil.Error):
            for process in [self._root, *self._root.children(recursive=True)]:
                with suppress(psutil.Error):
                    self._note(process)

    def _note(self, process: psutil.Process) -> None:
        role = "host" if process == self._root else _role(process)
        if role == OTHER:  # one that has ended has no command any more
            role, _ = self._seconds.get(process.pid, (OTHER, 0.0))
        times = process.cpu_times()
        self._seconds[process.pid] = role, times.user + times.system
        self.peaks[role] = max(self.peaks.get(role, 0), round(process.memory_info().rss / 1024**2))

    def __enter__(self) -> "Spent":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        self._thread.join()


def _role(process: psutil.Process) -> str:
    command = " ".join(process.cmdline())
    return next((role for part, role in ROLES.items() if part in command), OTHER)


def _requests(up: Up, folder: Path) -> dict[str, Counter[str]]:
    """Count the store's requests since its start; a version that does not count them gives none."""
    log = folder / "logs" / "aws.log"
    stores = [process for process in up.processes if "local.store" in " ".join(process.cmdline())]
    told: dict[str, Any] = {}
    lines = log.read_text().count("\n")
    for store in stores:
        store.send_signal(signal.SIGUSR1)
        up.wait_for(lambda: log.read_text().count("\n") > lines)
        told = json.loads(log.read_text().splitlines()[-1])["requests"]
    return {what: Counter({name: each[what] for name, each in told.items()}) for what in ("requests", "bytes")}


def _upload_all(upload: Callable[[int], None], numbers: range) -> None:
    with ThreadPoolExecutor(CLIENTS) as pool:
        list(pool.map(upload, numbers))


def _rate(count: int, seconds: float) -> dict[str, Any]:
    return {"photos": count, "seconds": round(seconds, 1), "photos_a_minute": round(60 * count / seconds)}


def _a_photo(counted: Counter[str], count: int, factor: float = 1) -> dict[str, float]:
    each = {name: round(factor * value / count, 2) for name, value in counted.most_common()}
    return each | {"all": round(sum(each.values()), 2)}


MEASURES: dict[str, Measure] = {"bucket": through_the_bucket, "run": by_the_command}

if __name__ == "__main__":
    main()
