"""What is sent, and what the answer should be."""

import csv
import random
import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path

PHOTOS = frozenset({".jpg", ".jpeg", ".png", ".webp"})
VIDEOS = frozenset({".mp4", ".mov", ".mkv", ".webm", ".avi", ".m4v"})


class NoMedia(ValueError):
    """Nothing to send; the message says where it was looked for."""


@dataclass(frozen=True, kw_only=True)
class Medium:
    name: str
    content: bytes
    expected: str | None = None


def from_folder(folder: Path, *, videos: bool, expected: dict[str, str], by_folder: bool) -> list[Medium]:
    suffixes = VIDEOS if videos else PHOTOS
    files = sorted(file for file in folder.rglob("*") if file.is_file() and file.suffix.lower() in suffixes)
    if not files:
        raise NoMedia(f"{folder}: no {'video' if videos else 'photo'} in it")
    return [
        Medium(
            name=file.name,
            content=file.read_bytes(),
            expected=file.parent.name if by_folder else expected.get(file.stem, expected.get(file.name)),
        )
        for file in files
    ]


def generated(count: int, *, seed: int) -> list[Medium]:
    """Gray 250×250 PNGs of noise, each a little different, without a face."""
    chance = random.Random(seed)
    return [
        Medium(name=f"noise-{number}.png", content=_png(250, chance), expected="no-face") for number in range(count)
    ]


def read_expected(path: Path) -> dict[str, str]:
    """A CSV with the columns Image,Results; an image may be named with or without its extension."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    if not rows or {"Image", "Results"} - rows[0].keys():
        raise NoMedia(f"{path}: expected a CSV with the columns Image,Results")
    return {row["Image"]: row["Results"] for row in rows}


def repeated(media: Sequence[Medium], count: int) -> Iterator[Medium]:
    return islice(cycle(media), count)


def _png(side: int, chance: random.Random) -> bytes:

    rows = b"".join(b"\0" + chance.randbytes(side) for _ in range(side))
    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows, 1)) + chunk(b"IEND", b"")
