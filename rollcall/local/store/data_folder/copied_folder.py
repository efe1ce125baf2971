"""A folder that was copied, perhaps while a server wrote to it.

The database in a copy is as it was at one moment (`generations`). Files of objects may have been copied before that:
then those that came later are missing. The database goes back to a moment at which it knew of none of them. So what was
there when somebody began to copy is there, with all that belongs to it.
"""

import os
import shutil
import sqlite3
import struct
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from rollcall.local.store.data_folder import generations
from rollcall.local.store.data_folder.generations import log_of, read_only

STORE = Path(".store")
BLOBS = STORE / "blobs"
OWN = STORE / "inode"
BACK_SECONDS = 600.0  # as long as files stay that are not needed any more (`dropped_files`)
_LOG_HEAD = struct.Struct(">8xI4x8s8x")  # of SQLite's log: the size of a page, the salts
_FRAME_HEAD = struct.Struct(">4xI8s8x")  # the size of the database if a transaction ends here, the salts
_WANTED = (
    "SELECT blob, size, size FROM s3_objects WHERE blob IS NOT NULL"
    " UNION ALL SELECT blob, COALESCE(place, 0) + size, NULL FROM s3_parts"
)
_LAST = "SELECT MAX(modified) FROM s3_objects"
_WRITTEN_AT_START = "SELECT blob FROM s3_journal WHERE content IS NOT NULL"


def is_own(data: Path) -> bool:
    """Whether a server has used this very folder before. A copy has other inodes."""
    try:
        return (data / OWN).read_text() == str((data / OWN).stat().st_ino)
    except FileNotFoundError:
        return False


def mark_own(data: Path) -> None:
    (data / OWN).touch(0o600)
    (data / OWN).write_text(str((data / OWN).stat().st_ino))


def settle(data: Path) -> None:
    """Makes a copied folder consistent, before anything in it is opened. S3 leaves out what is missing even so."""
    found = generations.files(data)
    if is_own(data) or not found:
        return
    for left in (data / STORE).glob("backup-*"):
        shutil.rmtree(left)
    sizes = sizes_of(data)
    with closing(read_only(found[-1])) as connection:
        missing = missing_blobs(connection, sizes)
    if missing:
        _go_back(found, sizes)


def sizes_of(data: Path) -> dict[str, int]:
    found: dict[str, int] = {}
    for folder in (data / BLOBS).glob("??"):
        with os.scandir(folder) as entries:
            found |= {entry.name: entry.stat().st_size for entry in entries}
    return found


def missing_blobs(connection: sqlite3.Connection, sizes: dict[str, int]) -> set[str]:
    """Blobs that the database refers to, but that are missing or incomplete."""
    if not _has_objects(connection):
        return set()
    missing = {
        blob
        for blob, least, exact in connection.execute(_WANTED)
        if sizes.get(blob, -1) < least or exact not in (None, sizes[blob])
    }
    return missing and missing - {blob for (blob,) in connection.execute(_WRITTEN_AT_START)}


def _go_back(found: list[Path], sizes: dict[str, int]) -> None:
    """Takes the database back to the last moment at which no blob was missing, unless that is long ago."""
    moments = [(path, end) for path in found for end in [0, *_ends(log_of(path))]]
    newest = _Moment(*moments[-1], sizes)

    def is_bad(number: int) -> bool:
        return _Moment(*moments[number], sizes).missing > 0

    bad, step = len(moments) - 1, 1
    while bad > 0 and is_bad(good := max(bad - step, 0)):
        bad, step = good, 2 * step
    if bad == 0 or newest.time - _Moment(*moments[good], sizes).time > BACK_SECONDS:
        return
    while bad - good > 1:
        middle = (good + bad) // 2
        good, bad = (good, middle) if is_bad(middle) else (middle, bad)
    path, end = moments[good]
    _cut(path, end, [other for other in found if other > path])


class _Moment:
    """The database when its log ended there: how many files it lacks, and when something was written last."""

    def __init__(self, path: Path, end: int, sizes: dict[str, int]) -> None:
        with _as_it_was(path, end) as connection:
            self.missing = len(missing_blobs(connection, sizes))
            last = connection.execute(_LAST).fetchone()[0] if _has_objects(connection) else None
            self.time: float = last or 0.0


def _has_objects(connection: sqlite3.Connection) -> bool:
    found = connection.execute("SELECT COUNT(*) FROM sqlite_schema WHERE name IN ('s3_objects', 's3_parts')")
    return bool(found.fetchone()[0] == 2)  # noqa: PLR2004


def _ends(log: Path) -> list[int]:
    """Where transactions end in a log of SQLite. What follows the last is of one that did not."""
    ends: list[int] = []
    try:
        file = log.open("rb")
    except FileNotFoundError:
        return ends
    with file:
        head = file.read(_LOG_HEAD.size)
        if len(head) < _LOG_HEAD.size:
            return ends
        page, salts = _LOG_HEAD.unpack(head)
        while len(frame := file.read(_FRAME_HEAD.size)) == _FRAME_HEAD.size:
            pages, own_salts = _FRAME_HEAD.unpack(frame)
            if own_salts != salts:
                return ends
            file.seek(page, os.SEEK_CUR)
            if pages:
                ends.append(file.tell())
    return ends


@contextmanager
def _as_it_was(path: Path, end: int) -> Iterator[sqlite3.Connection]:
    """The database when its log ended there."""
    with tempfile.TemporaryDirectory(prefix="then-", dir=path.parent) as name:
        then = Path(name) / path.name
        try:
            os.link(path, then)
        except OSError:  # a file system without hard links
            shutil.copyfile(path, then)
        if end:
            shutil.copyfile(log_of(path), log_of(then))
            os.truncate(log_of(then), end)
        with closing(read_only(then)) as connection:
            yield connection


def _cut(path: Path, end: int, newer: list[Path]) -> None:
    path.with_name(f"{path.name}-shm").unlink(missing_ok=True)
    if end:
        os.truncate(log_of(path), end)
    else:
        log_of(path).unlink(missing_ok=True)
    for other in reversed(newer):
        generations.remove(other)
