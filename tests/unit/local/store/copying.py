"""Somebody who copies a folder, file by file, while a server writes to it."""

import random
import shutil
from contextlib import suppress
from pathlib import Path


def copy_folder(source: Path, target: Path, rng: random.Random) -> None:
    """As `cp -r`, in an order that nobody can know. What goes meanwhile is not copied."""
    target.mkdir()
    entries = sorted(source.iterdir())
    rng.shuffle(entries)
    for entry in entries:
        with suppress(FileNotFoundError):
            if entry.is_dir():
                copy_folder(entry, target / entry.name, rng)
            else:
                shutil.copy(entry, target / entry.name)
