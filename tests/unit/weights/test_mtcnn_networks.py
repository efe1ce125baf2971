"""The detector graphs with random weights, run by the product's runtime, against the same layers in NumPy."""

import numpy as np
import openvino
import pytest

from rollcall.weights import mtcnn_networks as mtcnn

PNET_LAYERS = [
    ("conv1", 10, 3, 3),
    ("conv2", 16, 10, 3),
    ("conv3", 32, 16, 3),
    ("conv4_1", 2, 32, 1),
    ("conv4_2", 4, 32, 1),
]
RNET_CONVOLUTIONS = [("conv1", 28, 3, 3), ("conv2", 48, 28, 3), ("conv3", 64, 48, 2)]
RNET_DENSE = [("dense4", 128, 576), ("dense5_1", 2, 128), ("dense5_2", 4, 128)]


@pytest.fixture
def random():
    return np.random.default_rng(0)


def parameters(random, layers):
    tensors = {}
    for name, outputs, inputs, *kernel in layers:
        shape = (outputs, inputs, *kernel * 2)
        tensors[f"{name}.weight"] = random.normal(0, np.prod(shape[1:]) ** -0.5, shape).astype(np.float32)
        tensors[f"{name}.bias"] = random.normal(0, 0.1, outputs).astype(np.float32)
        slope = name.replace("conv", "prelu").replace("dense", "prelu")
        tensors[f"{slope}.weight"] = random.uniform(0, 0.5, outputs).astype(np.float32)
    return tensors


@pytest.mark.parametrize(("height", "width"), [(12, 12), (13, 15), (40, 27)])
def test_pnet(random, height, width):
    tensors = parameters(random, PNET_LAYERS)
    pixels = random.integers(0, 256, (2, 3, height, width)).astype(np.float32)

    features = prelu(tensors, "1", convolve(tensors, "conv1", (pixels - 127.5) / 128))
    features = prelu(tensors, "2", convolve(tensors, "conv2", pool(features, 2)))
    features = prelu(tensors, "3", convolve(tensors, "conv3", features))
    expected = [softmax(convolve(tensors, "conv4_1", features)), convolve(tensors, "conv4_2", features)]

    assert_close(run(mtcnn.pnet(tensors), pixels), expected)


def test_rnet(random):
    tensors = parameters(random, RNET_CONVOLUTIONS + RNET_DENSE)
    pixels = random.integers(0, 256, (5, 3, 24, 24)).astype(np.float32)

    features = prelu(tensors, "1", convolve(tensors, "conv1", (pixels - 127.5) / 128))
    features = prelu(tensors, "2", convolve(tensors, "conv2", pool(features, 3)))
    features = prelu(tensors, "3", convolve(tensors, "conv3", pool(features, 3)))
    # facenet-pytorch flattens by columns, then rows, then channels
    features = prelu(tensors, "4", dense(tensors, "dense4", features.transpose(0, 3, 2, 1).reshape(len(pixels), -1)))
    expected = [softmax(dense(tensors, "dense5_1", features)), dense(tensors, "dense5_2", features)]

    assert_close(run(mtcnn.rnet(tensors), pixels), expected)


def run(network, pixels):
    core = openvino.Core()
    model = core.read_model(network.SerializeToString(), b"")
    compiled = core.compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return list(compiled(pixels).values())


def assert_close(found, expected):
    assert [values.shape for values in found] == [values.shape for values in expected]
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-5)


def convolve(tensors, layer, pixels):
    weights = tensors[f"{layer}.weight"]
    windows = np.lib.stride_tricks.sliding_window_view(pixels, weights.shape[2:], axis=(2, 3))
    return np.einsum("nihwkl,oikl->nohw", windows, weights) + tensors[f"{layer}.bias"][:, None, None]


def pool(features, kernel):
    """Maximum pooling, two apart; windows that stick out count what is there (ceil mode)."""
    *_, height, width = features.shape
    rows, columns = (range(0, max(1, side - kernel + 1 + (side - kernel) % 2), 2) for side in (height, width))
    return np.stack(
        [
            np.stack([features[:, :, y : y + kernel, x : x + kernel].max(axis=(2, 3)) for x in columns], axis=-1)
            for y in rows
        ],
        axis=2,
    )


def dense(tensors, layer, features):
    return features @ tensors[f"{layer}.weight"].T + tensors[f"{layer}.bias"]


def prelu(tensors, number, features):
    slope = tensors[f"prelu{number}.weight"].reshape(-1, *[1] * (features.ndim - 2))
    return np.where(features > 0, features, slope * features)


def softmax(logits):
    """The second class alone, with its axis kept."""
    exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
    return (exponentials / exponentials.sum(axis=1, keepdims=True))[:, 1:]
