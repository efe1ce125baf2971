"""The folder that holds the model files: where it is, whether it is complete, and how it is built.

The manifest is written last and removed first, so a folder with a manifest is whole; a lock lets one builder work at a
time. This module is on the path of every cold start: it imports only the standard library until a build is needed.
"""

import fcntl
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rollcall.contracts.embedder_kinds import EmbedderKind
from rollcall.weights.build_errors import FolderError
from rollcall.weights.build_progress import Progress

BUILD_VERSION = "5"  # raise it when the files that a build makes change: older folders are then built anew
MANIFEST = "manifest.json"
_LOCK = ".lock"
PARTIAL = ".building-"


def model_directory(environment: Mapping[str, str] = os.environ) -> Path:
    """`$ROLLCALL_MODEL_DIR`, else a folder of this build version in the user's cache."""
    if chosen := environment.get("ROLLCALL_MODEL_DIR"):
        return Path(chosen).expanduser().absolute()
    cache = environment.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(cache).expanduser().absolute() / "rollcall" / "models" / BUILD_VERSION


def ensure_model_files(
    directory: Path | None = None, *, verify: bool = False, progress: Progress = lambda line: None
) -> Path:
    """The folder with the model files, built first where it is missing, incomplete or of another build version.

    `verify` reads every file and compares its SHA-256 too. `progress` gets one line of text per step of a build.
    Several processes may call this at once: one builds, the others wait.
    Raises `ModelBuildError` when the sources cannot be fetched or the folder cannot be written.
    """
    directory = model_directory() if directory is None else directory
    if is_complete(directory, verify=verify):
        return directory
    try:
        with locked(directory):
            if not is_complete(directory, verify=verify):
                _build_into(directory, progress)
    except OSError as error:
        raise FolderError(f"model folder {directory} cannot be built: {error.strerror or error}") from error
    return directory


def require_embedder(manifest: Mapping[str, Any], kind: EmbedderKind) -> None:
    """Errors: `FolderError` where the manifest lacks a file of this embedder."""
    if not set(kind.files) <= manifest["files"].keys():
        how = "python -m rollcall.weights" + (f" --{kind.name}-weights FILE" if kind.optional else "")
        raise FolderError(f"the model files lack the embedder {kind.name}: build it with `{how}`")


def is_complete(directory: Path, *, verify: bool = False) -> bool:
    """Whether the manifest is of this build version and each file has the size (`verify`: and SHA-256) that it says."""
    try:
        manifest = read_manifest(directory)
        files = [(directory / name, entry) for name, entry in manifest["files"].items()]
        return (
            manifest["build"] == BUILD_VERSION
            and all(path.stat().st_size == entry["bytes"] for path, entry in files)
            and not (verify and any(_digest(path) != entry["sha256"] for path, entry in files))
        )
    except (FolderError, OSError, KeyError):
        return False


def read_manifest(directory: Path) -> dict[str, Any]:
    """`{"build": version, "files": {name: {"sha256", "bytes", "license", "source": {...}}}}`."""
    try:
        manifest = json.loads((directory / MANIFEST).read_bytes())
    except (OSError, ValueError) as error:
        raise FolderError(f"{directory} holds no model files; build them with `python -m rollcall.weights`") from error
    if not isinstance(manifest, dict):
        raise FolderError(f"{directory / MANIFEST} is not a manifest; delete the folder and build it again")
    return manifest


def _build_into(directory: Path, progress: Progress) -> None:
    # only a build needs onnx, which takes longer to import than a cold start may take in all
    from rollcall.weights.files import build_files  # noqa: PLC0415

    with tempfile.TemporaryDirectory(prefix=PARTIAL, dir=directory) as scratch:
        partial = Path(scratch)
        manifest = {"build": BUILD_VERSION, "files": build_files(partial, progress=progress)}
        write_manifest(partial, manifest)
        (directory / MANIFEST).unlink(missing_ok=True)
        for name in [*manifest["files"], MANIFEST]:
            (partial / name).replace(directory / name)
    # of builders that were killed; not before, since the download of one may outlive it for a while
    for leftover in directory.glob(f"{PARTIAL}*"):
        shutil.rmtree(leftover, ignore_errors=True)
    progress(f"model files are ready in {directory}")


def write_manifest(directory: Path, manifest: dict[str, Any]) -> None:
    (directory / MANIFEST).write_text(json.dumps(manifest, indent=2, sort_keys=True) + "\n")


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def locked(directory: Path) -> Iterator[None]:
    directory.mkdir(parents=True, exist_ok=True)
    with (directory / _LOCK).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
