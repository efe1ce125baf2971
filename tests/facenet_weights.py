"""Random weights for InceptionResnetV1, by the names that facenet-pytorch 2.6.0 gives them, and a file of them."""

import hashlib
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rollcall.weights.facenet_weights import WeightsFile
from rollcall.weights.folder import ensure_model_files
from rollcall.weights.optional import add_facenet
from tests.torch_files import saved

THIN = 8  # so many times fewer channels than the original: a test builds it in a second
DIMENSION = 512
Convolution = tuple[str, int, int, tuple[int, int]]  # name, channels in, channels out, kernel

_STEM: tuple[Convolution, ...] = (
    ("conv2d_1a", 3, 32, (3, 3)),
    ("conv2d_2a", 32, 32, (3, 3)),
    ("conv2d_2b", 32, 64, (3, 3)),
    ("conv2d_3b", 64, 80, (1, 1)),
    ("conv2d_4a", 80, 192, (3, 3)),
    ("conv2d_4b", 192, 256, (3, 3)),
)
# of each block: the branches, as channels out and kernel of their convolutions
_35 = (((32, (1, 1)),), ((32, (1, 1)), (32, (3, 3))), ((32, (1, 1)), (32, (3, 3)), (32, (3, 3))))
_17 = (((128, (1, 1)),), ((128, (1, 1)), (128, (1, 7)), (128, (7, 1))))
_8 = (((192, (1, 1)),), ((192, (1, 1)), (192, (1, 3)), (192, (3, 1))))
_6A = (((384, (3, 3)),), ((192, (1, 1)), (192, (3, 3)), (256, (3, 3))))
_7A = (
    ((256, (1, 1)), (384, (3, 3))),
    ((256, (1, 1)), (256, (3, 3))),
    ((256, (1, 1)), (256, (3, 3)), (256, (3, 3))),
)
Branches = tuple[tuple[tuple[int, tuple[int, int]], ...], ...]


def random_weights(*, seed: int = 0, thin: int = THIN) -> dict[str, NDArray[np.float32]]:
    generator = np.random.default_rng(seed)
    tensors: dict[str, NDArray[np.float32]] = {}

    def normal(*shape: int) -> NDArray[np.float32]:
        scale = np.sqrt(2 / np.prod(shape[1:]))  # He's: signals keep their size from layer to layer
        return np.asarray(generator.normal(size=shape) * scale, dtype=np.float32)

    def batch_norm(name: str, channels: int) -> None:
        for part, low, high in (("weight", 0.8, 1.2), ("bias", -0.1, 0.1), ("running_mean", -0.2, 0.2)):
            tensors[f"{name}.{part}"] = generator.uniform(low, high, channels).astype(np.float32)
        tensors[f"{name}.running_var"] = generator.uniform(0.5, 1.5, channels).astype(np.float32)

    for name, inputs, outputs, kernel in _convolutions():
        inputs = inputs if inputs == 3 else inputs // thin  # noqa: PLR2004, PLW2901 - the colors
        tensors[f"{name}.conv.weight"] = normal(outputs // thin, inputs, *kernel)
        batch_norm(f"{name}.bn", outputs // thin)
    for name, inputs, outputs in _mixers():
        tensors[f"{name}.conv2d.weight"] = normal(outputs // thin, inputs // thin, 1, 1)
        tensors[f"{name}.conv2d.bias"] = np.zeros(outputs // thin, dtype=np.float32)
    tensors["last_linear.weight"] = normal(DIMENSION, 1792 // thin)
    batch_norm("last_bn", DIMENSION)
    return tensors


def weights_file(path: Path, *, seed: int = 0) -> WeightsFile:
    """Writes random weights to `path`; returns the pin that fits them."""
    content = saved(random_weights(seed=seed))
    path.write_bytes(content)
    return WeightsFile(
        name="random",
        version="0",
        file=path.name,
        url="",
        bytes=len(content),
        sha256=digest(content),
        license="CC0-1.0",
    )


def facenet_folder(folder: Path, *, seed: int = 0) -> Path:
    """The model files, and an embedder facenet whose numbers mean nothing."""
    shutil.copytree(ensure_model_files(progress=print), folder)
    pin = weights_file(folder.with_suffix(".pt"), seed=seed)
    add_facenet(folder, folder.with_suffix(".pt").read_bytes(), origin=pin)
    return folder


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _convolutions() -> Iterator[Convolution]:
    yield from _STEM
    for number in range(5):
        yield from _block(f"repeat_1.{number}", 256, _35)
    yield from _block("mixed_6a", 256, _6A)
    for number in range(10):
        yield from _block(f"repeat_2.{number}", 896, _17)
    yield from _block("mixed_7a", 896, _7A)
    for number in range(5):
        yield from _block(f"repeat_3.{number}", 1792, _8)
    yield from _block("block8", 1792, _8)


def _block(name: str, channels: int, branches: Branches) -> Iterator[Convolution]:
    for branch, layers in enumerate(branches):
        inputs = channels
        for layer, (outputs, kernel) in enumerate(layers):
            place = f"{name}.branch{branch}" if len(layers) == 1 else f"{name}.branch{branch}.{layer}"
            yield place, inputs, outputs, kernel
            inputs = outputs


def _mixers() -> Iterator[tuple[str, int, int]]:
    yield from ((f"repeat_1.{number}", 96, 256) for number in range(5))
    yield from ((f"repeat_2.{number}", 256, 896) for number in range(10))
    yield from ((f"repeat_3.{number}", 384, 1792) for number in range(5))
    yield "block8", 384, 1792
