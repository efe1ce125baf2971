"""All that a store keeps in one file, and back, also while the store is in use.

The archive holds the database as it was at one moment, and the files of objects that it refers to. Those never change;
they are linked beside first, so that none that is deleted meanwhile is missing.
"""

import os
import re
import secrets
import shutil
import sqlite3
import tarfile
import tempfile
from contextlib import closing, suppress
from pathlib import Path

from rollcall.local.store import disk
from rollcall.local.store.data_folder import generations
from rollcall.local.store.data_folder.folder_lock import FolderLock
from rollcall.local.store.store_errors import StoreError

BLOBS = Path(".store") / "blobs"
FILE = "store.db"  # the database, in an archive
TRIES = 5  # files that come and go between two looks need another
_MEMBER = re.compile(rf"{re.escape(FILE)}|\.store/blobs/[0-9a-f]{{2}}/[0-9a-f]{{32}}")
_REFERRED = "SELECT blob FROM s3_objects WHERE blob IS NOT NULL UNION SELECT blob FROM s3_parts"


def back_up(data: Path, target: Path) -> int:
    """Returns the number of objects' files. Raises StoreError: there is no store, or its files cannot be read."""
    if not generations.files(data):
        raise StoreError(f"{data} holds nothing that could be copied: choose the folder of `rollcall up` with --data")
    beside = target.with_name(f"{target.name}.{secrets.token_hex(4)}.part")
    with tempfile.TemporaryDirectory(prefix="backup-", dir=data / ".store") as name:
        folder = Path(name)
        blobs = _snapshot(data, folder)
        try:
            with tarfile.open(beside, "w") as archive:
                archive.add(folder / FILE, FILE)
                for blob in blobs:
                    archive.add(folder / blob, str(BLOBS / blob[:2] / blob))
            _sync(beside)
            beside.replace(target)
        finally:
            beside.unlink(missing_ok=True)
    return len(blobs)


def restore(source: Path, data: Path) -> int:
    """Returns the number of objects' files. Raises StoreError: the folder is in use, or the file is no backup."""
    data.mkdir(parents=True, exist_ok=True, mode=0o700)
    lock = FolderLock(data)
    try:
        if generations.files(data) or (data / BLOBS).exists():
            raise StoreError(f"{data} holds a store already: choose another folder with --data, or move this one away")
        try:
            for folder in (BLOBS.parent, BLOBS, generations.FOLDER):
                (data / folder).mkdir(mode=0o700, exist_ok=True)
            count = _extract(source, data)
            _check(data, source)
        except BaseException:
            shutil.rmtree(data / BLOBS.parent, ignore_errors=True)
            raise
        return count
    finally:
        lock.release()


def _snapshot(data: Path, folder: Path) -> list[str]:
    for _ in range(TRIES):
        _link_all(data, folder)
        _copy_database(data, folder / FILE)
        _link_all(data, folder)  # what has come meanwhile
        wanted, in_database = _referred(folder / FILE)
        missing = {blob for blob in wanted - in_database if not (folder / blob).exists()}
        if not missing:
            return sorted(blob for blob in wanted if (folder / blob).exists())
    raise StoreError(f"{data} changes too quickly to be copied: try again when fewer uploads are deleted")


def _link_all(data: Path, folder: Path) -> None:
    for path in (data / BLOBS).glob("*/*"):
        with suppress(FileExistsError, FileNotFoundError):
            os.link(path, folder / path.name)


def _copy_database(data: Path, target: Path) -> None:
    target.unlink(missing_ok=True)
    with (
        closing(generations.read_only(generations.files(data)[-1])) as source,
        closing(sqlite3.connect(target)) as copy,
    ):
        source.backup(copy)


def _referred(file: Path) -> tuple[set[str], set[str]]:
    """Blobs that the database refers to, and those whose bytes are in it."""
    with closing(sqlite3.connect(file)) as connection:
        wanted = {blob for (blob,) in connection.execute(_REFERRED)}
        journal = connection.execute("SELECT blob FROM s3_journal WHERE content IS NOT NULL")
        return wanted, {blob for (blob,) in journal}


def _extract(source: Path, data: Path) -> int:
    count = 0
    try:
        with tarfile.open(source, "r:") as archive:
            for member in archive:
                if not member.isfile() or not _MEMBER.fullmatch(member.name):
                    raise StoreError(f"{source} is no backup of Rollcall: it holds {member.name[:100]!r}")
                content = archive.extractfile(member)
                assert content is not None
                path = generations.first_path(data) if member.name == FILE else data / member.name
                path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                mode = 0o600 if member.name == FILE else 0o400
                descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
                with os.fdopen(descriptor, "wb") as file:
                    shutil.copyfileobj(content, file, 1024 * 1024)
                    disk.sync(descriptor)
                count += member.name != FILE
    except (tarfile.TarError, EOFError) as error:
        raise StoreError(f"{source} is no backup of Rollcall, or is cut off ({error})") from None
    return count


def _check(data: Path, source: Path) -> None:
    """That all is there. The next start shows the objects as plain files again."""
    try:
        wanted, in_database = _referred(generations.first_path(data))
        missing = [blob for blob in wanted - in_database if not (data / BLOBS / blob[:2] / blob).exists()]
        if missing:
            raise StoreError(f"{source} is cut off: {len(missing)} files of objects are missing")
    except sqlite3.DatabaseError as error:
        raise StoreError(f"{source} is no backup of Rollcall, or is damaged ({error})") from None


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        disk.sync(descriptor)
    finally:
        os.close(descriptor)
