"""The rules that a name and a photo must meet to be enrolled, wherever they come from."""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from typing import Protocol

from rollcall.contracts.bounds import beside
from rollcall.contracts.errors import RollcallError
from rollcall.contracts.shown_text import composed, visible
from rollcall.people.odd_faces import EnrollmentLimits

MAX_NAME_LENGTH = 100
_COVERED = {
    "eyes": "the eyes are dark or covered, as by sunglasses; use a photo that shows them",
    "mouth": "the mouth is covered, as by a mask or a hand; use a photo that shows all of the face",
    "side": "a side of the face is covered, cut off or in the dark; use a photo that shows all of it",
}
RESERVED_NAMES = re.compile(r"unknown(-\d+)?|no-face", re.IGNORECASE)  # what results call people without a name


class NotEnrolled(RollcallError):
    """A name or a photo that would spoil the gallery. The message says why to people, `code` to programs."""

    def __init__(self, message: str, *, code: str) -> None:
        super().__init__(message)
        self.code = code


class Quality(Protocol):
    """The part of `rollcall.engine.face.Quality` that enrollment judges by."""

    @property
    def size(self) -> float: ...
    @property
    def sharpness(self) -> float: ...
    @property
    def yaw(self) -> float: ...
    @property
    def exposure(self) -> float: ...
    @property
    def covered(self) -> str | None: ...


class SeenFace(Protocol):
    @property
    def box(self) -> tuple[float, float, float, float]: ...  # x, y, width, height
    @property
    def confidence(self) -> float: ...
    @property
    def quality(self) -> Quality: ...


def normal_name(name: str) -> str:
    """The name in the form in which it is stored; raise NotEnrolled for a name that cannot be used."""
    normal = composed(name)
    if not normal.strip() or len(normal) > MAX_NAME_LENGTH:
        raise NotEnrolled(
            f"a name has 1 to {MAX_NAME_LENGTH} characters, this one has {len(normal) if normal.strip() else 0}",
            code="bad-name",
        )
    if any(character in "/\\" or unicodedata.category(character) in {"Cc", "Cs", "Zl", "Zp"} for character in normal):
        raise NotEnrolled(f"the name {normal!r} holds a slash or a control character", code="bad-name")
    shown = visible(normal)
    if not shown:
        raise NotEnrolled(
            f"the name {ascii(normal)} shows nothing; use letters, digits or other visible signs", code="bad-name"
        )
    if RESERVED_NAMES.fullmatch(_with_plain_hyphens(shown)) or shown in {".", ".."}:
        raise NotEnrolled(f"{normal!r} is reserved for results", code="bad-name")
    return normal


def _with_plain_hyphens(text: str) -> str:
    """The text as a reader takes it: every hyphen, dash or minus sign becomes the one on the keyboard."""
    folded = unicodedata.normalize("NFKC", text)
    return "".join("-" if each == "\N{MINUS SIGN}" or unicodedata.category(each) == "Pd" else each for each in folded)


def enrollable_face(faces: Sequence[SeenFace], limits: EnrollmentLimits) -> int:
    """Position of the face to enroll; `faces` are those of one photo, largest first.

    Raises NotEnrolled if no face is the main one, or if it is too poor to enroll.
    """
    number = main_face(faces, limits)
    poor = shortcoming(faces[number], limits)
    if poor is not None:
        raise poor
    return number


def main_face(faces: Sequence[SeenFace], limits: EnrollmentLimits) -> int:
    """Position of the main face, however poor; `faces` are those of one photo, largest first.

    Raises NotEnrolled if no face is the main one.
    """
    if not faces:
        raise NotEnrolled("no face found; use a photo that shows the face larger and from the front", code="no-face")
    rivals = _rivals(faces, limits)
    if rivals and _area(faces[0]) < limits.dominant_area * _area(rivals[0]):
        raise NotEnrolled(
            f"{len(rivals) + 1} faces, and none is clearly the main one; crop the photo to one person",
            code="many-faces",
        )
    return 0


def _rivals(faces: Sequence[SeenFace], limits: EnrollmentLimits) -> Sequence[SeenFace]:
    """Faces that count beside the largest one; a blurred head behind a sharp one does not."""
    if shortcoming(faces[0], limits) is not None:
        return faces[1:]
    return [face for face in faces[1:] if shortcoming(face, limits) is None]


def looks_different(others: int) -> NotEnrolled:
    """The refusal of a photo that would give its person somebody else's face."""
    return NotEnrolled(
        f"does not look like the person on the {others} others that agree with each other; make sure that it is the"
        " same person, or use another photo",
        code="looks-different",
    )


def looks_like(name: str) -> NotEnrolled:
    """A photo that would give its person a face that already has a name: then neither could be named."""
    return NotEnrolled(
        f"looks like {name!r}, who is enrolled too; if it is the same person, use one name; if not, use a photo in"
        " which the two differ more, since nobody is named where two are equally near",
        code="looks-like-another",
    )


def shortcoming(face: SeenFace, limits: EnrollmentLimits) -> NotEnrolled | None:
    """Why the face is too poor to tell its person from others; None if it is not."""
    return next(_shortcomings(face, limits), None)


def _shortcomings(face: SeenFace, limits: EnrollmentLimits) -> Iterator[NotEnrolled]:
    quality, least = face.quality, limits.least_size
    if quality.size < least:
        yield NotEnrolled(
            f"the face is {beside(quality.size, least)} pixels wide; use a photo in which it has {least:g} or more",
            code="too-small",
        )
    if quality.exposure < limits.least_exposure:
        yield NotEnrolled("the face is too dark, too bright or too pale; use a photo in better light", code="bad-light")
    if quality.sharpness < limits.least_sharpness:
        yield NotEnrolled("the face is blurred or noisy; use a sharper photo in better light", code="blurred")
    if abs(quality.yaw) > limits.most_yaw:
        turned = beside(abs(quality.yaw), limits.most_yaw)
        yield NotEnrolled(
            f"the face is turned away by about {turned}°, more than {limits.most_yaw:g}°; use a photo from the front",
            code="turned-away",
        )
    if quality.covered is not None:
        yield NotEnrolled(_COVERED[quality.covered], code="covered")
    if face.confidence < limits.least_confidence:
        yield NotEnrolled("hardly a face to be seen; use a photo that shows all of it clearly", code="unclear-face")


def _area(face: SeenFace) -> float:
    return face.box[2] * face.box[3]
