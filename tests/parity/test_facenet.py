"""The ONNX InceptionResnetV1 against facenet-pytorch's, with random weights: the real ones are in no package."""

import io
from pathlib import Path

import numpy as np
import openvino
import pytest
import torch

from rollcall.weights.build_errors import ArchiveError
from rollcall.weights.facenet import CHIP_SIDE, facenet
from rollcall.weights.torch_archive import read_state_dict

TOLERANCE = 1e-5


@pytest.fixture(scope="module")
def original(facenet_pytorch):
    torch.manual_seed(0)
    network = facenet_pytorch.InceptionResnetV1(pretrained=None, classify=False).eval()
    for module in network.modules():
        if isinstance(module, (torch.nn.BatchNorm1d, torch.nn.BatchNorm2d)):  # as training leaves them, not as new
            module.running_mean.uniform_(-0.2, 0.2)
            module.running_var.uniform_(0.5, 1.5)
            module.weight.data.uniform_(0.8, 1.2)
            module.bias.data.uniform_(-0.1, 0.1)
    return network


@pytest.fixture(scope="module")
def weights(original):
    buffer = io.BytesIO()
    torch.save(original.state_dict(), buffer)
    return read_state_dict(buffer.getvalue())


@pytest.mark.parametrize("batch", [1, 5])
def test_same_embeddings(original, weights, tmp_path: Path, batch: int) -> None:
    path = tmp_path / "facenet.onnx"
    path.write_bytes(facenet(weights).SerializeToString())
    settings = {"INFERENCE_PRECISION_HINT": "f32"}
    pixels = np.random.default_rng(batch).integers(0, 256, (batch, 3, CHIP_SIDE, CHIP_SIDE)).astype(np.float32)

    ours = openvino.Core().compile_model(path, "CPU", settings)(pixels)[0]
    with torch.no_grad():
        theirs = original((torch.from_numpy(pixels) - 127.5) / 128).numpy()

    assert np.abs(theirs).max() > 0.01
    assert np.abs(ours - theirs).max() <= TOLERANCE


def test_weights_of_another_network_are_refused(weights) -> None:
    others = {name: value for name, value in weights.items() if not name.startswith("mixed_7a.branch2")}

    with pytest.raises(ArchiveError, match="mixed_7a.branch2.0.conv.weight is missing|mixed_7a.branch2"):
        facenet(others)
