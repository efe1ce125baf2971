"""What makes a name and a photo fit for the gallery, wherever they come from."""

import re
import unicodedata
from collections.abc import Sequence
from typing import Protocol

from functions.common.errors import RollcallError

MAX_NAME_LENGTH = 100
RESERVED_NAMES = re.compile(r"unknown(-[0-9]+)?|no-face", re.IGNORECASE)  # what results call people without a name
DOMINANT_AREA = 2.0  # of several faces the largest is meant if it has twice the area of the next


class NotEnrolled(RollcallError):
    """A name or a photo that would spoil the gallery; the message says why, and `code` for programs."""

    def __init__(self, message: str, *, code: str) -> None:
        super().__init__(message)
        self.code = code


class Boxed(Protocol):
    @property
    def box(self) -> tuple[float, float, float, float]: ...  # x, y, width, height


def normal_name(name: str) -> str:
    """In the one form in which it is stored; raise NotEnrolled for a name that cannot be used."""
    normal = unicodedata.normalize("NFC", name)  # keyboards and file systems differ in how they compose accents
    if not normal.strip() or len(normal) > MAX_NAME_LENGTH:
        raise NotEnrolled(
            f"a name has 1 to {MAX_NAME_LENGTH} characters, this one has {len(normal.strip())}", code="bad-name"
        )
    if any(character in "/\\" or unicodedata.category(character) in {"Cc", "Cs"} for character in normal):
        raise NotEnrolled(f"the name {normal!r} holds a slash or a control character", code="bad-name")
    if RESERVED_NAMES.fullmatch(normal) or normal in {".", ".."}:
        raise NotEnrolled(f"{normal!r} is reserved for results", code="bad-name")
    return normal


def main_face(faces: Sequence[Boxed]) -> int:
    """Which of a photo's faces, largest first, is meant; raise NotEnrolled where that is not clear."""
    if not faces:
        raise NotEnrolled("no face found; use a photo that shows the face larger and from the front", code="no-face")
    if len(faces) > 1 and _area(faces[0]) < DOMINANT_AREA * _area(faces[1]):
        raise NotEnrolled(
            f"{len(faces)} faces, and none is clearly the main one; crop the photo to one person", code="many-faces"
        )
    return 0


def _area(face: Boxed) -> float:
    return face.box[2] * face.box[3]
