"""Reads dlib's serialized objects: the parts that the face recognition network is made of.

Source: dlib/serialize.h (integers, strings), dlib/cuda/tensor.h (tensors).
Every read raises `ArchiveError` past the end of the file; counts are checked against what the file can hold.
"""

import struct

import numpy as np
from numpy.typing import NDArray

from rollcall.weights.build_errors import ArchiveError

_SIGN = 0x80
_LENGTH = 0x0F
_MAX_INTEGER_BYTES = 8
_TENSOR_VERSION = 2


class DlibArchive:
    """A cursor over the bytes of a dlib file."""

    def __init__(self, content: bytes, *, name: str) -> None:
        self._content = content
        self._position = 0
        self._name = name

    def integer(self) -> int:
        """A control byte (sign, number of bytes), then the magnitude, least significant byte first."""
        (control,) = self._take(1)
        length = control & _LENGTH
        if not 1 <= length <= _MAX_INTEGER_BYTES:
            raise self._error(f"an integer of {length} bytes")
        magnitude = int.from_bytes(self._take(length), "little")
        return -magnitude if control & _SIGN else magnitude

    def count(self) -> int:
        """An integer that says how many items follow, each of at least one byte."""
        count = self.integer()
        if not 0 <= count <= len(self._content) - self._position:
            raise self._error(f"a count of {count}")
        return count

    def tensor(self) -> NDArray[np.float32]:
        """Version, four sizes, then little-endian float32 values; [samples, channels, rows, columns]."""
        version = self.integer()
        if version != _TENSOR_VERSION:
            raise self._error(f"a tensor of version {version}")
        shape = [self.count() for _ in range(4)]
        raw = self._take(4 * int(np.prod(shape, dtype=object)))
        return np.frombuffer(raw, dtype="<f4").reshape(shape)

    def skip_to(self, *tags: str) -> str | None:
        """Moves behind the next of these strings and returns it; None at the end of the file."""
        found = [(self._content.find(_tag(tag), self._position), tag) for tag in tags]
        hits = [hit for hit in found if hit[0] >= 0]
        if not hits:
            return None
        start, tag = min(hits)
        self._position = start + len(_tag(tag))
        return tag

    @property
    def exhausted(self) -> bool:
        return self._position == len(self._content)

    def _take(self, length: int) -> bytes:
        end = self._position + length
        if end > len(self._content):
            raise self._error("more bytes than there are")
        taken = self._content[self._position : end]
        self._position = end
        return taken

    def _error(self, found: str) -> ArchiveError:
        return ArchiveError(
            f"{self._name}: byte {self._position} asks for {found}; the file is damaged or of another kind"
        )


def _tag(text: str) -> bytes:
    return struct.pack("BB", 1, len(text)) + text.encode("ascii")
