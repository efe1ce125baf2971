"""How large the values inside dlib's ResNet become: the ranges that `model.build` gives to eight bits.

python -m benchmarks.activations ../shared/data > model/build/dlib_resnet_activations.json

Over every face of the photos and clips, as it is and made bad in all the ways of `make accuracy`; takes some minutes.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper

from benchmarks.accuracy import frames
from benchmarks.accuracy.material import demo_people, people_in_folders, people_in_groups
from benchmarks.accuracy.open_set import probes
from local.demo.photos import ensure_photos
from model.build.dlib_resnet import dlib_resnet, rounded_values
from model.build.folder import ensure_model_files
from model.build.sources import DLIB_RESNET, fetch_sources
from model.embedder import Embedder
from model.engine import FaceEngine, load_engine
from model.sessions import OpenVinoSession, Pictures, runtime

BATCH = 8
PROVENANCE = (
    "the largest values over the faces of the reference photos and clips, as they are and made bad, measured by"
    " benchmarks.activations; what they cost and bring: docs/engine.md"
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--out", type=Path, default=Path("out"), help="where the demo's photos are kept")
    options = parser.parse_args()
    network = dlib_resnet(fetch_sources(progress=_tell)[DLIB_RESNET])
    names = list(rounded_values(network))
    largest = largest_values(network, names, chips(options.data, options.out))
    rounded = {name: round(value, 2) for name, value in zip(names, largest, strict=True)}
    print(json.dumps({"provenance": PROVENANCE, "largest": rounded}, indent=2))


def chips(data: Path, out: Path) -> NDArray[np.uint8]:
    """[N, 150, 150, 3]: what the embedder is given."""
    engine = load_engine(ensure_model_files(progress=_tell), "dlib-resnet")
    assert isinstance(engine, FaceEngine)
    seen = _Seen(engine.embedders[0])
    engine.embedders = [seen]
    johns, _ = people_in_folders(engine, data / "johns")
    others = people_in_groups(engine, data / "detection")
    probes(engine, johns + others + demo_people(engine, ensure_photos(out / "photos", progress=_tell)))
    for clip in sorted((data / "videos").glob("*.mp4")):
        for frame in frames(clip, every=10):
            engine.analyze([frame], min_face=40)
    return np.concatenate(seen.chips)


class _Seen(Embedder):
    """Keeps the chips that another one is given."""

    def __init__(self, embedder: Embedder) -> None:
        self.network = embedder.network
        self._embedder = embedder
        self.chips: list[NDArray[np.uint8]] = []

    def embed(self, chips: NDArray[np.uint8]) -> NDArray[np.float32]:
        self.chips.append(chips.copy())
        return self._embedder.embed(chips)


def largest_values(network: onnx.ModelProto, names: list[str], pictures: Pictures) -> list[float]:
    for name in names:
        network.graph.output.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, None))
    with TemporaryDirectory() as folder:
        path = Path(folder) / "network.onnx"
        path.write_bytes(network.SerializeToString())
        session = OpenVinoSession(runtime(), path, threads=2)
        return [max(values) for values in zip(*(_maxima(session, batch) for batch in _batches(pictures)), strict=True)]


def _maxima(session: OpenVinoSession, pictures: Pictures) -> list[float]:
    return [float(values.max()) for values in session.run(pictures)[1:]]  # the first one is the embedding


def _batches(pictures: Pictures) -> Iterator[Pictures]:
    return (pictures[start : start + BATCH] for start in range(0, len(pictures), BATCH))


def _tell(line: str) -> None:
    print(line, file=sys.stderr)


if __name__ == "__main__":
    main()
