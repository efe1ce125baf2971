"""The model files themselves: from the sources' bytes to the files of the folder and their entries in the manifest."""

import hashlib
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import onnx

from rollcall.weights import mtcnn_networks as mtcnn
from rollcall.weights.build_progress import Progress
from rollcall.weights.dlib_resnet import dlib_resnet
from rollcall.weights.dlib_resnet import rounded_values as dlib_resnet_values
from rollcall.weights.facenet import facenet
from rollcall.weights.facenet_weights import WeightsFile
from rollcall.weights.opencv_zoo import rounded_values as sface_values
from rollcall.weights.opencv_zoo import sface, yunet
from rollcall.weights.quantization import quantized
from rollcall.weights.sources import (
    DLIB_RESNET,
    ONET,
    PNET,
    RNET,
    SFACE,
    YUNET,
    Source,
    fetch_sources,
)
from rollcall.weights.torch_archive import StateDict, read_state_dict

Write = Callable[[bytes, Path], None]
RoundedValues = Callable[[onnx.ModelProto], Iterable[str]]

ACTIVATIONS = "activations.json"  # measured by benchmarks.activations


@dataclass(frozen=True, kw_only=True)
class ModelFile:
    name: str
    source: Source
    write: Write


def build_files(directory: Path, *, progress: Progress) -> dict[str, Any]:
    """Writes every model file into `directory`; returns the manifest's entry of each by file name."""
    # downloads lie inside the folder, where the next build finds and removes what a killed one left
    contents = fetch_sources(scratch=directory, progress=progress)
    return write_files(directory, contents, progress=progress)


def write_files(directory: Path, contents: dict[Source, bytes], *, progress: Progress) -> dict[str, Any]:
    """Does what `build_files` does, from sources at hand. The same sources give the same bytes."""
    entries = {}
    for file in FILES:
        progress(f"building {file.name}")
        file.write(contents[file.source], directory / file.name)
        package = file.source.package
        origin = {"package": package.name, "version": package.version, "member": file.source.member}
        entries[file.name] = _entry(directory / file.name, file.source.license, origin, contents[file.source])
    return entries


def write_facenet(path: Path, content: bytes, origin: WeightsFile) -> dict[str, Any]:
    """Writes the optional embedder; returns its entry. Raises `ArchiveError` for weights of another network."""
    _write_onnx(facenet(read_state_dict(content)), path)
    return _entry(path, origin.license, {"package": origin.name, "version": origin.version, "url": origin.url}, content)


def _entry(path: Path, license: str, origin: dict[str, str], content: bytes) -> dict[str, Any]:
    built = path.read_bytes()
    return {
        "sha256": hashlib.sha256(built).hexdigest(),
        "bytes": len(built),
        "license": license,
        "source": origin | {"sha256": hashlib.sha256(content).hexdigest()},
    }


def _mtcnn(network: Callable[[StateDict], onnx.ModelProto]) -> Write:
    return lambda content, path: _write_onnx(network(read_state_dict(content)), path)


def _zoo(network: Callable[[bytes], onnx.ModelProto]) -> Write:
    return lambda content, path: _write_onnx(network(content), path)


def _in_eight_bits(network: Callable[[bytes], onnx.ModelProto], rounded: RoundedValues, *, measured: str) -> Write:
    """`measured`: the network's name among the activations."""

    def write(content: bytes, path: Path) -> None:
        activations = json.loads(resources.files("rollcall.weights").joinpath(ACTIVATIONS).read_bytes())[measured]
        model = network(content)
        ranges = {name: (activations[name][0], activations[name][1]) for name in rounded(model)}
        _write_onnx(quantized(model, ranges), path)

    return write


def _write_onnx(model: onnx.ModelProto, path: Path) -> None:
    path.write_bytes(model.SerializeToString(deterministic=True))


FILES = (
    ModelFile(name="detector-pnet.onnx", source=PNET, write=_mtcnn(mtcnn.pnet)),
    ModelFile(name="detector-rnet.onnx", source=RNET, write=_mtcnn(mtcnn.rnet)),
    ModelFile(name="detector-onet.onnx", source=ONET, write=_mtcnn(mtcnn.onet)),
    ModelFile(name="detector-yunet.onnx", source=YUNET, write=_zoo(yunet)),
    ModelFile(
        name="embedder-dlib-resnet.onnx",
        source=DLIB_RESNET,
        write=_in_eight_bits(dlib_resnet, dlib_resnet_values, measured="dlib_resnet"),
    ),
    ModelFile(
        name="embedder-sface.onnx",
        source=SFACE,
        write=_in_eight_bits(sface, sface_values, measured="sface"),
    ),
)
