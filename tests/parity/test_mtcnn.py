"""The ONNX detector networks against facenet-pytorch's, run by torch with its own reader of the weights."""

import numpy as np
import pytest
import torch

TOLERANCE = 1e-5
BATCHES = [1, 2, 17, 128]


@pytest.fixture(scope="module")
def mtcnn(facenet_pytorch):
    return facenet_pytorch.models.mtcnn


@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("size", [(12, 12), (13, 12), (31, 44), (216, 384), (217, 383)])
def test_pnet(mtcnn, network, batch, size):
    _agree(network("detector-pnet.onnx"), mtcnn.PNet(), _pixels(batch, *size))


@pytest.mark.parametrize("batch", BATCHES)
def test_rnet(mtcnn, network, batch):
    _agree(network("detector-rnet.onnx"), mtcnn.RNet(), _pixels(batch, 24, 24))


@pytest.mark.parametrize("batch", BATCHES)
def test_onet(mtcnn, network, batch):
    _agree(network("detector-onet.onnx"), mtcnn.ONet(), _pixels(batch, 48, 48))


@pytest.mark.parametrize(("name", "side"), [("PNet", None), ("RNet", 24), ("ONet", 48)])
def test_photos(mtcnn, network, photos, name, side):
    for photo in photos:
        pixels = torch.from_numpy(photo.transpose(2, 0, 1)[None].astype(np.float32))
        if side is not None:
            pixels = _windows(pixels, side)
        _agree(network(f"detector-{name.lower()}.onnx"), getattr(mtcnn, name)(), pixels.numpy())


def _pixels(batch, height, width):
    random = np.random.default_rng(batch * height * width)
    return random.integers(0, 256, (batch, 3, height, width)).astype(np.float32)


def _windows(pixels, side):
    grid = torch.nn.functional.interpolate(pixels, size=(side * 6, side * 6), mode="area")
    windows = grid.unfold(2, side, side).unfold(3, side, side)
    return windows.permute(0, 2, 3, 1, 4, 5).reshape(-1, 3, side, side)


def _agree(run, original, pixels):
    probability, regression, *landmarks = run(pixels)
    with torch.no_grad():
        # the order of facenet-pytorch: regression, landmarks where there are any, softmax over two classes
        expected = [value.numpy() for value in original((torch.from_numpy(pixels) - 127.5) * 0.0078125)]
    expected[-1] = expected[-1][:, 1:]
    found = [regression, *landmarks, probability]
    assert [values.shape for values in found] == [values.shape for values in expected]
    difference = max(np.abs(ours - theirs).max() for ours, theirs in zip(found, expected, strict=True))
    print(f"largest difference {difference:.2e} over {pixels.shape}")
    assert difference <= TOLERANCE
