"""Adds the optional embedder to a complete model folder."""

import hashlib
import tempfile
from pathlib import Path
from typing import Any

from rollcall.contracts.embedder_kinds import EMBEDDERS
from rollcall.weights.build_errors import FolderError
from rollcall.weights.build_progress import Progress
from rollcall.weights.facenet_weights import VGGFACE2, WeightsFile
from rollcall.weights.files import write_facenet
from rollcall.weights.folder import MANIFEST, PARTIAL, locked, read_manifest, write_manifest

(FILE,) = EMBEDDERS["facenet"].files


def add_facenet(
    directory: Path, weights: bytes, *, origin: WeightsFile = VGGFACE2, progress: Progress = lambda line: None
) -> None:
    """Builds the file of the embedder facenet and lists it in the manifest, unless it is there from these weights.

    Raises `ArchiveError` for weights of another network, `FolderError` for a folder that cannot be written.
    """
    try:
        with locked(directory):
            manifest = read_manifest(directory)
            built_from = manifest["files"].get(FILE, {}).get("source", {}).get("sha256")
            if built_from != hashlib.sha256(weights).hexdigest():
                progress(f"building {FILE}")
                _add(directory, manifest, weights, origin)
    except OSError as error:
        raise FolderError(f"model folder {directory} cannot be written: {error.strerror or error}") from error


def _add(directory: Path, manifest: dict[str, Any], weights: bytes, origin: WeightsFile) -> None:
    with tempfile.TemporaryDirectory(prefix=PARTIAL, dir=directory) as scratch:
        partial = Path(scratch)
        entry = write_facenet(partial / FILE, weights, origin)
        write_manifest(partial, manifest | {"files": manifest["files"] | {FILE: entry}})
        for name in (FILE, MANIFEST):  # the manifest last: what it lists is there
            (partial / name).replace(directory / name)
