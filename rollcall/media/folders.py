"""The files behind a user's paths, and a reason for everything else. Nothing that would block is opened."""

import errno
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rollcall.contracts.shown_text import printable

# desktops leave these there, unmeant
_SYSTEM_FILES = frozenset({"thumbs.db", "ehthumbs.db", "desktop.ini"})
_NAMED = 3  # of the hidden files, in the line that sums them up

_REASONS = {
    errno.ENOENT: "no such file or folder",
    errno.ENOTDIR: "no such file or folder",
    errno.EACCES: "not readable: you have no permission",
    errno.EPERM: "not readable: you have no permission",
    errno.ELOOP: "a link that leads back to itself",
    errno.ENAMETOOLONG: "the name is too long",
    errno.EIO: "not readable: the disk reports an error",
    errno.ENOSPC: "the disk is full",
}
_KINDS = (
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


@dataclass(frozen=True, kw_only=True)
class LeftOut:
    """A path that a command does not use, and why; `failed` if it could not be read at all."""

    path: Path
    reason: str
    failed: bool = False

    def __str__(self) -> str:
        return f"{'failed' if self.failed else 'left out'} {printable(str(self.path))}: {printable(self.reason)}"


def reason_of(error: OSError) -> str:
    return _REASONS.get(error.errno or 0) or error.strerror or type(error).__name__


def is_folder(path: Path) -> bool:
    try:
        return stat.S_ISDIR(path.stat().st_mode)
    except OSError:
        return False


def why_unreadable(path: Path) -> str | None:
    """Why the path cannot be read; None if it can. Only files are opened, because a pipe would block."""
    try:
        mode = path.stat().st_mode
        kind = next((name for is_kind, name in _KINDS if is_kind(mode)), None)
        if kind is not None:
            return f"{kind}, not a file"
        with path.open("rb") as file:
            file.read(1)
    except OSError as error:
        if error.errno == errno.ENOENT and path.is_symlink():
            return "a link to something that does not exist"
        return reason_of(error)
    return None


def walk(folder: Path, *, deep: bool | None, leave_out: Path | None = None) -> Iterator[Path | LeftOut]:
    """Every file that can be read and every other entry with a reason, by name; `leave_out` is not entered.

    `deep`: whether folders inside are walked through (or else left out); None: they are given like files.
    Links to files count as files. A deep walk does not follow links to folders, so that it ends.
    """
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        yield LeftOut(path=folder, reason=reason_of(error), failed=True)
        return
    hidden = [entry.name for entry in entries if _is_hidden(entry.name)]
    for entry in entries:
        if not _is_hidden(entry.name):
            yield from _visit(entry, deep=deep, leave_out=leave_out)
    if hidden:
        yield LeftOut(path=folder, reason=_hidden(hidden))


def _visit(entry: "os.DirEntry[str]", *, deep: bool | None, leave_out: Path | None) -> Iterator[Path | LeftOut]:
    path = Path(entry.path)
    if not is_folder(path):
        reason = why_unreadable(path)
        yield path if reason is None else LeftOut(path=path, reason=reason, failed=True)
    elif deep is None:
        yield path
    elif not deep:
        yield LeftOut(path=path, reason="a folder inside this one is not looked into")
    elif entry.is_symlink():
        yield LeftOut(path=path, reason="a link to a folder is not followed; name the folder itself")
    elif leave_out is not None and os.path.realpath(path) == os.path.realpath(leave_out):
        yield LeftOut(path=path, reason="the folder of the results")
    else:
        yield from walk(path, deep=deep, leave_out=leave_out)


def _is_hidden(name: str) -> bool:
    return name.startswith(".") or name.lower() in _SYSTEM_FILES


def _hidden(names: list[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    files = "file" if len(names) == 1 else "files"
    return f"{len(names)} hidden or system {files} in it ({', '.join(names[:_NAMED])}{more})"
