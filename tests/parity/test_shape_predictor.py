"""landmarks-5.npz, evaluated as its documentation says and by the engine, against dlib's own predictor."""

from pathlib import Path

import dlib
import numpy as np
import pytest

from model.build.sources import SHAPE_PREDICTOR
from model.landmarks import ShapePredictor

# dlib rounds its points to whole pixels: half of one is rounding, and the rest is ours
TOLERANCE = 0.5 + 0.01
BOXES_PER_FACE = 20


@pytest.fixture(scope="module")
def arrays(model_files: Path):
    with np.load(model_files / "landmarks-5.npz", allow_pickle=False) as archive:
        return dict(archive)


@pytest.fixture(scope="module")
def predictor(weight_files: Path):
    return dlib.shape_predictor(str(weight_files / SHAPE_PREDICTOR.file))


@pytest.mark.parametrize("faces", ["photo_faces", "johns_faces"])
def test_landmarks(arrays, predictor, faces, request):
    differences = []
    random = np.random.default_rng(0)
    for photo, face in request.getfixturevalue(faces):
        grey = (photo.sum(axis=2, dtype=np.uint32) // 3).astype(np.float32)
        for box in _around(face, random):
            expected = np.array([(point.x, point.y) for point in predictor(photo, box).parts()])
            differences.append(np.abs(_evaluate(arrays, grey, box) - expected).max())
    print(f"largest difference {max(differences):.4f} px over {len(differences)} boxes")
    assert len(differences) >= 5 * BOXES_PER_FACE
    assert max(differences) <= TOLERANCE


@pytest.mark.parametrize("faces", ["photo_faces", "johns_faces"])
def test_the_engine(model_files, predictor, faces, request):
    engine = ShapePredictor.load(model_files / "landmarks-5.npz")
    differences = []
    random = np.random.default_rng(0)
    for photo, face in request.getfixturevalue(faces):
        grey = (photo.sum(axis=2, dtype=np.uint32) // 3).astype(np.uint8)
        boxes = list(_around(face, random))
        corners = np.array([[box.left(), box.top(), box.right(), box.bottom()] for box in boxes], dtype=np.float64)
        found = engine.predict(np.repeat(grey[None], len(boxes), axis=0), corners)
        expected = [[(point.x, point.y) for point in predictor(photo, box).parts()] for box in boxes]
        differences += list(np.abs(found - expected).max(axis=(1, 2)))
    print(f"largest difference {max(differences):.4f} px over {len(differences)} boxes")
    assert len(differences) >= 5 * BOXES_PER_FACE
    assert max(differences) <= TOLERANCE


def _around(face, random):
    """Boxes near the face's, of which some reach out of the picture."""
    for _ in range(BOXES_PER_FACE):
        left, top = random.normal(0, face.width() / 10, 2) + (face.left(), face.top())
        width, height = face.width() * random.uniform(0.7, 1.5, 2)
        yield dlib.rectangle(int(left), int(top), int(left + width), int(top + height))


def _evaluate(arrays, grey, box):
    """Points [5, 2] in pixels of `grey` [H, W].

    Single precision, in dlib's order: a last bit can move a sampled pixel by one, which the trees amplify.
    """
    corner = np.array([box.left(), box.top()], dtype=np.float64)
    extent = np.array([box.right(), box.bottom()]) - corner
    shape = arrays["initial_shape"]
    for anchors, deltas, features, thresholds, leaves in zip(
        *(arrays[name] for name in ("anchor_index", "deltas", "split_features", "split_thresholds", "leaf_values")),
        strict=True,
    ):
        turn = _similarity(arrays["initial_shape"].astype(np.float64), shape.astype(np.float64)).astype(np.float32)
        turned = deltas[:, :1] * turn[:, 0] + deltas[:, 1:] * turn[:, 1]
        positions = np.floor(corner + (turned + shape[anchors]) * extent + 0.5).astype(int)
        pixels = _pixels(grey, positions)
        trees, node = np.arange(len(features)), np.zeros(len(features), dtype=int)
        while node[0] < features.shape[1]:
            first, second = features[trees, node].T
            node = 2 * node + np.where(pixels[first] - pixels[second] > thresholds[trees, node], 1, 2)
        steps = leaves[trees, node - features.shape[1]].reshape(-1, *shape.shape)
        shape = np.add.accumulate([shape, *steps])[-1]
    return corner + shape * extent


def _similarity(source, target):
    """The rotation and scale [2, 2] that bring `source` closest to `target`, both [5, 2], means aside."""
    a, b = source - source.mean(axis=0), target - target.mean(axis=0)
    real, imaginary = (a * b).sum(), (a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]).sum()
    return np.array([[real, -imaginary], [imaginary, real]]) / (a**2).sum()


def _pixels(grey, positions):
    x, y = positions.T
    inside = (x >= 0) & (y >= 0) & (x < grey.shape[1]) & (y < grey.shape[0])
    return np.where(inside, grey[y.clip(0, grey.shape[0] - 1), x.clip(0, grey.shape[1] - 1)], 0)
