"""What a gallery holds: folders `NAME/*.jpg`, JSON lists of embeddings, or folders that hold both."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rollcall.contracts.usage_error import UsageError
from rollcall.media.folders import LeftOut, is_folder, walk, why_unreadable
from rollcall.media.media_files import if_media
from rollcall.people.gallery_lists import checked_name, read_embeddings
from rollcall.people.gallery_store import MAX_FACES, EnrolledFace
from rollcall.people.json_lists import NoList

Note = Callable[[str], None]
LeaveOut = Callable[[LeftOut], None]


@dataclass(frozen=True, kw_only=True)
class GallerySource:
    """What the given paths hold, checked as far as possible without looking at a photo."""

    embeddings: list[EnrolledFace] = field(default_factory=list)
    photos: dict[str, list[Path]] = field(default_factory=dict)


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
            source.embeddings.extend(read_embeddings(path))
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


def _teller(note: Note, fail: Note) -> Callable[[LeftOut], None]:
    return lambda entry: (fail if entry.failed else note)(str(entry))


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
        source.embeddings.extend(read_embeddings(path))
    except UsageError as error:
        if isinstance(error, NoList) and not named:
            leave_out(LeftOut(path=path, reason="not a JSON list of embeddings"))
        else:
            reason = str(error).removeprefix(str(path)).lstrip(":, ")
            leave_out(LeftOut(path=path, reason=reason, failed=True))


def _scan_person(folder: Path, source: GallerySource, leave_out: LeaveOut) -> None:
    try:
        name = checked_name(folder.name, "the folder's name")
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
