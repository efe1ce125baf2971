"""Which files are meant, and under which key each is uploaded."""

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from functions.common.keys import MAX_INPUT_KEY_BYTES
from local.errors import UsageError

_VIDEO_SUFFIXES = ".mp4 .m4v .mov .mkv .webm .avi .mpg .mpeg .ts .m2ts .mts .flv .wmv .ogv .3gp"
_PHOTO_SUFFIXES = ".jpg .jpeg .png .webp"
MEDIA_SUFFIXES = frozenset(f"{_VIDEO_SUFFIXES} {_PHOTO_SUFFIXES}".split())
_MAX_NAME_BYTES = 255  # of one file name, on the usual file systems


@dataclass(frozen=True)
class MediaFile:
    path: Path
    key: str


def find_media(paths: Sequence[Path], *, leave_out: Path) -> list[MediaFile]:
    """Files as named, folders searched for media by suffix; nothing inside `leave_out`, the results' own folder."""
    found: dict[Path, Path] = {}
    for path in paths:
        if path.is_dir():
            files = _files_in(path, leave_out)
            if not files:
                raise UsageError(f"{path}: no video or photo in this folder ({' '.join(sorted(MEDIA_SUFFIXES))})")
        elif path.is_file():
            files = [path]
        else:
            raise UsageError(f"{path}: no such file or folder")
        for file in files:
            if not os.access(file, os.R_OK):
                raise UsageError(f"{file}: not readable")
            found[file.resolve()] = file
    return [MediaFile(path=path, key=key) for path, key in zip(found, _keys(list(found)), strict=True)]


def _files_in(folder: Path, leave_out: Path) -> list[Path]:
    excluded = leave_out.resolve()
    return [
        path
        for path in sorted(folder.rglob("*"))
        if path.suffix.lower() in MEDIA_SUFFIXES
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
        and path.is_file()
        and not path.resolve().is_relative_to(excluded)
    ]


def _keys(paths: list[Path]) -> list[str]:
    """File names, with as many parent folders before them as it takes to tell them apart."""
    depths = [1] * len(paths)
    while True:
        keys = [_key(path, depth) for path, depth in zip(paths, depths, strict=True)]
        counts = Counter(keys)
        clashing = [
            index for index, key in enumerate(keys) if counts[key] > 1 and depths[index] < len(paths[index].parts)
        ]
        if not clashing:
            break
        for index in clashing:
            depths[index] += 1
    for path, key in zip(paths, keys, strict=True):
        if len(key.encode()) > MAX_INPUT_KEY_BYTES:
            raise UsageError(f"{path}: the path is too long for an object key; move or rename the file")
    return keys


def _key(path: Path, depth: int) -> str:
    parts = path.parts[1:][-depth:]  # without the root
    # names that are not UTF-8 cannot be keys as they are
    return "/".join(os.fsencode(part).decode("utf-8", "replace") for part in parts)


def output_path(root: Path, key: str) -> Path:
    """Where an output with this key goes: under `root`, whatever the key says."""
    parts = key.split("/")
    if any(part in {"", ".", ".."} or "\x00" in part or len(part.encode()) > _MAX_NAME_BYTES for part in parts):
        raise UsageError(f"{key!r}: not a key that can be a file under {root}")
    if any("\\" in part or ":" in part for part in parts) and os.name == "nt":
        raise UsageError(f"{key!r}: not a key that can be a file under {root}")
    path = root.joinpath(*PurePosixPath(key).parts)
    if not path.resolve().is_relative_to(root.resolve()):  # a symbolic link on the way
        raise UsageError(f"{key!r}: leads out of {root}")
    return path


def check_output_folder(out: Path, media: Sequence[MediaFile]) -> None:
    """Refuse before any work what would fail or overwrite something in the end."""
    if out.exists() and not out.is_dir():
        raise UsageError(f"--out {out}: exists and is not a folder")
    for file in media:
        folder = output_path(out, file.key)
        while folder != out:
            if folder.is_file():
                raise UsageError(
                    f"--out {out}: {folder} is a file where the results of {file.key} need a folder; choose another"
                )
            folder = folder.parent
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"--out {out}: cannot be created ({error.strerror})") from error
    if not os.access(out, os.W_OK | os.X_OK):
        raise UsageError(f"--out {out}: not writable")
