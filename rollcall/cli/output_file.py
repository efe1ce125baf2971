"""One file that a command writes: checked before the work, then written whole or not at all."""

import os
import stat
import tempfile
from collections.abc import Collection
from pathlib import Path

from rollcall.contracts.usage_error import UsageError
from rollcall.media.folders import is_folder, reason_of
from rollcall.runtime.whole_file import write_whole


def require_writable(file: Path, *, inputs: Collection[Path] = ()) -> None:
    """Raises UsageError. A file of its own is replaced; a folder, a device, a pipe or one of `inputs` is not."""
    target = Path(os.path.realpath(file))
    try:
        reason = _obstacle(target)
        if reason is None:
            with tempfile.TemporaryFile(dir=target.parent):
                pass
    except OSError as error:
        reason = reason_of(error)
    if reason is not None:
        raise UsageError(
            f"{file}: cannot be written there ({reason}); name a file in a folder that exists and may be written"
        )
    if any(os.path.realpath(path) == str(target) for path in inputs):
        raise UsageError(f"{file}: is one of the files that are read; name another file to be written")


def _obstacle(target: Path) -> str | None:
    if is_folder(target):
        return "it is a folder"
    try:
        mode = target.stat().st_mode
    except FileNotFoundError:
        return None
    if not stat.S_ISREG(mode):
        return "it is no file"
    return None if os.access(target, os.W_OK) else "you have no permission"


def write_output_file(file: Path, content: bytes) -> None:
    """Writes the file; what was there before stays until the new content is complete. Raises OSError."""
    target = Path(os.path.realpath(file))
    write_whole(target, lambda part: part.write(content), mode=_mode(target))


def _mode(target: Path) -> int:
    """The permissions of the replaced file, or of a new one: a temporary file is readable by its owner alone."""
    try:
        return stat.S_IMODE(target.stat().st_mode)
    except FileNotFoundError:
        mask = os.umask(0o077)
        os.umask(mask)
        return 0o666 & ~mask
