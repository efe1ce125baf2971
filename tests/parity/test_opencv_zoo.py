"""The folded files against the originals, which ONNX's own reference evaluates block by block."""

import cv2
import numpy as np
import onnx
import pytest
from onnx.reference import ReferenceEvaluator
from PIL import Image

from rollcall.contracts.detector_names import YUNET_STRIDES
from rollcall.engine.detection.yunet import proposals
from rollcall.engine.sessions import OpenVinoSession, runtime
from rollcall.weights.opencv_zoo import restored_yunet, sface
from rollcall.weights.sources import SFACE, YUNET


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
    ours = network("detector-yunet.onnx")(pixels)

    assert len(ours) == len(YUNET_STRIDES)
    scores = []
    for stride, faces in zip(YUNET_STRIDES, ours, strict=True):
        kind, objectness, boxes = np.split(faces.reshape(1, -1, 6), [1, 2], axis=2)
        for name, numbers in (("cls", kind), ("obj", objectness)):
            assert 1 / (1 + np.exp(-numbers)) == pytest.approx(theirs[f"{name}_{stride}"], abs=1e-4), name
        assert boxes == pytest.approx(theirs[f"bbox_{stride}"], abs=1e-4)
        scores.append(theirs[f"cls_{stride}"].max())
    assert max(scores) > 0.5  # it sees a face


def test_yunet_sees_what_it_sees_in_opencv(weights, model_files, photos, tmp_path):
    original = tmp_path / "yunet.onnx"
    original.write_bytes(restored_yunet(weights[YUNET]).SerializeToString())
    height, width = (side // 32 * 32 for side in photos[0].shape[:2])
    picture = np.ascontiguousarray(photos[0][:height, :width, ::-1])
    session = OpenVinoSession(runtime(), model_files / "detector-yunet.onnx", threads=1, colors="BGR")

    ours = proposals(session, picture, least=0.6).distinct(overlap=0.3, most=100)
    theirs = cv2.FaceDetectorYN.create(str(original), "", (width, height), 0.6, 0.3).detect(picture)[1]

    sides = ours.corners[:, 2:] - ours.corners[:, :2]
    assert np.hstack([ours.corners[:, :2], sides]) == pytest.approx(theirs[:, :4], abs=0.01)
    assert ours.scores == pytest.approx(theirs[:, -1], abs=1e-4)
