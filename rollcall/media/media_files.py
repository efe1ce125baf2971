"""Which files a user means, under which key each is uploaded, and where its results go."""

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from rollcall.contracts.errors import EmptyFile, MediaError
from rollcall.contracts.object_keys import MAX_INPUT_KEY_BYTES
from rollcall.contracts.usage_error import UsageError
from rollcall.media.folders import LeftOut, is_folder, reason_of, walk, why_unreadable
from rollcall.media.photo_formats import SUFFIXES as PHOTO_SUFFIXES
from rollcall.media.source import LocalFile, container_of

# A file named so is meant as media: if it is none, the pipeline says so; it is not left out.
_VIDEO_SUFFIXES = (
    ".mp4 .m4v .mov .mkv .webm .avi .mpg .mpeg .ts .m2ts .mts .flv .wmv .asf .ogv .3gp .3g2 .vob .mxf .dv .ivf .dav"
    " .h264 .264 .h265 .265 .hevc .mjpeg .mjpg"
)
MEDIA_SUFFIXES = PHOTO_SUFFIXES | frozenset(_VIDEO_SUFFIXES.split())
_MAX_NAME_BYTES = 255  # of one file name, on the usual file systems
_REASONS_TOLD = 5


@dataclass(frozen=True)
class MediaFile:
    path: Path
    key: str


@dataclass(frozen=True, kw_only=True)
class FoundMedia:
    files: list[MediaFile]
    left_out: list[LeftOut]

    @property
    def failed(self) -> bool:
        return any(entry.failed for entry in self.left_out)


def find_media(paths: Sequence[Path], *, leave_out: Path) -> FoundMedia:
    """Files as named, and in folders what is media by content or name; without `leave_out`, the results' folder.

    Raises UsageError if there is no file at all.
    """
    entries = [entry for path in paths for entry in _entries(path, leave_out)]
    files = _once([entry for entry in entries if isinstance(entry, Path)])
    left_out = [entry for entry in (*entries, *files) if isinstance(entry, LeftOut)]
    found = [entry for entry in files if isinstance(entry, Path)]
    keys = keys_of(found)
    left_out += [_too_long(path) for path, key in zip(found, keys, strict=True) if not _fits(key)]
    media = [MediaFile(path=path, key=key) for path, key in zip(found, keys, strict=True) if _fits(key)]
    if not media:
        raise UsageError(_nothing(paths, left_out))
    return FoundMedia(files=media, left_out=left_out)


def _entries(path: Path, leave_out: Path) -> Iterator[Path | LeftOut]:
    if is_folder(path):
        for entry in walk(path, deep=True, leave_out=leave_out):
            yield entry if isinstance(entry, LeftOut) else if_media(entry)
    else:
        reason = why_unreadable(path)
        yield path if reason is None else LeftOut(path=path, reason=reason, failed=True)


def if_media(path: Path) -> Path | LeftOut:
    """The file itself, or why it is neither a video nor a photo nor meant to be one."""
    if path.suffix.lower() in MEDIA_SUFFIXES:
        return path
    try:
        container_of(LocalFile(path))
    except EmptyFile:
        return LeftOut(path=path, reason="empty")
    except MediaError:
        return LeftOut(path=path, reason="not a video or photo")
    except OSError as error:
        return LeftOut(path=path, reason=reason_of(error), failed=True)
    return path


def _once(paths: list[Path]) -> list[Path | LeftOut]:
    """A file that is there twice, perhaps by a link, is uploaded once."""
    first: dict[str, Path] = {}
    once: list[Path | LeftOut] = []
    for path in paths:
        real = os.path.realpath(path)
        if real in first:
            once.append(LeftOut(path=path, reason=f"the same file as {first[real]}"))
        else:
            first[real] = path
            once.append(path)
    return once


def _nothing(paths: Sequence[Path], left_out: Sequence[LeftOut]) -> str:
    named = ", ".join(map(str, paths))
    if not left_out:
        return f"{named}: no video or photo in this folder"
    reasons = "; ".join(f"{entry.path}: {entry.reason}" for entry in left_out[:_REASONS_TOLD])
    more = f"; and {len(left_out) - _REASONS_TOLD} more" if len(left_out) > _REASONS_TOLD else ""
    if any(map(is_folder, paths)):
        return f"{named}: no video or photo that can be read ({reasons}{more})"
    return f"{reasons}{more}"


def _fits(key: str) -> bool:
    return len(key.encode()) <= MAX_INPUT_KEY_BYTES


def _too_long(path: Path) -> LeftOut:
    return LeftOut(path=path, reason="the path is too long for an object key; move or rename the file", failed=True)


def keys_of(paths: Sequence[Path]) -> list[str]:
    """File names, with as many parent folders before them as it takes to tell them apart; else with a number."""
    depths = [1] * len(paths)
    absolute = [path.absolute() for path in paths]
    while True:
        keys = [_key(path, depth) for path, depth in zip(absolute, depths, strict=True)]
        counts = Counter(keys)
        clashing = [
            index for index, key in enumerate(keys) if counts[key] > 1 and depths[index] < len(absolute[index].parts)
        ]
        if not clashing:
            return _numbered(keys)
        for index in clashing:
            depths[index] += 1


def _key(path: Path, depth: int) -> str:
    return upload_key(Path(*path.parts[1:][-depth:]))  # without the root


def upload_key(relative: Path) -> str:
    return "/".join(map(_key_part, relative.parts))


def _key_part(name: str) -> str:
    """A key that every S3 client can name, also for file names that are not UTF-8 or hold line breaks."""
    text = os.fsencode(name).decode("utf-8", "replace")
    return "".join("\N{REPLACEMENT CHARACTER}" if ord(each) < ord(" ") or each == "\x7f" else each for each in text)


def _numbered(keys: list[str]) -> list[str]:
    """Keys with a number where different names would become one: `b.jpg`, `b-2.jpg`."""
    taken = set(keys)
    given: set[str] = set()
    for index, key in enumerate(keys):
        if key in given:
            path = PurePosixPath(key)
            numbers = (str(path.with_name(f"{path.stem}-{number}{path.suffix}")) for number in range(2, len(keys) + 2))
            keys[index] = next(name for name in numbers if name not in taken)
            taken.add(keys[index])
        given.add(keys[index])
    return keys


def output_path(root: Path, key: str) -> Path:
    """The file of an output with this key, always under `root`."""
    parts = key.split("/")
    if any(part in {"", ".", ".."} or "\x00" in part for part in parts):
        raise UsageError(f"{key!r}: not a key that can be a file under {root}")
    if any(len(part.encode()) > _MAX_NAME_BYTES for part in parts):
        raise UsageError(f"{key!r}: a file name of over {_MAX_NAME_BYTES} bytes, too long for a file under {root}")
    if any("\\" in part or ":" in part for part in parts) and os.name == "nt":
        raise UsageError(f"{key!r}: not a key that can be a file under {root}")
    path = root.joinpath(*PurePosixPath(key).parts)
    if not Path(os.path.realpath(path)).is_relative_to(os.path.realpath(root)):  # a symbolic link on the way
        raise UsageError(f"{key!r}: leads out of {root}")
    return path
