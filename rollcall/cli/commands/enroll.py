"""`rollcall enroll`: teach a deployment faces."""

import argparse

from rollcall.cli.deployment import Deployment, open_deployment
from rollcall.cli.preparation import note, prepare_model_files, read_gallery, tell_older
from rollcall.contracts.errors import BadGallery
from rollcall.contracts.usage_error import UsageError
from rollcall.people.gallery_store import EnrolledFace, StoredFace, comparable


def execute(options: argparse.Namespace) -> int:
    with open_deployment(options) as deployment:
        enrolled = list(deployment.gallery.faces())
        if not options.replace:
            _require_comparable(enrolled, options.embedder)
        read = read_gallery(
            options.gallery,
            prepare_model_files(options.embedder),
            options.embedder,
            detector=options.detector,
            enrolled=[] if options.replace else _readable(deployment, options.embedder),
            accept_poor=options.accept_poor_photos,
        )
        faces = read.faces
        deployment.gallery.enroll(faces)  # before anything is removed: nobody is unknown in between
        removed = _not_among(enrolled, faces) if options.replace else []
        deployment.gallery.remove(removed)
        print(_summary(faces, len(removed), deployment.table("faces").name))
        tell_older(deployment.gallery.faces(), options.embedder)
    return 1 if read.incomplete else 0


def _readable(deployment: Deployment, embedder: str) -> list[EnrolledFace]:
    try:
        return [face for face in deployment.gallery.enrolled(embedder) if face.model == embedder]
    except BadGallery as error:
        note(f"new photos are not compared with the faces enrolled before: {error}")
        return []


def _require_comparable(enrolled: list[StoredFace], embedder: str) -> None:
    others = {face.model for face in enrolled if not comparable(face.model, embedder)}
    if others:
        raise UsageError(
            f"faces enrolled with {', '.join(sorted(others))} cannot be compared with {embedder}: enroll everybody"
            " again from their photos, with --replace"
        )


def _not_among(enrolled: list[StoredFace], faces: list[EnrolledFace]) -> list[tuple[str, str]]:
    kept = {(face.name, face.face) for face in faces}
    return [(face.name, face.face) for face in enrolled if (face.name, face.face) not in kept]


def _summary(faces: list[EnrolledFace], removed: int, table: str) -> str:
    people = len({face.name for face in faces})
    gone = f", {removed} others removed" if removed else ""
    return f"{len(faces)} faces of {people} people stored in {table}{gone}"
