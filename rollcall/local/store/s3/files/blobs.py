"""The bytes of objects and parts: files that are written once, under names of their own, and never change.

What is here is the truth; `plain_view` shows the current version of each object under its key. Large files are synced
before the transaction that refers to them. The bytes of small ones are in that transaction as well (`journal`), so that
one sync of the log is all that a small upload waits for.
"""

import contextlib
import errno
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

from rollcall.local.store.disk import sync_folder

FOLDER = ".store"
READ_ONLY = 0o400  # the same file is shown under its key: nobody is to change it in place
COPY_BYTES = 8 * 1024 * 1024


class Blobs:
    def __init__(self, folder: Path, *, durable: bool) -> None:
        self._folder = _private(_private(folder / FOLDER) / "blobs")
        self.durable = durable
        for number in range(256):
            _private(self._folder / f"{number:02x}")

    def path(self, blob: str) -> Path:
        return Path(self.name(blob))

    def name(self, blob: str) -> str:
        """The path as text: each request needs one."""
        return f"{self._folder}/{blob[:2]}/{blob}"

    @staticmethod
    def new_name() -> str:
        return secrets.token_hex(16)

    def create(self) -> "NewBlob":
        return NewBlob(self, self.new_name(), durable=self.durable)

    def write(self, blob: str, content: bytes) -> None:
        """A whole file that nobody refers to yet; nothing is synced."""
        self._write(self.name(blob), content)

    def write_again(self, blob: str, content: bytes) -> None:
        """In place of one that may be there, whole or not."""
        beside = self.path(blob).with_name(f"{blob}.new")
        beside.unlink(missing_ok=True)
        self._write(beside, content)
        beside.rename(self.path(blob))

    @staticmethod
    def _write(path: str | Path, content: bytes) -> None:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, READ_ONLY)
        try:
            write_all(descriptor, content)
        finally:
            os.close(descriptor)

    def open(self, blob: str) -> int:
        return os.open(self.name(blob), os.O_RDONLY | os.O_CLOEXEC)

    def drop(self, blob: str) -> None:
        with contextlib.suppress(FileNotFoundError):
            self.path(blob).unlink()

    def size(self, blob: str) -> int:
        """0 for one that is not there."""
        try:
            return self.path(blob).stat().st_size
        except FileNotFoundError:
            return 0

    def names(self) -> Iterator[list[str]]:
        """All files, a folder at a time."""
        for folder in sorted(self._folder.iterdir()):
            with os.scandir(folder) as entries:
                yield [entry.name for entry in entries]

    def now(self) -> float:
        """The time now, by the clock that stamps the files."""
        marker = self._folder.parent / "started"
        marker.touch()
        return marker.stat().st_mtime

    def is_older(self, blob: str, moment: float) -> bool:
        try:
            return self.path(blob).stat().st_mtime < moment
        except FileNotFoundError:
            return False

    def sync_everything(self) -> None:
        """Everything that has been written anywhere is on the disk afterwards."""
        if self.durable:
            os.sync()


class NewBlob:
    """A file that is being written. It is gone again unless `keep` is called."""

    place: int | None = None

    def __init__(self, blobs: Blobs, name: str, *, durable: bool) -> None:
        self.name = name
        self._path = blobs.path(name)
        self._durable = durable
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        self.descriptor = os.open(self._path, flags, READ_ONLY)

    def write(self, content: bytes) -> None:
        write_all(self.descriptor, content)

    def append(self, source: int, start: int, length: int) -> None:
        """Appends a part of another file; the system copies it, if it can."""
        copy_range(source, self.descriptor, start, length)

    def keep(self) -> None:
        """Keeps the file: its bytes and its name are on the disk when this returns."""
        if self._durable:
            os.fsync(self.descriptor)
            sync_folder(self._path.parent)
        self._close()

    def discard(self) -> None:
        self._close()
        self._path.unlink(missing_ok=True)

    def _close(self) -> None:
        descriptor, self.descriptor = self.descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)


def _private(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder


def write_all(descriptor: int, content: bytes) -> None:
    view = memoryview(content)
    while view:
        view = view[os.write(descriptor, view) :]


def copy_range(source: int, target: int, start: int, length: int) -> None:
    """To where `target` stands."""
    while length > 0:
        copied = _copy_some(source, target, start, min(length, COPY_BYTES))
        if not copied:
            raise OSError(errno.EIO, "a file of the store is shorter than it was")
        start, length = start + copied, length - copied


def _copy_some(source: int, target: int, start: int, length: int) -> int:
    if hasattr(os, "copy_file_range"):
        try:
            return os.copy_file_range(source, target, length, offset_src=start)
        except OSError as error:
            if error.errno not in (errno.EXDEV, errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP, errno.EPERM):
                raise
    content = os.pread(source, length, start)
    write_all(target, content)
    return len(content)
