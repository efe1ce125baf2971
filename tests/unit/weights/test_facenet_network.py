"""The optional embedder, with random weights: which files are taken, and how it comes into a model folder."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import openvino
import pytest

from rollcall.contracts.embedder_kinds import EMBEDDERS
from rollcall.weights.build_errors import ArchiveError, FolderError, SourceError
from rollcall.weights.facenet import facenet
from rollcall.weights.facenet_weights import VGGFACE2, read_weights
from rollcall.weights.folder import BUILD_VERSION, MANIFEST, is_complete, read_manifest, require_embedder
from rollcall.weights.optional import FILE, add_facenet
from tests.facenet_weights import random_weights, weights_file
from tests.torch_files import saved


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Whole, without the optional embedder."""
    folder = tmp_path / "models"
    folder.mkdir()
    (folder / MANIFEST).write_text(json.dumps({"build": BUILD_VERSION, "files": {}}))
    return folder


def test_weights_become_a_listed_file(folder, tmp_path):
    pin = weights_file(tmp_path / "weights.pt")

    add_facenet(folder, read_weights(tmp_path / "weights.pt", pin), origin=pin)

    entry = read_manifest(folder)["files"][FILE]
    assert entry["source"] == {"package": "random", "version": "0", "url": "", "sha256": pin.sha256}
    assert entry["license"] == pin.license
    assert is_complete(folder, verify=True)
    assert sorted(path.name for path in folder.iterdir() if not path.name.startswith(".")) == [FILE, MANIFEST]
    (output,) = onnx.load(folder / FILE).graph.output
    assert output.type.tensor_type.shape.dim[1].dim_value == EMBEDDERS["facenet"].dimension


def test_the_same_weights_are_built_once_and_others_anew(folder, tmp_path):
    first, second = (saved(random_weights(seed=seed)) for seed in (1, 2))
    steps: list[str] = []

    for weights in (first, first, second):
        add_facenet(folder, weights, progress=steps.append)

    assert steps == [f"building {FILE}"] * 2
    assert is_complete(folder, verify=True)


def test_weights_of_another_network_leave_the_folder_as_it_was(folder):
    weights = random_weights()
    del weights["mixed_7a.branch2.0.conv.weight"]
    before = (folder / MANIFEST).read_text()

    with pytest.raises(ArchiveError, match=r"InceptionResnetV1: mixed_7a\.branch2\.0\.conv\.weight is missing"):
        add_facenet(folder, saved(weights))

    assert (folder / MANIFEST).read_text() == before
    assert not (folder / FILE).exists()


def test_a_folder_without_model_files_is_refused(tmp_path):
    with pytest.raises(FolderError, match="holds no model files"):
        add_facenet(tmp_path, b"")


def test_a_folder_that_lacks_it_says_how_to_build_it(folder):
    with pytest.raises(
        FolderError, match="lack the embedder facenet: build it with `python -m rollcall.weights --facenet"
    ):
        require_embedder(read_manifest(folder), EMBEDDERS["facenet"])


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda content: content[:-1], "it has .* bytes, expected"),
        (lambda content: content + b"\0", "it has .* bytes, expected"),
        (lambda content: content[:-1] + bytes([content[-1] ^ 1]), "its SHA-256 is .*, expected"),
    ],
)
def test_another_file_than_the_pinned_is_refused(tmp_path, change, complaint):
    path = tmp_path / "weights.pt"
    pin = weights_file(path)
    path.write_bytes(change(path.read_bytes()))

    with pytest.raises(SourceError, match=f"weights.pt is not {pin.file}: {complaint}"):
        read_weights(path, pin)


def test_a_file_that_is_missing_is_refused(tmp_path):
    with pytest.raises(SourceError, match="cannot be read: No such file"):
        read_weights(tmp_path / "weights.pt")


def test_its_embeddings_have_length_1_and_depend_on_the_chip(tmp_path):
    side = EMBEDDERS["facenet"].networks[0].chip_side
    (tmp_path / FILE).write_bytes(facenet(random_weights()).SerializeToString())
    network = openvino.Core().compile_model(tmp_path / FILE, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    pixels = np.random.default_rng(0).integers(0, 256, (2, 3, side, side)).astype(np.float32)

    one, other = network(pixels)[0]

    assert np.linalg.norm(one) == pytest.approx(1, abs=1e-5)
    assert np.linalg.norm(one - other) > 1e-3


def build(tmp_path: Path, *arguments: str, **environment: str) -> list[str]:
    """What `python -m rollcall.weights` says as it fails, before it has built anything."""
    run = subprocess.run(
        [sys.executable, "-m", "rollcall.weights", "--out", str(tmp_path / "models"), *arguments],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 2
    assert run.stdout == ""
    assert not (tmp_path / "models").exists()
    return run.stderr.splitlines()


def test_a_wrong_file_is_one_line_whether_an_option_or_the_environment_names_it(tmp_path):
    path = tmp_path / "other.pt"
    path.write_bytes(b"weights")

    (by_option,) = build(tmp_path, "--facenet-weights", str(path))
    (by_environment,) = build(tmp_path, ROLLCALL_FACENET_WEIGHTS=str(path))

    assert by_option == f"error: {path} is not {VGGFACE2.file}: it has 7 bytes, expected {VGGFACE2.bytes}"
    assert by_environment == by_option


def test_a_release_that_cannot_be_reached_is_one_line(tmp_path):
    nowhere = "http://127.0.0.1:9"
    environment = {"https_proxy": nowhere, "HTTPS_PROXY": nowhere, "no_proxy": "", "NO_PROXY": ""}

    *progress, error = build(tmp_path, "--fetch-facenet", ROLLCALL_FACENET_WEIGHTS="", **environment)

    assert progress == [f"fetching {VGGFACE2.url}, 111 MB"]
    assert error.startswith(f"error: {VGGFACE2.url} cannot be fetched (")
    assert error.endswith("give the file with --facenet-weights")
