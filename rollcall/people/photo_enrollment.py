"""Enrolling people from photos: the face that is meant in each, and no face that would do harm."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np

from rollcall.contracts.errors import RollcallError
from rollcall.contracts.shown_text import printable
from rollcall.contracts.usage_error import UsageError
from rollcall.people.enrollment import NotEnrolled, looks_different, looks_like, main_face, shortcoming
from rollcall.people.gallery_source import GallerySource, Note, scan_gallery
from rollcall.people.gallery_store import EnrolledFace, comparable
from rollcall.people.odd_faces import EnrollmentLimits, foreign_ones, load_enrollment_limits, odd_ones

if TYPE_CHECKING:
    from rollcall.engine.face import Face

REASONS_TOLD = 5  # of photos, when nobody is left


class PhotoError(RollcallError):
    """A photo that cannot be used for enrollment; the message says why."""


class PhotoReader(Protocol):
    @property
    def embedder(self) -> str: ...

    def faces(self, photo: Path) -> "list[Face]":
        """Largest first; raise PhotoError for a photo that cannot be read."""
        ...


@dataclass(frozen=True)
class _Photo:
    path: Path
    face: EnrolledFace


class _Chooser:
    """Finds the face that is meant in each photo, and counts the photos that are refused for being poor."""

    def __init__(self, limits: EnrollmentLimits, accepted: Note | None) -> None:
        """`accepted` is told of each poor photo that is taken all the same; without it none is."""
        self.refused = 0
        self.limits = limits
        self._accepted = accepted

    def choose(self, photo: Path, faces: "list[Face]") -> "Face":
        try:
            face = faces[main_face(faces, self.limits)]
        except NotEnrolled as error:
            raise PhotoError(str(error)) from None
        poor = shortcoming(face, self.limits)
        if poor is not None and self._accepted is None:
            self.refused += 1
            raise PhotoError(str(poor))
        if poor is not None and self._accepted is not None:
            self._accepted(f"warning: {printable(str(photo))}: enrolled all the same, though {poor}")
        return face


def read_gallery(
    paths: Sequence[Path],
    embedder: str,
    reader: Callable[[], PhotoReader],
    *,
    note: Note,
    fail: Note | None = None,
    enrolled: Sequence[EnrolledFace] = (),
    accept_poor: bool = False,
) -> list[EnrolledFace]:
    """The faces of folders and lists, to compare with what `embedder` makes; `reader` is asked for if there are photos.

    The other arguments: as of `enroll`. Raises UsageError if nobody is left, or for embeddings of another embedder.
    """
    source = scan_gallery(paths, note=note, fail=fail)
    for face in source.embeddings:
        if not comparable(face.model, embedder):
            raise UsageError(
                f"gallery: {face.name!r} in {face.source} was made with the embedder {face.model!r}, which cannot be"
                f" compared with {embedder!r}; enroll from photos, or choose it with --embedder"
            )
    if not source.photos:
        return source.embeddings
    note(f"enrolling {len(source.photos)} people from {sum(map(len, source.photos.values()))} photos")
    limits = load_enrollment_limits(embedder)
    return enroll(source, reader(), limits, note=note, fail=fail, enrolled=enrolled, accept_poor=accept_poor)


def enroll(
    source: GallerySource,
    reader: PhotoReader,
    limits: EnrollmentLimits,
    *,
    note: Note,
    fail: Note | None = None,
    enrolled: Sequence[EnrolledFace] = (),
    accept_poor: bool = False,
) -> list[EnrolledFace]:
    """The faces to store. Bad photos are noted and left out; `fail` (else `note`) is told who has none left.

    enrolled: before, and to stay; they count like embeddings. accept_poor: enroll small, dim and blurred faces too,
    with a note. Raises UsageError if nobody is left.
    """
    known = [*enrolled, *source.embeddings]
    chooser = _Chooser(limits, note if accept_poor else None)
    compared = [face for face in known if face.model == reader.embedder]
    people = {name: _enroll_person(name, photos, compared, reader, chooser) for name, photos in source.photos.items()}
    foreign = _foreign(compared, [photo for good, _ in people.values() for photo in good], limits)
    faces = list(source.embeddings)
    why: list[str] = []
    for name, (photos, refusals) in people.items():
        good = [photo for photo in photos if photo.path not in foreign]
        refusals += [f"{photo.path}: {foreign[photo.path]}" for photo in photos if photo.path in foreign]
        by_another_name = len(good) < len(photos)  # and named by that one, so nobody is lost
        why += refusals
        for refusal in refusals:
            note(f"left out {printable(refusal)}")
        if not good and not by_another_name and not any(face.name == name for face in known):
            (fail or note)(
                f"failed {printable(name)}: not enrolled, since none of {_photos(len(source.photos[name]))} can be used"
            )
        faces += [photo.face for photo in good]
    if chooser.refused:
        note(f"{_photos(chooser.refused)} left out as too poor; --accept-poor-photos enrolls such photos all the same")
    if not faces:
        raise UsageError(f"gallery: nobody can be enrolled: {_in_short(why)}")
    return faces


def _enroll_person(
    name: str,
    photos: list[Path],
    known: list[EnrolledFace],
    reader: PhotoReader,
    chooser: "_Chooser",
) -> tuple[list[_Photo], list[str]]:
    """The photos that show one person, and why others are left out."""
    good: list[_Photo] = []
    refusals: list[str] = []
    for photo in photos:
        try:
            face = chooser.choose(photo, reader.faces(photo))
        except PhotoError as error:
            refusals.append(f"{photo}: {error}")
        else:
            good.append(_Photo(photo, _enrolled(name, face, reader.embedder, photo)))
    good, odd = _without_odd(_others([face for face in known if face.name == name], good), good, chooser.limits)
    return good, refusals + odd


def _enrolled(name: str, face: "Face", embedder: str, photo: Path) -> EnrolledFace:
    weight = float(face.quality.weight)
    return EnrolledFace(name=name, embedding=face.embedding, model=embedder, source=photo.name, weight=weight)


def _others(known: list[EnrolledFace], photos: list[_Photo]) -> list[EnrolledFace]:
    """A photo that was enrolled before is judged again, and counts once."""
    again = {(photo.face.name, photo.face.face) for photo in photos}
    return [face for face in known if (face.name, face.face) not in again]


def _foreign(known: list[EnrolledFace], photos: list[_Photo], limits: EnrollmentLimits) -> dict[Path, NotEnrolled]:
    """Photos of somebody who is enrolled under another name."""
    if not photos:
        return {}
    others = _others(known, photos)
    faces = others + [photo.face for photo in photos]
    found = foreign_ones(
        [face.name for face in faces],
        np.array([face.embedding for face in faces]),
        trusted=len(others),
        alike=limits.alike,
        most_apart=limits.most_apart,
    )
    return {photos[number - len(others)].path: looks_like(faces[other].name) for number, other in found.items()}


def _without_odd(
    known: list[EnrolledFace], photos: list[_Photo], limits: EnrollmentLimits
) -> tuple[list[_Photo], list[str]]:
    """known: embeddings of the same person, which count but are not judged."""
    faces = known + [photo.face for photo in photos]
    odd = odd_ones(np.array([face.embedding for face in faces]), most_apart=limits.most_apart) if faces else []
    positions = {number - len(known) for number in odd}
    good = [photo for position, photo in enumerate(photos) if position not in positions]
    reason = looks_different(len(faces) - len(odd))
    return good, [f"{photo.path}: {reason}" for position, photo in enumerate(photos) if position in positions]


def _in_short(reasons: Sequence[str]) -> str:
    more = f"; and {len(reasons) - REASONS_TOLD} more, see above" if len(reasons) > REASONS_TOLD else ""
    return ("; ".join(reasons[:REASONS_TOLD]) or "there is no photo") + more


def _photos(count: int) -> str:
    return "1 photo" if count == 1 else f"{count} photos"
