"""The reader of torch files against torch itself."""

import io

import numpy as np
import pytest
import torch

from rollcall.weights.sources import ONET, PNET, RNET
from rollcall.weights.torch_archive import read_state_dict


@pytest.mark.parametrize("source", [PNET, RNET, ONET], ids=lambda source: source.file)
def test_shipped_weights(weights, source):
    _agree(weights[source], torch.load(io.BytesIO(weights[source]), weights_only=True))


@pytest.mark.parametrize("zipped", [False, True], ids=["legacy", "zip"])
def test_inception_resnet(facenet_pytorch, zipped):
    torch.manual_seed(0)
    network = facenet_pytorch.InceptionResnetV1(pretrained=None, classify=False)
    saved = io.BytesIO()
    torch.save(network.state_dict(), saved, _use_new_zipfile_serialization=zipped)
    _agree(saved.getvalue(), network.state_dict())


def _agree(content, expected):
    found = read_state_dict(content)
    assert list(found) == list(expected)
    for name, tensor in expected.items():
        np.testing.assert_array_equal(found[name], tensor.numpy(), strict=True)
