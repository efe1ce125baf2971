"""`rollcall faces`: one JSON line per photo."""

import argparse
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rollcall.cli.options import threshold_of
from rollcall.cli.preparation import prepare_engine, prepare_model_files, read_gallery
from rollcall.contracts.shown_text import printable_json
from rollcall.contracts.usage_error import UsageError
from rollcall.engine.engine import Engine
from rollcall.engine.face import Face, whole_pixels
from rollcall.media.folders import why_unreadable
from rollcall.people.calibration import load_calibration
from rollcall.people.gallery import Gallery, Match
from rollcall.people.gallery_store import EnrolledFace, by_embedder
from rollcall.people.photo_enrollment import PhotoError
from rollcall.people.photo_reader import EnginePhotoReader


def execute(options: argparse.Namespace) -> int:
    unreadable = [why_unreadable(image) for image in options.images]
    if all(unreadable):
        raise UsageError("; ".join(f"{image}: {why}" for image, why in zip(options.images, unreadable, strict=True)))
    threshold = threshold_of(options)
    model_dir = prepare_model_files(options.embedder)
    engine = prepare_engine(model_dir, options.embedder, options.detector, min_face=options.min_face)
    gallery, failed = None, False
    if options.gallery:
        read = read_gallery(
            options.gallery, model_dir, options.embedder, engine=engine, accept_poor=options.accept_poor_photos
        )
        gallery, failed = build_gallery(read.faces, engine, threshold), read.incomplete
    reader = EnginePhotoReader(engine)
    lines = (describe_photo(image, reader, gallery, embeddings=options.embeddings) for image in options.images)
    for line in lines:
        print(printable_json(line), flush=True)
        failed |= "error" in line
    return 1 if failed else 0


def build_gallery(faces: list[EnrolledFace], engine: Engine, threshold: float | None) -> Gallery:
    calibration = load_calibration(engine.identity.embedder_name, threshold=threshold)
    return Gallery(by_embedder(faces), calibration)


def describe_photo(
    image: Path, reader: EnginePhotoReader, gallery: Gallery | None, *, embeddings: bool
) -> dict[str, Any]:
    name = os.fsencode(image).decode("utf-8", "replace")  # JSON cannot hold a name that is not UTF-8
    try:
        faces = reader.faces(image)
    except PhotoError as error:
        return {"image": name, "error": str(error)}
    described = [_describe_face(face, gallery, embeddings=embeddings) for face in faces]
    # by what is printed: rounding to whole pixels may have swapped two faces of nearly one size
    return {"image": name, "faces": sorted(described, key=lambda face: -face["box"][2] * face["box"][3])}


def _runner_up(match: Match) -> dict[str, Any] | None:
    if match.runner_up is None:
        return None
    return {"name": match.runner_up, "distance": round(match.runner_up_distance, 4)}


def _describe_face(face: Face, gallery: Gallery | None, *, embeddings: bool) -> dict[str, Any]:
    described: dict[str, Any] = {
        "box": whole_pixels(face.box),
        "confidence": round(face.confidence, 4),
        "landmarks": [[round(float(edge), 1) for edge in point] for point in face.landmarks],
        "name": None,
        "similarity": None,
        "distance": None,
        "quality": {
            name: round(measure, 3) if isinstance(measure, float) else measure
            for name, measure in asdict(face.quality).items()
        },
        "threshold": None,
        "runner_up": None,
    }
    if gallery is not None:
        match = gallery.match(face.embedding, evidence=face.quality.weight)
        described |= {
            "name": match.name or "unknown",
            "similarity": round(match.similarity, 1),
            "distance": round(match.distance, 4),
            "threshold": gallery.calibration.threshold,
            "runner_up": _runner_up(match),
        }
    return described | ({"embedding": [round(float(x), 7) for x in face.embedding]} if embeddings else {})
