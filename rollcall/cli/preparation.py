"""Prepares what commands need: model files, engine, and who is enrolled."""

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from rollcall.contracts.detector_names import DEFAULT_DETECTOR
from rollcall.contracts.embedder_kinds import DEFAULT_EMBEDDER, embedder_kind
from rollcall.contracts.shown_text import printable
from rollcall.engine.engine import Engine, load_engine
from rollcall.media.folders import LeftOut
from rollcall.people.gallery_store import EnrolledFace, StoredFace, older
from rollcall.people.people_store import Record
from rollcall.people.photo_enrollment import read_gallery as read_gallery_of
from rollcall.people.photo_reader import EnginePhotoReader
from rollcall.people.records import read_people
from rollcall.pipeline.settings import PHOTO_MIN_FACE
from rollcall.weights.folder import ensure_model_files, read_manifest, require_embedder

ENGINE_THREADS = 2
OLDER_TOLD = 20  # names


@dataclass(frozen=True, kw_only=True)
class Enrollment:
    faces: list[EnrolledFace]
    records: list[Record]
    incomplete: bool = False  # as in ReadGallery


def note(line: str) -> None:
    print(printable(line, keep="\n"), file=sys.stderr, flush=True)


def note_left_out(entries: Iterable[LeftOut]) -> None:
    for entry in entries:
        note(str(entry))


def prepare_model_files(embedder: str = DEFAULT_EMBEDDER) -> Path:
    """Builds the model files. Fails here, and not in a function, if the embedder's weights are missing."""
    model_dir = ensure_model_files(progress=note)
    require_embedder(read_manifest(model_dir), embedder_kind(embedder))
    return model_dir


def prepare_engine(model_dir: Path, embedder: str, detector: str = DEFAULT_DETECTOR, *, min_face: int) -> Engine:
    return load_engine(model_dir, embedder, detector=detector, min_face=min_face, threads=ENGINE_THREADS)


def read_enrollment(
    galleries: Sequence[Path],
    people: Path | None,
    model_dir: Path,
    embedder: str = DEFAULT_EMBEDDER,
    *,
    detector: str = DEFAULT_DETECTOR,
    accept_poor: bool = False,
) -> Enrollment:
    records = read_people(people) if people else []
    read = ReadGallery(faces=[], incomplete=False)
    if galleries:
        read = read_gallery(galleries, model_dir, embedder, detector=detector, accept_poor=accept_poor)
        tell_older(read.faces, embedder)
    return Enrollment(faces=read.faces, records=records, incomplete=read.incomplete)


@dataclass(frozen=True, kw_only=True)
class ReadGallery:
    faces: list[EnrolledFace]
    incomplete: bool  # something could not be read, or somebody has no usable photo; stderr says what


def read_gallery(
    galleries: Sequence[Path],
    model_dir: Path,
    embedder: str,
    *,
    detector: str = DEFAULT_DETECTOR,
    engine: Engine | None = None,
    enrolled: Sequence[EnrolledFace] = (),
    accept_poor: bool = False,
) -> ReadGallery:
    """enrolled: faces of this embedder that are enrolled already, and stay."""
    failures: list[str] = []

    def fail(line: str) -> None:
        failures.append(line)
        note(line)

    def reader() -> EnginePhotoReader:
        return EnginePhotoReader(
            engine or prepare_engine(model_dir, embedder, detector, min_face=PHOTO_MIN_FACE.default), enrolling=True
        )

    faces = read_gallery_of(
        galleries, embedder, reader, note=note, fail=fail, enrolled=enrolled, accept_poor=accept_poor
    )
    return ReadGallery(faces=faces, incomplete=bool(failures))


def tell_older(faces: Iterable[EnrolledFace | StoredFace], embedder: str) -> None:
    """Notes who is enrolled by an older embedder alone, which sees less than the one in use."""
    names = older(((face.name, face.model) for face in faces), embedder)
    if names:
        listed = ", ".join(printable(name) for name in names[:OLDER_TOLD])
        more = f" and {len(names) - OLDER_TOLD} more" if len(names) > OLDER_TOLD else ""
        note(
            f"{_people(len(names))} enrolled by an older embedder alone, which takes strangers for them more often;"
            f" enroll again from photos: {listed}{more}"
        )


def _people(count: int) -> str:
    return "1 person is" if count == 1 else f"{count} people are"
