"""The ONNX embedder against dlib's own network: in float32, and as it is shipped, mostly in whole numbers of 8 bits."""

from pathlib import Path

import dlib
import numpy as np
import pytest
from PIL import Image

from rollcall.weights.dlib_resnet import dlib_resnet
from rollcall.weights.sources import DLIB_RESNET

TOLERANCE = 1e-5
# Euclidean, of embeddings: a bad photo moves its person's by 0.1 and more, another person's is 0.6 away
FARTHEST_SHIPPED = 0.06


@pytest.fixture(scope="module")
def embed(weights, run_file, tmp_path_factory):
    path = tmp_path_factory.mktemp("float32") / "embedder.onnx"
    path.write_bytes(dlib_resnet(weights[DLIB_RESNET]).SerializeToString())
    return _taking_chips(run_file(path))


@pytest.fixture(scope="module")
def shipped_embed(network):
    return _taking_chips(network("embedder-dlib-resnet.onnx"))


@pytest.fixture(scope="module")
def dlib_embed(weight_files: Path):
    model = dlib.face_recognition_model_v1(str(weight_files / DLIB_RESNET.file))
    return lambda chips: np.array([model.compute_face_descriptor(chip) for chip in chips])


@pytest.fixture(params=["photo_faces", "johns_faces"])
def chips(request):
    """[N, 150, 150, 3] RGB: faces with a quarter of their box around them, as in dlib's chips, but not turned."""
    return np.stack([_chip(photo, box) for photo, box in request.getfixturevalue(request.param)])


def _chip(photo, box):
    margin = box.width() // 4
    sides = (box.left() - margin, box.top() - margin, box.right() + margin, box.bottom() + margin)
    return np.asarray(Image.fromarray(photo).crop(sides).resize((150, 150)))


@pytest.mark.parametrize("faces", [1, 2, 5])
def test_random_chips(embed, dlib_embed, faces):
    chips = np.random.default_rng(faces).integers(0, 256, (faces, 150, 150, 3), dtype=np.uint8)
    _agree(embed(chips), dlib_embed(chips))


@pytest.mark.parametrize("level", [0, 127, 255])
def test_flat_chips(embed, dlib_embed, level):
    chips = np.full((1, 150, 150, 3), level, dtype=np.uint8)
    _agree(embed(chips), dlib_embed(chips))


def test_face_chips(embed, dlib_embed, chips):
    assert len(chips) >= 5
    _agree(embed(chips), dlib_embed(chips))


def test_face_chips_as_shipped(shipped_embed, dlib_embed, chips):
    apart = np.linalg.norm(shipped_embed(chips) - dlib_embed(chips), axis=1)
    print(f"median {np.median(apart):.3f}, farthest {apart.max():.3f} over {len(apart)} faces")
    assert apart.max() <= FARTHEST_SHIPPED


def _taking_chips(run):
    return lambda chips: run(np.stack(chips).transpose(0, 3, 1, 2).astype(np.float32))[0]


def _agree(ours, theirs):
    assert ours.shape == theirs.shape
    difference = np.abs(ours - theirs).max()
    print(f"largest difference {difference:.2e} over {len(ours)} embeddings")
    assert difference <= TOLERANCE
