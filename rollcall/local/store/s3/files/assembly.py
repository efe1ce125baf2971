"""Parts of an upload, written right where they belong in the finished object, so that completing it copies nothing.

Clients send parts of one size. The first part tells the size, and each further part has a place of its own in one
file. A part that does not fit (the last, small one; a second attempt; another size) gets a file of its own and is
copied at the end. Nothing writes to the file once it is an object.
"""

import os
import threading
from pathlib import Path

from rollcall.local.store.disk import sync_folder
from rollcall.local.store.s3.files.blobs import READ_ONLY, Blobs

LEAST_PART = 5 * 1024 * 1024
LARGEST_FILE = 8 * 1024**4  # what common file systems can hold


class Assemblies:
    """One for each upload that began in this process. After a restart, parts get files of their own."""

    def __init__(self, blobs: Blobs) -> None:
        self._blobs = blobs
        self._turn = threading.Lock()
        self._open: dict[str, Assembly] = {}

    def begin(self, upload: str, blob: str) -> None:
        with self._turn:
            self._open[upload] = Assembly(self._blobs.path(blob), durable=self._blobs.durable)

    def place(self, upload: str, number: int, length: int | None) -> "PartInPlace | None":
        """Where a part goes that is about to come. None: into a file of its own."""
        with self._turn:
            assembly = self._open.get(upload)
            return assembly.claim(number, length) if assembly is not None and length is not None else None

    def close(self, upload: str) -> bool:
        """No part is written into the file any more. False: one is being written, so the file cannot be used."""
        with self._turn:
            assembly = self._open.get(upload)
            if assembly is None:
                return True
            assembly.closed = True
            return assembly.writing == 0

    def forget(self, upload: str) -> None:
        with self._turn:
            self._open.pop(upload, None)


class Assembly:
    def __init__(self, path: Path, *, durable: bool) -> None:
        self.path = path
        self.durable = durable
        self.closed = False
        self.writing = 0
        self._part_size = 0
        self._claimed: set[int] = set()
        self._lock = threading.Lock()

    def claim(self, number: int, length: int) -> "PartInPlace | None":
        with self._lock:
            size = self._part_size or length
            place = (number - 1) * size
            fits = LEAST_PART <= length <= size and place + length <= LARGEST_FILE
            if self.closed or number in self._claimed or not fits:
                return None
            self._part_size = size
            self._claimed.add(number)
            self.writing += 1
        return PartInPlace(self, place)

    def release(self) -> None:
        with self._lock:
            self.writing -= 1


class PartInPlace:
    """Like a new blob, but inside of the assembly."""

    def __init__(self, assembly: Assembly, place: int) -> None:
        self.name = assembly.path.name
        self.place = place
        self._assembly = assembly
        self._at = place
        flags = os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC
        self._descriptor = os.open(assembly.path, flags, 0o600)

    def write(self, content: bytes) -> None:
        view = memoryview(content)
        while view:
            written = os.pwrite(self._descriptor, view, self._at)
            self._at += written
            view = view[written:]

    def keep(self) -> None:
        if self._assembly.durable:
            os.fsync(self._descriptor)
            sync_folder(self._assembly.path.parent)
        self._close()

    def discard(self) -> None:
        """Its place stays as it is: another attempt gets a file of its own."""
        self._close()

    def _close(self) -> None:
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)
            self._assembly.release()


def finish(path: Path, size: int, *, durable: bool) -> None:
    """Have the file be exactly the object, and never change again."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.ftruncate(descriptor, size)
        os.fchmod(descriptor, READ_ONLY)
        if durable:
            os.fsync(descriptor)
    finally:
        os.close(descriptor)
