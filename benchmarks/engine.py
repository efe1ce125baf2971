"""What a frame costs, part by part, and how soon a fresh process has its first face.

python -m benchmarks.engine ../shared/data --models FOLDER [--min-face 40] [--threads 2] [--rounds 5]

Prints the median over frames of each frame's fastest round: other work on the machine only ever adds time.
"""

import argparse
import json
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import psutil

from benchmarks.accuracy import frames, read
from benchmarks.cold_start import seconds_to_first_line
from rollcall.engine.alignment import CHIP_SIDE, chip_transforms
from rollcall.engine.chips import CUTTERS
from rollcall.engine.crops import crops
from rollcall.engine.embedder import Embedder
from rollcall.engine.engine import Engine, FaceEngine, load_engine
from rollcall.engine.face import Image
from rollcall.engine.pyramid import Octaves

PHOTO_SIDE, PHOTO_MIN_FACE = 250, 20  # pixels; photos are searched for smaller faces than frames
PACK = 4  # frames of 1080p, as rollcall.stages.pack_faces has them in memory at a time
LONG_CLIPS = ("test_1.mp4", "test_8.mp4")  # 1080p
COLD_START = """
import sys
from pathlib import Path
import cv2
from rollcall.engine.engine import load_engine
engine = load_engine(Path(sys.argv[1]), threads=int(sys.argv[3]))
assert engine.analyze([cv2.imread(sys.argv[2])])[0]
print(flush=True)
"""


def main() -> None:
    options = _options()
    report = measure_engine(
        options.data, options.models, rounds=options.rounds, min_face=options.min_face, threads=options.threads
    )
    print(json.dumps(report, indent=2))


def measure_engine(data: Path, model_dir: Path, *, rounds: int, min_face: int = 40, threads: int = 2) -> dict[str, Any]:
    """What to show of the engine, ready for JSON; the unit is in each name."""
    engine = load_engine(model_dir, min_face=min_face, threads=threads)
    assert isinstance(engine, FaceEngine)
    photo = next(iter(sorted((data / "johns").glob("*/*.jpg"))))
    image = np.asarray(cv2.resize(read(photo), (PHOTO_SIDE, PHOTO_SIDE)), dtype=np.uint8)
    images = list(sample(data / "videos"))
    return {
        "load_at_start": round(psutil.getloadavg()[0], 2),
        "min_face_px": min_face,
        "threads": threads,
        "frames": len(images),
        "ms_a_frame": parts(engine, images, rounds=rounds, min_face=min_face),
        "embed_ms_a_face_in_batches_of": embedding(engine, rounds=rounds),
        f"photo_of_{PHOTO_SIDE}_px_ms": _ms(
            fastest(lambda: engine.analyze([image], min_face=PHOTO_MIN_FACE), rounds=3 * rounds)
        ),
        "cold_start_to_first_face_s": round(cold_start(model_dir, photo, threads=threads, rounds=rounds), 3),
        "resident_mb": round(psutil.Process().memory_info().rss / 1e6, 1),
    }


def _ms(seconds: float) -> float:
    return round(seconds * 1e3, 3)


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


def parts(engine: FaceEngine, images: list[Image], *, rounds: int, min_face: int) -> dict[str, float]:
    """Each frame alone, and all together as a GoP pack comes."""
    best: dict[str, list[float]] = defaultdict(lambda: [float("inf")] * len(images))
    for _ in range(rounds):
        for number, image in enumerate(images):
            for part, seconds in _stages(engine, image, min_face=min_face).items():
                best[part][number] = min(best[part][number], seconds)
    medians = {part: _ms(float(np.median(seconds))) for part, seconds in best.items()}
    return medians | {"mean_alone": _ms(float(np.mean(best["whole"]))), "mean_in_packs": _ms(in_packs(engine, images))}


def in_packs(engine: Engine, images: Sequence[Image], *, rounds: int = 3) -> float:
    """Seconds a frame, in calls of as many frames as the pipeline's functions hand over at a time."""
    packs = [images[start : start + PACK] for start in range(0, len(images), PACK)]
    return sum(fastest(partial(engine.analyze, pack), rounds=rounds) for pack in packs) / len(images)


def _stages(engine: FaceEngine, image: Image, *, min_face: int) -> dict[str, float]:
    times: dict[str, float] = {}

    def timed(part: str, work: Callable[[], Any]) -> Any:
        started = time.perf_counter()
        result = work()
        times[part] = time.perf_counter() - started
        return result

    octaves = Octaves(image)
    found = timed("detect", lambda: engine.detector.detect(octaves, min_face=min_face))
    chips = timed("chips", lambda: crops(octaves, chip_transforms(found.landmarks), side=CHIP_SIDE, fill=0))
    for embedder in engine.embedder.embedders:
        cut = CUTTERS[embedder.network.chip](octaves, found, chips, embedder.network.chip_side)
        timed(f"embed: {embedder.network.file}", partial(embedder.run, cut))
    timed("whole", lambda: engine.analyze([image]))
    return times


def embedding(engine: FaceEngine, *, rounds: int) -> dict[str, dict[str, float]]:
    """Milliseconds a face, by network and size of batch."""
    return {embedder.network.file: _embedding(embedder, rounds=rounds) for embedder in engine.embedder.embedders}


def _embedding(embedder: Embedder, *, rounds: int) -> dict[str, float]:
    side = embedder.network.chip_side
    chips = np.random.default_rng(0).integers(0, 255, (64, side, side, 3), dtype=np.uint8)
    return {
        str(count): _ms(fastest(partial(embedder.run, chips[:count]), rounds=rounds) / count)
        for count in (1, 4, 16, 64)
    }


def cold_start(models: Path, photo: Path, *, threads: int, rounds: int) -> float:
    """Seconds from the start of a process to its first face; best round, files in the page cache."""
    command = [sys.executable, "-c", COLD_START, str(models), str(photo), str(threads)]
    return min(seconds_to_first_line(command) for _ in range(rounds))


def fastest(work: Callable[[], Any], *, rounds: int) -> float:
    seconds = []
    for _ in range(rounds):
        started = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - started)
    return min(seconds)


if __name__ == "__main__":
    main()
