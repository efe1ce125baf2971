"""Enrolling people: folders `NAME/*.jpg`, JSON lists of embeddings, or folders that hold both."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from functions.common.enrolment import NotEnrolled, looks_different, looks_like, main_face, normal_name
from functions.common.gallery_store import MAX_FACES, EnrolledFace
from local.errors import UsageError
from local.json_input import read_json_list
from model.embedders import DEFAULT_EMBEDDER, EMBEDDERS, EmbedderKind
from model.enrolment import EnrolmentLimits, foreign_ones, odd_ones

if TYPE_CHECKING:
    from model.faces import Face

PHOTO_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp"})

Note = Callable[[str], None]


class PhotoError(Exception):
    """A photo that cannot be used for enrolment; the message says why."""


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


def scan_gallery(paths: Sequence[Path], *, note: Note) -> GallerySource:
    source = GallerySource()
    for path in paths:
        if path.is_dir():
            _scan_folder(path, source, note)
        elif path.is_file():
            source.embeddings.extend(_read_embeddings(path))
        else:
            raise UsageError(f"gallery {path}: no such file or folder")
    if not source.embeddings and not source.photos:
        raise UsageError(
            f"gallery {', '.join(map(str, paths))}: nobody in it; expected folders NAME/*.jpg"
            " or a JSON list of embeddings"
        )
    if len(source.embeddings) > MAX_FACES:
        raise UsageError(f"gallery: {len(source.embeddings)} embeddings, at most {MAX_FACES} are supported")
    return source


def enrol(
    source: GallerySource,
    reader: PhotoReader,
    limits: EnrolmentLimits,
    *,
    note: Note,
    enrolled: Sequence[EnrolledFace] = (),
) -> list[EnrolledFace]:
    """The faces to store. A bad photo is noted and left out as long as its person has something else.

    enrolled: before, and to stay; they count like embeddings.
    """
    known = [*enrolled, *source.embeddings]
    people = {name: _enrol_person(name, photos, known, reader, limits) for name, photos in source.photos.items()}
    foreign = _foreign(known, [photo for good, _ in people.values() for photo in good], limits)
    faces = list(source.embeddings)
    for name, (photos, refusals) in people.items():
        good = [photo for photo in photos if photo.path not in foreign]
        refusals += [f"{photo.path}: {foreign[photo.path]}" for photo in photos if photo.path in foreign]
        by_another_name = len(good) < len(photos)  # and named by that one, so nobody is lost
        if not good and not by_another_name and not any(face.name == name for face in known):
            raise UsageError(f"gallery: no photo of {name!r} can be used: {'; '.join(refusals)}")
        for refusal in refusals:
            note(f"left out {refusal}")
        faces += [photo.face for photo in good]
    if not faces:
        raise UsageError(f"gallery: no photo can be used: {'; '.join(map(str, foreign.values()))}")
    return faces


def _enrol_person(
    name: str, photos: list[Path], known: list[EnrolledFace], reader: PhotoReader, limits: EnrolmentLimits
) -> tuple[list[_Photo], list[str]]:
    """The photos that show one person, and why the others are left out."""
    good: list[_Photo] = []
    refusals: list[str] = []
    for photo in photos:
        try:
            face = _choose_face(reader.faces(photo), limits)
        except PhotoError as error:
            refusals.append(f"{photo}: {error}")
        else:
            good.append(_Photo(photo, _enrolled(name, face, reader.embedder, photo)))
    good, odd = _without_odd(_others([face for face in known if face.name == name], good), good, limits)
    return good, refusals + odd


def _enrolled(name: str, face: "Face", embedder: str, photo: Path) -> EnrolledFace:
    weight = float(face.quality.weight)
    return EnrolledFace(name=name, embedding=face.embedding, model=embedder, source=photo.name, weight=weight)


def _others(known: list[EnrolledFace], photos: list[_Photo]) -> list[EnrolledFace]:
    """A photo that was enrolled before is judged again, and counts once."""
    again = {(photo.face.name, photo.face.face) for photo in photos}
    return [face for face in known if (face.name, face.face) not in again]


def _foreign(known: list[EnrolledFace], photos: list[_Photo], limits: EnrolmentLimits) -> dict[Path, NotEnrolled]:
    """Photos of somebody who has another name."""
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
    known: list[EnrolledFace], photos: list[_Photo], limits: EnrolmentLimits
) -> tuple[list[_Photo], list[str]]:
    """known: embeddings of the same person, which count but are not judged."""
    faces = known + [photo.face for photo in photos]
    odd = odd_ones(np.array([face.embedding for face in faces]), most_apart=limits.most_apart) if faces else []
    positions = {number - len(known) for number in odd}
    good = [photo for position, photo in enumerate(photos) if position not in positions]
    reason = looks_different(len(faces) - len(odd))
    return good, [f"{photo.path}: {reason}" for position, photo in enumerate(photos) if position in positions]


def _choose_face(faces: "list[Face]", limits: EnrolmentLimits) -> "Face":
    try:
        return faces[main_face(faces, limits)]
    except NotEnrolled as error:
        raise PhotoError(str(error)) from None


def _scan_folder(folder: Path, source: GallerySource, note: Note) -> None:
    for entry in sorted(folder.iterdir()):
        if entry.name.startswith("."):
            continue
        if entry.is_dir():
            _scan_person(entry, source, note)
        elif entry.suffix.lower() == ".json":
            source.embeddings.extend(_read_embeddings(entry))
        elif entry.suffix.lower() in PHOTO_SUFFIXES:
            note(
                f"ignored {entry}: a photo belongs in a folder with the person's name, {folder.name}/NAME/{entry.name}"
            )


def _scan_person(folder: Path, source: GallerySource, note: Note) -> None:
    name = _check_name(folder.name, f"gallery {folder}")
    visible = [entry for entry in sorted(folder.iterdir()) if not entry.name.startswith(".")]
    photos = [entry for entry in visible if entry.is_file() and entry.suffix.lower() in PHOTO_SUFFIXES]
    for entry in visible:
        if entry.is_dir():
            note(f"ignored {entry}: only photos directly in {folder.name}/ are used")
    if photos:
        source.photos.setdefault(name, []).extend(photos)
    else:
        note(f"ignored {folder}: no photo in it ({', '.join(sorted(PHOTO_SUFFIXES))})")


def _read_embeddings(path: Path) -> list[EnrolledFace]:
    entries = read_json_list(path)
    if not entries:
        raise UsageError(f"{path}: an empty list; nobody to enrol")
    return list(_parse_entries(entries, path))


def _parse_entries(entries: list[Any], path: Path) -> Iterator[EnrolledFace]:
    for number, entry in enumerate(entries, start=1):
        where = f"{path}, entry {number}"
        if not isinstance(entry, dict):
            raise UsageError(f'{where}: expected {{"name", "embedding"}}, found {type(entry).__name__}')
        name = _check_name(entry.get("name"), where)
        kind = _parse_model(entry.get("model", DEFAULT_EMBEDDER), f"{where} ({name!r})")
        embedding = _parse_embedding(entry.get("embedding"), kind, f"{where} ({name!r})")
        yield EnrolledFace(name=name, embedding=embedding, model=kind.name, source=path.name)


def _parse_model(model: object, where: str) -> EmbedderKind:
    if not isinstance(model, str) or model not in EMBEDDERS:
        raise UsageError(f'{where}: "model" is {model!r}, not the name of an embedder: {" or ".join(EMBEDDERS)}')
    return EMBEDDERS[model]


def _check_name(name: object, where: str) -> str:
    if not isinstance(name, str):
        raise UsageError(f'{where}: "name" is missing or not text')
    try:
        return normal_name(name)
    except NotEnrolled as error:
        raise UsageError(f"{where}: {error}; rename the person") from None


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
        if not math.isfinite(value) or abs(value) > 1e6:  # noqa: PLR2004
            raise UsageError(f"{where}: number {position + 1} of the embedding is {value:g}, out of range")
    return np.array(values, dtype=np.float32)
