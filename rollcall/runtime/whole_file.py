"""Writes a file whole or not at all: whoever opens it finds what was there before, or all of the new content."""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import IO

MARK = ".writing-"  # begins the name of a file that is not whole yet


def write_whole(file: Path, write: Callable[[IO[bytes]], object], *, name: str = "", mode: int | None = None) -> None:
    """Calls `write` with a file beside `file`, and puts it in its place. Raises OSError.

    `name`: in the name of the file beside it, for whoever tidies up after a killed process. `mode`: its permissions;
    None leaves it to its owner alone.
    """
    with tempfile.NamedTemporaryFile(dir=file.parent, prefix=f"{MARK}{name}", delete=False) as part:
        written = Path(part.name)
        try:
            write(part)
            part.close()
            if mode is not None:
                written.chmod(mode)
            written.replace(file)
        except BaseException:
            written.unlink(missing_ok=True)
            raise
