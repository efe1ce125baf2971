"""Compiled networks, kept beside the model files: to read one takes a fifth of the time of compiling it.

A kept network fits one version of the runtime, one kind of processor and one model file. For others the network is
compiled anew, and kept where the folder can be written. It is trusted like the model files beside it.
"""

import hashlib
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rollcall.runtime.whole_file import MARK, write_whole

if TYPE_CHECKING:
    import openvino  # `rollcall.engine.sessions` alone imports it, and not all of it

FOLDER = "compiled"
DEVICE = "CPU"


def compiled(
    core: "openvino.Core",
    path: Path,
    *,
    form: str,
    settings: Mapping[str, Any],
    network: "Callable[[], openvino.Model]",
) -> "openvino.CompiledModel":
    """The network of the model file at `path`: the kept one, or compiled from the result of `network`.

    `form`: tells apart several networks made of one file.
    """
    kept = path.parent / FOLDER / f"{path.stem}-{_key(core, path, form)}.blob"
    # the file may have any fault: the network itself is at hand
    with suppress(OSError, RuntimeError):
        return core.import_model(kept.read_bytes(), DEVICE, dict(settings))
    made = core.compile_model(network(), DEVICE, dict(settings))
    with suppress(OSError, RuntimeError):  # as in an image, where nothing can be written
        _keep(made, kept, stem=path.stem)
    return made


def _key(core: "openvino.Core", path: Path, form: str) -> str:
    file = path.stat()
    abilities = sorted(core.get_property(DEVICE, "OPTIMIZATION_CAPABILITIES"))
    version = core.get_versions(DEVICE)[DEVICE].build_number
    parts = [version, *abilities, str(file.st_size), str(file.st_mtime_ns), form]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def _keep(network: "openvino.CompiledModel", file: Path, *, stem: str) -> None:
    file.parent.mkdir(mode=0o700, exist_ok=True)
    former = {*file.parent.glob(f"{stem}-????????????????.blob"), *file.parent.glob(f"{MARK}{stem}-*")} - {file}
    write_whole(file, lambda part: part.write(network.export_model().getbuffer()), name=f"{stem}-")
    for blob in former:
        blob.unlink(missing_ok=True)
