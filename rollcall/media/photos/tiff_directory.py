"""Reads the entries of a TIFF's first directory, whole numbers and texts, without a decoder."""

import struct
from collections.abc import Mapping

_MOST_NUMBERS = 100_000  # of one entry
_LETTERS = {1: "B", 2: "s", 3: "H", 4: "I", 7: "s", 13: "I"}  # by kind of entry: bytes, text, shorts, longs
_STARTS = {b"II*\0": "<", b"MM\0*": ">"}

Entry = tuple[int, ...] | bytes


def is_classic(photo: bytes) -> bool:
    """Whether it is a TIFF, and not the rare kind for more than 4 GiB."""
    return photo[:4] in _STARTS


def first_directory(photo: bytes) -> Mapping[int, Entry]:
    """Entries by tag, of the kinds that are needed. Raises struct.error if the file ends too early."""
    order = _STARTS[photo[:4]]
    (directory,) = struct.unpack_from(f"{order}I", photo, 4)
    (entries,) = struct.unpack_from(f"{order}H", photo, directory)
    found = (_entry(photo, order, directory + 2 + 12 * entry) for entry in range(entries))
    return {tag: value for tag, value in found if value is not None}


def numbers(directory: Mapping[int, Entry], tag: int) -> tuple[int, ...]:
    value = directory.get(tag, ())
    return value if isinstance(value, tuple) else ()


def _entry(photo: bytes, order: str, place: int) -> tuple[int, Entry | None]:
    tag, kind, count = struct.unpack_from(f"{order}HHI", photo, place)
    letter = _LETTERS.get(kind)
    if letter is None:
        return tag, None
    form = f"{order}{min(count, _MOST_NUMBERS)}{letter}"
    value = place + 8
    if struct.calcsize(form) > 4:  # noqa: PLR2004
        (value,) = struct.unpack_from(f"{order}I", photo, value)
    if letter == "s":
        return tag, photo[value : value + struct.calcsize(form)]
    return tag, struct.unpack_from(form, photo, value)
