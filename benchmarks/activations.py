"""How small and how large the values inside the embedders become: the ranges of `rollcall.weights` in eight bits.

python -m benchmarks.activations ../shared/data > rollcall/weights/activations.json

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
from rollcall.cli.demo.demo_photos import ensure_photos
from rollcall.engine.embedder import Embedder
from rollcall.engine.engine import FaceEngine, load_engine
from rollcall.engine.sessions import OpenVinoSession, Pictures, runtime
from rollcall.weights.dlib_resnet import dlib_resnet
from rollcall.weights.dlib_resnet import rounded_values as dlib_resnet_values
from rollcall.weights.folder import ensure_model_files
from rollcall.weights.opencv_zoo import rounded_values as sface_values
from rollcall.weights.opencv_zoo import sface
from rollcall.weights.sources import DLIB_RESNET, SFACE, fetch_sources

BATCH = 8
PROVENANCE = (
    "the least and the largest values over the faces of the reference photos and clips, as they are and made bad,"
    " measured by benchmarks.activations; what they cost and bring: docs/decisions/0017-eight-bits.md"
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--out", type=Path, default=Path("out"), help="where the demo's photos are kept")
    options = parser.parse_args()
    weights = fetch_sources(progress=_tell)
    resnet, zoo = dlib_resnet(weights[DLIB_RESNET]), sface(weights[SFACE])
    resnet_chips, sface_chips = chips(options.data, options.out)
    report = {
        "provenance": PROVENANCE,
        "dlib_resnet": ranges(resnet, list(dlib_resnet_values(resnet)), resnet_chips),
        "sface": ranges(zoo, list(sface_values(zoo)), sface_chips),
    }
    print(json.dumps(report, indent=2))


def chips(data: Path, out: Path) -> list[Pictures]:
    """[N, side, side, 3]: what each network of the embedder is given."""
    engine = load_engine(ensure_model_files(progress=_tell), "fused")
    assert isinstance(engine, FaceEngine)
    engine.embedder.embedders = seen = [_Seen(embedder) for embedder in engine.embedder.embedders]
    found = [people_in_folders(engine, data / folder)[0] for folder in ("johns", "diverse")]
    found += [people_in_groups(engine, data / "detection")]
    found += [demo_people(engine, ensure_photos(out / "photos", progress=_tell))]
    probes(engine, [sample for samples in found for sample in samples])
    for clip in sorted((data / "videos").glob("*.mp4")):
        for frame in frames(clip, every=10):
            engine.analyze([frame], min_face=40)
    return [np.concatenate(embedder.chips) for embedder in seen]


class _Seen(Embedder):
    """Keeps the chips that another one is given."""

    def __init__(self, embedder: Embedder) -> None:
        self.network = embedder.network
        self._embedder = embedder
        self.chips: list[Pictures] = []

    def run(self, chips: Pictures) -> NDArray[np.float32]:
        self.chips.append(chips.copy())
        return self._embedder.run(chips)


def ranges(network: onnx.ModelProto, names: list[str], pictures: Pictures) -> dict[str, tuple[float, float]]:
    for name in names:
        network.graph.output.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, None))
    with TemporaryDirectory() as folder:
        path = Path(folder) / "network.onnx"
        path.write_bytes(network.SerializeToString())
        session = OpenVinoSession(runtime(), path, threads=2)
        # the first output is the embedding
        seen = [[(values.min(), values.max()) for values in session.run(batch)[1:]] for batch in _batches(pictures)]
    ends = np.array(seen, dtype=np.float64)
    least, largest = np.minimum(ends[..., 0].min(axis=0), 0), ends[..., 1].max(axis=0)
    return {name: (round(low, 2), round(high, 2)) for name, low, high in zip(names, least, largest, strict=True)}


def _batches(pictures: Pictures) -> Iterator[Pictures]:
    return (pictures[start : start + BATCH] for start in range(0, len(pictures), BATCH))


def _tell(line: str) -> None:
    print(line, file=sys.stderr)


if __name__ == "__main__":
    main()
