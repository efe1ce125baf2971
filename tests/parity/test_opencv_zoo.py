"""The folded files against the originals, which ONNX's own reference evaluates block by block."""

import numpy as np
import onnx
import pytest
from onnx.reference import ReferenceEvaluator
from PIL import Image

from model.build.opencv_zoo import sface
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


@pytest.fixture(scope="module")
def chips(photo_faces) -> np.ndarray:
    """[N, 3, 112, 112], RGB: tight crops, which is near enough to how SFace sees faces."""
    crops = [photo[max(box.top(), 0) : box.bottom(), max(box.left(), 0) : box.right()] for photo, box in photo_faces]
    resized = [Image.fromarray(crop).resize((112, 112)) for crop in crops[:6]]
    return np.stack([np.asarray(crop) for crop in resized]).astype(np.float32).transpose(0, 3, 1, 2)


@pytest.fixture(scope="module")
def theirs(weights, chips) -> np.ndarray:
    return np.concatenate([_original(weights[SFACE], chip[None])["fc1"] for chip in chips])


def test_sface_in_float32_gives_the_originals_numbers(weights, run_file, chips, theirs, tmp_path):
    path = tmp_path / "sface.onnx"
    path.write_bytes(sface(weights[SFACE]).SerializeToString())

    assert run_file(path)(chips)[0] == pytest.approx(theirs, abs=1e-3)


def test_sface_in_eight_bits_sees_the_same_faces(network, chips, theirs):
    ours = network("embedder-sface.onnx")(chips)[0]

    cosines = (ours * theirs).sum(axis=1) / np.linalg.norm(ours, axis=1) / np.linalg.norm(theirs, axis=1)
    # two photos of one person reach 0.9 at most
    assert cosines.min() > 0.98


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
