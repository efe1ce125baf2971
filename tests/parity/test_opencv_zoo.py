"""The folded files against the originals, which ONNX's own reference evaluates block by block."""

import numpy as np
import onnx
import pytest
from onnx.reference import ReferenceEvaluator

from model.build.sources import SFACE, YUNET


def _original(content: bytes, pixels: np.ndarray) -> dict[str, np.ndarray]:
    network = onnx.load_model_from_string(content)
    return dict(
        zip(
            [output.name for output in network.graph.output],
            ReferenceEvaluator(network).run(None, {network.graph.input[0].name: pixels}),
            strict=True,
        )
    )


def test_sface_gives_the_originals_numbers(weights, network, photos):
    photo = np.resize(photos[0][::2, ::2], (112, 112, 3)).astype(np.float32).transpose(2, 0, 1)[None]
    noise = np.random.default_rng(1).uniform(0, 255, photo.shape).astype(np.float32)
    ours = network("embedder-sface.onnx")(np.concatenate([photo, noise]))[0]
    for row, pixels in zip(ours, (photo, noise), strict=True):
        theirs = _original(weights[SFACE], pixels)["fc1"][0]
        assert row == pytest.approx(theirs, abs=1e-4)


def test_yunet_gives_the_originals_numbers(weights, network, photos):
    photo = np.zeros((640, 640, 3), dtype=np.float32)
    height, width = (min(side, 640) for side in photos[0].shape[:2])
    photo[:height, :width] = photos[0][:height, :width, ::-1]
    pixels = photo.transpose(2, 0, 1)[None]
    theirs = _original(weights[YUNET], pixels)
    names = [output.name for output in onnx.load_model_from_string(weights[YUNET]).graph.output]
    ours = dict(zip(names, network("detector-yunet.onnx")(pixels), strict=True))
    assert ours["cls_8"].max() > 0.5 or ours["cls_16"].max() > 0.5 or ours["cls_32"].max() > 0.5
    for name in names:
        assert ours[name] == pytest.approx(theirs[name], abs=1e-4), name
