"""What the engine does before and around its networks."""

from itertools import chain
from pathlib import Path

import numpy as np
import pytest

from rollcall.contracts.detector_names import DEFAULT_DETECTOR, DETECTOR_FILES
from rollcall.contracts.embedder_kinds import EMBEDDERS
from rollcall.engine.engine import LARGEST_SIDE, checked, load_engine, model_identity
from rollcall.engine.face import ModelIdentity
from rollcall.weights.build_errors import FolderError, ModelBuildError

FILES = ("embedder-dlib-resnet.onnx", *set(chain.from_iterable(DETECTOR_FILES.values())))
DLIB, FACENET = EMBEDDERS["dlib-resnet"], EMBEDDERS["facenet"]


def manifest(*more, **changed):
    return {"files": {name: {"sha256": changed.get(name.split(".")[0], "0" * 64)} for name in (*FILES, *more)}}


def test_identity_names_the_weights():
    identity = model_identity(manifest(**{"embedder-dlib-resnet": "abcdef0123456789"}), DLIB)

    assert identity.embedder == "dlib-resnet@abcdef01"
    assert (identity.embedder_name, identity.dimension) == ("dlib-resnet", 128)
    assert identity.versions() == {
        "detector": identity.detector,
        "landmarks": "mtcnn-onet@00000000",
        "embedder": "dlib-resnet@abcdef01",
    }


def test_identity_names_the_embedder_in_use():
    identity = model_identity(manifest(*FACENET.files, **{"embedder-facenet": "1" * 64}), FACENET)

    assert identity.embedder == "facenet@11111111"
    assert (identity.embedder_name, identity.dimension) == ("facenet", 512)


def test_an_embedder_that_was_not_built_is_refused_with_what_to_do():
    with pytest.raises(FolderError, match="lack the embedder facenet.*--facenet-weights FILE"):
        model_identity(manifest(), FACENET)


@pytest.mark.parametrize(
    ("detector", "network"), [(name, file) for name, files in DETECTOR_FILES.items() for file in files]
)
def test_another_network_is_another_detector(detector, network):
    same: ModelIdentity = model_identity(manifest(), DLIB, detector)
    changed = model_identity(manifest(**{network.split(".")[0]: "1" * 64}), DLIB, detector)

    assert model_identity(manifest(), DLIB, detector) == same
    assert same.detector.startswith(f"{detector}@")
    assert changed.detector != same.detector


def test_the_identity_names_the_default_detector_where_none_is_chosen():
    assert model_identity(manifest(), DLIB) == model_identity(manifest(), DLIB, DEFAULT_DETECTOR)


@pytest.mark.parametrize(
    ("image", "complaint"),
    [
        (np.zeros((10, 10), np.uint8), r"\[10, 10\] uint8"),
        (np.zeros((10, 10, 4), np.uint8), r"\[10, 10, 4\] uint8"),
        (np.zeros((10, 10, 3), np.float32), r"\[10, 10, 3\] float32"),
        (np.zeros((0, 10, 3), np.uint8), r"\[0, 10, 3\] uint8"),
        (np.broadcast_to(np.uint8(0), (1, LARGEST_SIDE + 1, 3)), "32001 x 1"),
    ],
)
def test_an_array_that_is_no_picture_is_refused_by_name(image, complaint):
    with pytest.raises(ValueError, match=complaint):
        checked(image)


def test_a_view_that_skips_pixels_is_made_contiguous():
    mirrored = np.zeros((4, 6, 3), np.uint8)[:, ::-1]

    assert checked(mirrored).flags.c_contiguous


@pytest.mark.parametrize("settings", [{"min_face": 11}, {"threads": 0}])
def test_settings_out_of_range_are_refused(settings):
    with pytest.raises(ValueError, match=next(iter(settings))):
        load_engine(Path("anywhere"), **settings)


def test_an_unknown_embedder_is_refused_with_those_there_are():
    with pytest.raises(ValueError, match="'arcface'.*fused, dlib-resnet, sface, facenet"):
        load_engine(Path("anywhere"), "arcface")


def test_an_unknown_detector_is_refused_with_those_there_are():
    with pytest.raises(ValueError, match="'haar'.*yunet, mtcnn"):
        load_engine(Path("anywhere"), detector="haar")


def test_a_folder_without_model_files_is_refused(tmp_path):
    with pytest.raises(ModelBuildError, match=str(tmp_path)):
        load_engine(tmp_path)
