"""The model folder: where it is, and when it counts as whole. Builds themselves are tested in tests/parity."""

import hashlib
import json
from pathlib import Path

import pytest

from rollcall.weights.build_errors import FolderError
from rollcall.weights.folder import (
    BUILD_VERSION,
    MANIFEST,
    ensure_model_files,
    is_complete,
    model_directory,
    read_manifest,
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    content = b"weights"
    (tmp_path / "net.onnx").write_bytes(content)
    entry = {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    write_manifest(tmp_path, {"build": BUILD_VERSION, "files": {"net.onnx": entry}})
    return tmp_path


def write_manifest(folder: Path, manifest: object) -> None:
    (folder / MANIFEST).write_text(json.dumps(manifest))


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"ROLLCALL_MODEL_DIR": "/models", "XDG_CACHE_HOME": "/cache"}, Path("/models")),
        ({"XDG_CACHE_HOME": "/cache"}, Path("/cache/rollcall/models") / BUILD_VERSION),
        ({"ROLLCALL_MODEL_DIR": "", "XDG_CACHE_HOME": ""}, Path.home() / ".cache/rollcall/models" / BUILD_VERSION),
        ({}, Path.home() / ".cache/rollcall/models" / BUILD_VERSION),
        ({"ROLLCALL_MODEL_DIR": "models"}, Path.cwd() / "models"),
    ],
)
def test_model_directory(environment, expected):
    assert model_directory(environment) == expected


def test_whole_folder_is_left_alone(folder):
    steps: list[str] = []
    before = sorted(folder.iterdir())
    assert ensure_model_files(folder, verify=True, progress=steps.append) == folder
    assert steps == []
    assert sorted(folder.iterdir()) == before


def test_another_size_is_incomplete(folder):
    (folder / "net.onnx").write_bytes(b"weight")
    assert not is_complete(folder)


def test_another_content_shows_when_verified(folder):
    (folder / "net.onnx").write_bytes(b"height!")
    assert is_complete(folder)
    assert not is_complete(folder, verify=True)


def test_missing_file_is_incomplete(folder):
    (folder / "net.onnx").unlink()
    assert not is_complete(folder)


@pytest.mark.parametrize("manifest", [{"build": "0", "files": {}}, {"build": BUILD_VERSION}, {}, [], None, "x"])
def test_other_manifests_are_incomplete(folder, manifest):
    write_manifest(folder, manifest)
    assert not is_complete(folder)


def test_missing_manifest_is_named(tmp_path):
    assert not is_complete(tmp_path)
    with pytest.raises(FolderError, match="python -m rollcall.weights"):
        read_manifest(tmp_path)


def test_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(FolderError, match="file"):
        ensure_model_files(tmp_path / "file")
