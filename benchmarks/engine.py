"""What a frame costs, part by part, and how soon a fresh process has its first face.

python -m benchmarks.engine ../shared/data --models FOLDER [--min-face 40] [--threads 2] [--rounds 5]

Prints the median over frames of each frame's fastest round: other work on the machine only ever adds time.
"""

import argparse
import json
import platform
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from benchmarks.accuracy import frames, read
from model.alignment import CHIP_SIDE, chip_transforms
from model.crops import crops
from model.engine import FaceEngine, load_engine
from model.faces import Image
from model.pyramid import Octaves

LONG_CLIPS = ("test_1.mp4", "test_8.mp4")  # 1080p
COLD_START = """
import sys
from pathlib import Path
import cv2
from model.engine import load_engine
engine = load_engine(Path(sys.argv[1]), threads=int(sys.argv[3]))
assert engine.analyze([cv2.imread(sys.argv[2])])[0]
"""


def main() -> None:
    options = _options()
    engine = load_engine(options.models, min_face=options.min_face, threads=options.threads)
    assert isinstance(engine, FaceEngine)
    photo = next(iter(sorted((options.data / "johns").glob("*/*.jpg"))))
    report = {
        "machine": f"{platform.machine()}, {psutil.cpu_count()} CPUs, load {psutil.getloadavg()[0]:.1f}",
        "min_face_px": options.min_face,
        "threads": options.threads,
        "milliseconds_a_frame": parts(engine, list(sample(options.data / "videos")), rounds=options.rounds),
        "embed_milliseconds_a_face": embedding(engine, rounds=options.rounds),
        "photo_milliseconds": fastest(lambda: engine.analyze([read(photo)]), rounds=options.rounds) * 1e3,
        "cold_start_seconds": cold_start(options.models, photo, threads=options.threads, rounds=options.rounds),
        "resident_megabytes": psutil.Process().memory_info().rss / 1e6,
    }
    print(json.dumps(report, indent=2, default=lambda value: round(float(value), 3)))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--models", type=Path, required=True)
    parser.add_argument("--min-face", type=int, default=40, help="pixels")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    return parser.parse_args()


def sample(videos: Path) -> Iterator[Image]:
    """The first frame of each clip, and every tenth of two 1080p clips."""
    for clip in sorted(videos.glob("*.mp4")):
        yield next(frames(clip, every=1))
    for name in LONG_CLIPS:
        yield from frames(videos / name, every=10)


def parts(engine: FaceEngine, images: list[Image], *, rounds: int) -> dict[str, float]:
    """Each frame alone, and all together as a GoP pack comes."""
    best: dict[str, list[float]] = defaultdict(lambda: [float("inf")] * len(images))
    for _ in range(rounds):
        for number, image in enumerate(images):
            for part, seconds in _stages(engine, image).items():
                best[part][number] = min(best[part][number], seconds)
    medians = {part: float(np.median(seconds)) * 1e3 for part, seconds in best.items()}
    together = fastest(lambda: engine.analyze(images), rounds=max(1, rounds // 2)) / len(images)
    return medians | {"mean_of_all_in_one_call": together * 1e3}


def _stages(engine: FaceEngine, image: Image) -> dict[str, float]:
    times: dict[str, float] = {}

    def timed(part: str, work: Callable[[], Any]) -> Any:
        started = time.perf_counter()
        result = work()
        times[part] = time.perf_counter() - started
        return result

    octaves = Octaves(image)
    found = timed("detect", lambda: engine.detector.detect(octaves))
    points = timed("landmarks", lambda: engine.localizer.landmarks(engine.localizer.patches(octaves, found)))
    chips = timed("chips", lambda: crops(octaves, chip_transforms(points), side=CHIP_SIDE, fill=0))
    timed("embed", lambda: engine.embedder.embed(chips))
    timed("whole", lambda: engine.analyze([image]))
    return times


def embedding(engine: FaceEngine, *, rounds: int) -> dict[str, float]:
    chips = np.random.default_rng(0).integers(0, 255, (64, CHIP_SIDE, CHIP_SIDE, 3), dtype=np.uint8)
    batches = {str(count): chips[:count] for count in (1, 4, 16, 64)}
    return {
        count: fastest(partial(engine.embedder.embed, batch), rounds=rounds) / len(batch) * 1e3
        for count, batch in batches.items()
    }


def cold_start(models: Path, photo: Path, *, threads: int, rounds: int) -> float:
    """Seconds from the start of a process to its first face; best round, files in the page cache."""
    command = [sys.executable, "-c", COLD_START, str(models), str(photo), str(threads)]
    return fastest(lambda: subprocess.run(command, check=True), rounds=rounds)


def fastest(work: Callable[[], Any], *, rounds: int) -> float:
    seconds = []
    for _ in range(rounds):
        started = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - started)
    return min(seconds)


if __name__ == "__main__":
    main()
