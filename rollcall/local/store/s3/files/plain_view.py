"""The current version of each object as a file under its key: `<data>/<bucket>/<key>`, for file managers and scripts.

Such a file is another name (a hard link) of the blob. It is written beside and renamed. The view follows the database:
`show` may be called again and again, and in any order.
"""

import contextlib
import errno
import os
import secrets
import threading
from collections.abc import Callable
from pathlib import Path

from rollcall.local.store.s3.files.blobs import FOLDER, Blobs
from rollcall.local.store.s3.files.plain_names import BESIDE_A_FOLDER, plain_path

LOCKS = 64
TRIES = 20  # others remove empty folders and make them again meanwhile
_NO_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EXDEV)


class PlainView:
    """`current` tells the blob of an object, if there is one."""

    def __init__(self, folder: Path, blobs: Blobs, current: Callable[[str, str], str | None]) -> None:
        self._folder = folder
        self._blobs = blobs
        self._current = current
        self._beside = folder / FOLDER / "beside"
        self._beside.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._locks = [threading.Lock() for _ in range(LOCKS)]

    def show_bucket(self, bucket: str) -> None:
        (self._folder / bucket).mkdir(exist_ok=True, mode=0o700)

    def hide_bucket(self, bucket: str) -> None:
        """Files that others have put there stay."""
        with contextlib.suppress(OSError):
            (self._folder / bucket).rmdir()

    def show(self, bucket: str, key: str) -> None:
        """Have the file be what the database says. A file system without any links has no view."""
        name = f"{self._folder}/{bucket}/{plain_path(key)}"
        with self._locks[hash((bucket, key)) % LOCKS]:
            blob = self._current(bucket, key)
            try:
                if blob is None:
                    self._remove(Path(name), self._folder / bucket)
                else:
                    self._link(blob, name)
            except OSError as error:
                if error.errno not in (*_NO_LINKS, errno.ENAMETOOLONG, errno.ENOTEMPTY, errno.EISDIR, errno.ENOTDIR):
                    raise

    def _link(self, blob: str, name: str) -> None:
        try:
            os.link(self._blobs.name(blob), name)  # a new key in a folder that is there: one call
            _drop_stale(name)
        except OSError:
            self._link_beside(blob, Path(name))

    def _link_beside(self, blob: str, path: Path) -> None:
        beside = self._beside / secrets.token_hex(8)
        try:
            self._name_again(self._blobs.path(blob), beside)
        except FileNotFoundError:
            return  # a newer version has come meanwhile, and its own call shows it
        try:
            self._place(beside, path)
        finally:
            beside.unlink(missing_ok=True)  # a rename to another name of the same file does nothing

    @staticmethod
    def _name_again(blob: Path, path: Path) -> None:
        try:
            os.link(blob, path)
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
            path.symlink_to(blob.resolve())  # a file system without hard links, or too many copies of one file

    def _place(self, beside: Path, path: Path) -> None:
        for _ in range(TRIES):
            try:
                _rename(beside, path)
                return
            except FileNotFoundError:
                self._make_folders(path.parent)
            except (IsADirectoryError, NotADirectoryError):
                self._make_folders(path.parent)
                if path.is_dir():
                    path = path.with_name(path.name + BESIDE_A_FOLDER)

    def _make_folders(self, folder: Path) -> None:
        """A file in the way is an object too: it gets the name beside the folder."""
        if folder.is_dir() or folder == self._folder:
            return
        self._make_folders(folder.parent)
        with contextlib.suppress(FileNotFoundError, FileExistsError):
            if folder.is_file():
                folder.rename(folder.with_name(folder.name + BESIDE_A_FOLDER))
            folder.mkdir(mode=0o700)

    def _remove(self, path: Path, bucket: Path) -> None:
        for name in (path, path.with_name(path.name + BESIDE_A_FOLDER)):
            with contextlib.suppress(FileNotFoundError, NotADirectoryError, IsADirectoryError, PermissionError):
                name.unlink()
        for folder in path.parents:
            if folder == bucket:
                return
            try:
                folder.rmdir()
            except OSError:
                return


def _rename(source: Path, target: Path) -> None:
    source.rename(target)
    _drop_stale(str(target))


def _drop_stale(name: str) -> None:
    """The object was shown beside a folder that is no more."""
    Path(name + BESIDE_A_FOLDER).unlink(missing_ok=True)
