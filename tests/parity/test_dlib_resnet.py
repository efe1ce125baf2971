"""The ONNX embedder against dlib's own network."""

from pathlib import Path

import dlib
import numpy as np
import pytest

from model.build.sources import DLIB_RESNET, SHAPE_PREDICTOR

TOLERANCE = 1e-5


@pytest.fixture(scope="module")
def embed(network):
    run = network("embedder-dlib-resnet.onnx")
    return lambda chips: run(np.stack(chips).transpose(0, 3, 1, 2).astype(np.float32))[0]


@pytest.fixture(scope="module")
def dlib_embed(weight_files: Path):
    model = dlib.face_recognition_model_v1(str(weight_files / DLIB_RESNET.file))
    return lambda chips: np.array([model.compute_face_descriptor(chip) for chip in chips])


@pytest.mark.parametrize("faces", [1, 2, 5])
def test_random_chips(embed, dlib_embed, faces):
    chips = np.random.default_rng(faces).integers(0, 256, (faces, 150, 150, 3), dtype=np.uint8)
    _agree(embed(chips), dlib_embed(chips))


@pytest.mark.parametrize("level", [0, 127, 255])
def test_flat_chips(embed, dlib_embed, level):
    chips = np.full((1, 150, 150, 3), level, dtype=np.uint8)
    _agree(embed(chips), dlib_embed(chips))


@pytest.mark.parametrize("faces", ["photo_faces", "johns_faces"])
def test_face_chips(embed, dlib_embed, weight_files, faces, request):
    predict = dlib.shape_predictor(str(weight_files / SHAPE_PREDICTOR.file))
    chips = [dlib.get_face_chip(photo, predict(photo, box)) for photo, box in request.getfixturevalue(faces)]
    assert len(chips) >= 5
    _agree(embed(chips), dlib_embed(chips))


def _agree(ours, theirs):
    assert ours.shape == theirs.shape
    difference = np.abs(ours - theirs).max()
    print(f"largest difference {difference:.2e} over {len(ours)} embeddings")
    assert difference <= TOLERANCE
