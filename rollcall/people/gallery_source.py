"""Enrolling people: folders `NAME/*.jpg`, JSON lists of embeddings, or folders that hold both."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from rollcall.contracts.embedder_kinds import EMBEDDERS, UNNAMED_EMBEDDER, EmbedderKind
from rollcall.contracts.errors import RollcallError
from rollcall.contracts.shown_text import printable, quoted
from rollcall.contracts.usage_error import UsageError
from rollcall.media.folders import LeftOut, is_folder, walk, why_unreadable
from rollcall.media.media_files import if_media
from rollcall.people.enrollment import (
    NotEnrolled,
    looks_different,
    looks_like,
    meant_face,
    normal_name,
    shortcoming,
)
from rollcall.people.gallery_store import MAX_FACES, EnrolledFace, comparable
from rollcall.people.json_lists import NoList, read_json_list
from rollcall.people.odd_faces import EnrollmentLimits, foreign_ones, load_enrollment_limits, odd_ones

if TYPE_CHECKING:
    from rollcall.engine.face import Face

REASONS_TOLD = 5  # of photos, when nobody is left

Note = Callable[[str], None]
LeaveOut = Callable[[LeftOut], None]


class PhotoError(RollcallError):
    """A photo that cannot be used for enrollment; the message says why."""


class PhotoReader(Protocol):
    @property
    def embedder(self) -> str: ...

    def faces(self, photo: Path) -> "list[Face]":
        """Largest first; raise PhotoError for a photo that cannot be read."""
        ...


@dataclass(frozen=True, kw_only=True)
class GallerySource:
    """What the given paths hold, checked as far as possible without looking at a photo."""

    embeddings: list[EnrolledFace] = field(default_factory=list)
    photos: dict[str, list[Path]] = field(default_factory=dict)


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
            face = faces[meant_face(faces, self.limits)]
        except NotEnrolled as error:
            raise PhotoError(str(error)) from None
        poor = shortcoming(face, self.limits)
        if poor is not None and self._accepted is None:
            self.refused += 1
            raise PhotoError(str(poor))
        if poor is not None and self._accepted is not None:
            self._accepted(f"warning: {printable(str(photo))}: enrolled all the same, though {poor}")
        return face


def scan_gallery(
    paths: Sequence[Path], *, note: Note, fail: Note | None = None, photos_alone: bool = False
) -> GallerySource:
    """`note` is told what is left out, `fail` (else `note` as well) what should have been there but cannot be read.

    photos_alone: leave embeddings out.
    """
    source = GallerySource()
    leave_out = _teller(note, fail or note)
    for path in paths:
        unreadable = None if is_folder(path) else why_unreadable(path)
        if is_folder(path):
            _scan_folder(path, source, leave_out, photos_alone=photos_alone)
        elif unreadable is None and photos_alone:
            leave_out(LeftOut(path=path, reason="no folder of people's photos", failed=True))
        elif unreadable is None and len(paths) == 1:
            source.embeddings.extend(_read_embeddings(path))
        elif unreadable is None:
            _scan_json(path, source, leave_out, named=True)
        elif len(paths) == 1:
            raise UsageError(f"gallery {path}: {unreadable}")
        else:
            leave_out(LeftOut(path=path, reason=unreadable, failed=True))
    if not source.embeddings and not source.photos:
        alternative = "" if photos_alone else " or a JSON list of embeddings"
        raise UsageError(
            f"gallery {', '.join(map(str, paths))}: nobody in it; expected folders NAME/*.jpg{alternative}"
        )
    if len(source.embeddings) > MAX_FACES:
        raise UsageError(f"gallery: {len(source.embeddings)} embeddings, at most {MAX_FACES} are supported")
    return source


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


def _teller(note: Note, fail: Note) -> Callable[[LeftOut], None]:
    return lambda entry: (fail if entry.failed else note)(str(entry))


def _in_short(reasons: Sequence[str]) -> str:
    more = f"; and {len(reasons) - REASONS_TOLD} more, see above" if len(reasons) > REASONS_TOLD else ""
    return ("; ".join(reasons[:REASONS_TOLD]) or "there is no photo") + more


def _photos(count: int) -> str:
    return "1 photo" if count == 1 else f"{count} photos"


def _scan_folder(folder: Path, source: GallerySource, leave_out: LeaveOut, *, photos_alone: bool) -> None:
    for entry in walk(folder, deep=None):
        if isinstance(entry, LeftOut):
            leave_out(entry)
        elif is_folder(entry):
            _scan_person(entry, source, leave_out)
        elif entry.suffix.lower() == ".json" and photos_alone:
            leave_out(LeftOut(path=entry, reason="only photos are compared"))
        elif entry.suffix.lower() == ".json":
            _scan_json(entry, source, leave_out, named=False)
        elif isinstance(not_media := if_media(entry), LeftOut):
            leave_out(not_media)
        else:
            where = f"{folder.name}/NAME/{entry.name}"
            leave_out(LeftOut(path=entry, reason=f"a photo belongs in a folder with the person's name, {where}"))


def _scan_json(path: Path, source: GallerySource, leave_out: LeaveOut, *, named: bool) -> None:
    """Reads a JSON file as a gallery. Beside photos it may be something else; named by the user it may not."""
    try:
        source.embeddings.extend(_read_embeddings(path))
    except UsageError as error:
        if isinstance(error, NoList) and not named:
            leave_out(LeftOut(path=path, reason="not a JSON list of embeddings"))
        else:
            reason = str(error).removeprefix(str(path)).lstrip(":, ")
            leave_out(LeftOut(path=path, reason=reason, failed=True))


def _scan_person(folder: Path, source: GallerySource, leave_out: LeaveOut) -> None:
    try:
        name = _check_name(folder.name, "the folder's name")
    except UsageError as error:
        return leave_out(LeftOut(path=folder, reason=str(error), failed=True))
    entries = [if_media(entry) if isinstance(entry, Path) else entry for entry in walk(folder, deep=False)]
    photos = [entry for entry in entries if isinstance(entry, Path)]
    for entry in entries:
        if isinstance(entry, LeftOut):
            leave_out(entry)
    if photos:
        source.photos.setdefault(name, []).extend(photos)
    else:
        leave_out(LeftOut(path=folder, reason="no photo in it"))
    return None


def _read_embeddings(path: Path) -> list[EnrolledFace]:
    entries = read_json_list(path)
    if not entries:
        raise UsageError(f"{path}: an empty list; nobody to enroll")
    return list(_parse_entries(entries, path))


def _parse_entries(entries: list[Any], path: Path) -> Iterator[EnrolledFace]:
    for number, entry in enumerate(entries, start=1):
        where = f"{path}, entry {number}"
        if not isinstance(entry, dict):
            raise UsageError(f'{where}: expected {{"name", "embedding"}}, found {type(entry).__name__}')
        name = _check_name(entry.get("name"), where)
        kind = _parse_model(entry.get("model", UNNAMED_EMBEDDER), f"{where} ({name!r})")
        embedding = _parse_embedding(entry.get("embedding"), kind, f"{where} ({name!r})")
        yield EnrolledFace(name=name, embedding=embedding, model=kind.name, source=path.name)


def _parse_model(model: object, where: str) -> EmbedderKind:
    if not isinstance(model, str) or model not in EMBEDDERS:
        raise UsageError(f'{where}: "model" is {quoted(model)}, not the name of an embedder: {" or ".join(EMBEDDERS)}')
    return EMBEDDERS[model]


def _check_name(name: object, where: str) -> str:
    if not isinstance(name, str):
        raise UsageError(f'{where}: "name" is missing or not text')
    try:
        return normal_name(name)
    except NotEnrolled as error:
        raise UsageError(f"{where}: {error}; rename the person") from None


def _briefly(value: float) -> str:
    text = str(value)
    return text if len(text) <= 24 else f"{text[:20]}…"  # noqa: PLR2004


def _parse_embedding(values: object, kind: EmbedderKind, where: str) -> NDArray[np.float32]:
    if not isinstance(values, list):
        raise UsageError(f'{where}: "embedding" is missing or not a list of {kind.dimension} numbers')
    if len(values) != kind.dimension:
        raise UsageError(
            f"{where}: the embedding has {len(values)} numbers, those of {kind.name} have {kind.dimension};"
            ' an entry\'s "model" names its embedder'
        )
    for position, value in enumerate(values):
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise UsageError(f"{where}: number {position + 1} of the embedding is {type(value).__name__}, not a number")
        # embeddings have a length near 1; anything this large would overflow a distance
        if not abs(value) <= 1e6:  # noqa: PLR2004
            raise UsageError(f"{where}: number {position + 1} of the embedding is {_briefly(value)}, out of range")
    return np.array(values, dtype=np.float32)
