"""Many frames through one engine, and what of the memory stays.

python -m benchmarks.soak ../shared/data --models FOLDER [--frames 20000] [--out out/soak.svg]

JPEG frames of all clips in turn, four to a call as GoP packs bring them. Prints a line of JSON and draws the memory.
"""

import argparse
import itertools
import json
import tempfile
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import cv2
import psutil

from benchmarks.accuracy import frames, read
from rollcall.engine.engine import load_engine

Report = dict[str, float]

PACK, EVERY, FRAMES_A_CLIP = 4, 5, 30
DRAWING = Path("out") / "soak.svg"
WARM_UP = 0.1  # of the run; memory grows there to its working size
WIDTH, HEIGHT, EDGE = 720, 300, 60  # of the drawing, pixels


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--models", type=Path, required=True)
    parser.add_argument("--frames", type=int, default=20_000)
    parser.add_argument("--min-face", type=int, default=40, help="pixels")
    parser.add_argument("--out", type=Path, default=DRAWING)
    options = parser.parse_args()
    report = measure_soak(
        options.data, options.models, count=options.frames, min_face=options.min_face, drawn_to=options.out
    )
    print(json.dumps(report))


def measure_soak(data: Path, model_dir: Path, *, count: int, min_face: int = 40, drawn_to: Path = DRAWING) -> Report:
    """In a process of its own, whose memory nothing else has grown."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as executor:
        samples = executor.submit(soak, data / "videos", model_dir, count=count, min_face=min_face).result()
    drawn_to.parent.mkdir(parents=True, exist_ok=True)
    drawn_to.write_text(drawing(samples))
    return summary(samples)


def soak(videos: Path, model_dir: Path, *, count: int, min_face: int, samples: int = 200) -> list[tuple[int, float]]:
    """(frames done, megabytes resident), about `samples` times on the way to `count` frames."""
    process = psutil.Process()
    every = max(PACK, count // samples)
    done, resident = 0, []
    with tempfile.TemporaryDirectory(prefix="rollcall-soak-") as scratch:
        # in a process of its own: decoding video would leave its own memory here
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as executor:
            executor.submit(write_frames, videos, Path(scratch)).result()
        source = itertools.cycle(sorted(Path(scratch).glob("*.jpg")))
        engine = load_engine(model_dir, min_face=min_face)
        while done < count:
            engine.analyze([read(path) for path in itertools.islice(source, PACK)])
            done += PACK
            if done % every < PACK:
                resident.append((done, process.memory_info().rss / 1e6))
    return resident


def write_frames(videos: Path, folder: Path) -> None:
    for clip in sorted(videos.glob("*.mp4")):
        for number, image in enumerate(itertools.islice(frames(clip, every=EVERY), FRAMES_A_CLIP)):
            cv2.imwrite(str(folder / f"{number:03}-{clip.stem}.jpg"), image)


def summary(samples: list[tuple[int, float]]) -> Report:
    """Memory after the warm-up: least and most resident, and growth from its first to its last quarter."""
    settled = [megabytes for _, megabytes in samples[int(len(samples) * WARM_UP) :]]
    quarter = max(1, len(settled) // 4)
    first, last = sum(settled[:quarter]) / quarter, sum(settled[-quarter:]) / quarter
    return {
        "frames": samples[-1][0],
        "resident_least_mb": round(min(settled), 1),
        "resident_most_mb": round(max(settled), 1),
        "growth_mb": round(last - first, 1),
    }


def drawing(samples: list[tuple[int, float]]) -> str:
    """Megabytes against frames, as SVG."""
    most_frames, most = samples[-1][0], 50 * (max(megabytes for _, megabytes in samples) // 50 + 1)
    points = " ".join(
        f"{EDGE + (WIDTH - 2 * EDGE) * done / most_frames:.1f},{HEIGHT - EDGE - (HEIGHT - 2 * EDGE) * size / most:.1f}"
        for done, size in samples
    )
    bottom, right = HEIGHT - EDGE, WIDTH - EDGE
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" font-family="sans-serif">',
            f'<path d="M{EDGE},{EDGE} V{bottom} H{right}" fill="none" stroke="black"/>',
            f'<polyline points="{points}" fill="none" stroke="steelblue" stroke-width="2"/>',
            f'<text x="{EDGE}" y="{EDGE - 12}">resident memory, MB (top: {most:.0f})</text>',
            f'<text x="{right}" y="{bottom + 24}" text-anchor="end">{most_frames} frames</text>',
            "</svg>\n",
        ]
    )


if __name__ == "__main__":
    main()
