"""Turns the JPEG frames of a pack into face records, with a few frames in memory at a time."""

import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager

import cv2
import numpy as np

from rollcall.contracts.errors import BadPack
from rollcall.contracts.packs import Manifest, Pack
from rollcall.engine.engine import Engine, Watch, unwatched
from rollcall.engine.face import Face, Image
from rollcall.people.calibration import load_calibration
from rollcall.people.gallery import Gallery
from rollcall.people.gop_faces import FaceRecord, GopFaces, pack_embedding
from rollcall.people.tracks import link
from rollcall.pipeline.settings import PHOTO_MIN_FACE
from rollcall.results.face_crops import face_crop, jpeg

CHUNK_PIXELS = 8_500_000  # four 1080p frames: more at a time is no faster, and decoded frames are large


def faces_of(pack: Pack, engine: Engine, watch: Watch = unwatched) -> GopFaces:
    """`watch`: entered for each part of the work, by its name."""
    started, stages = time.monotonic(), defaultdict[str, float](float)

    @contextmanager
    def timed(name: str) -> Iterator[None]:
        began = time.monotonic()
        with watch(name):
            yield
        stages[name] += time.monotonic() - began

    manifest = pack.manifest
    identity = engine.identity
    records: list[FaceRecord] = []
    crops: list[Image] = []
    min_face = PHOTO_MIN_FACE.default if manifest.photo else None  # None: the engine's own
    for first, frames in _chunks(pack):
        with timed("decode"):
            images = [_decode(frame, manifest) for frame in frames]
        for number, faces in enumerate(engine.analyze(images, min_face=min_face, watch=timed), start=first):
            for face in faces:
                records.append(_record(manifest, number, face))
                crops.append(face_crop(images[number - first], face.box))
    for best in _best_views(records, identity.embedder_name):
        records[best].crop = jpeg(crops[best])
    return GopFaces(
        upload=manifest.upload,
        index=manifest.index,
        model={"detector": identity.detector, "landmarks": identity.landmarks, "embedder": identity.embedder},
        embedder=identity.embedder_name,
        faces=records,
        seconds_spent=time.monotonic() - started,
        stages=dict(stages),
    )


def _chunks(pack: Pack) -> Iterator[tuple[int, list[bytes]]]:
    """Yields the number of the first frame, and frames."""
    at_once = max(1, CHUNK_PIXELS // (pack.manifest.width * pack.manifest.height))
    for first in range(0, len(pack.frames), at_once):
        yield first, pack.frames[first : first + at_once]


def _decode(frame: bytes, manifest: Manifest) -> Image:
    image = cv2.imdecode(np.frombuffer(frame, dtype=np.uint8), cv2.IMREAD_COLOR)
    if image is None or image.shape != (manifest.height, manifest.width, 3):
        raise BadPack(f"{manifest.upload.key}: a frame of GoP {manifest.index} is not the picture its manifest says")
    return np.asarray(image, dtype=np.uint8)


def _record(manifest: Manifest, number: int, face: Face) -> FaceRecord:
    x, y, width, height = (side * manifest.scale for side in face.box)
    return FaceRecord(
        frame=manifest.frame(number),
        time=manifest.times[number],
        lasts=manifest.lasting(number),
        box=(x, y, width, height),
        weight=face.quality.weight,
        embedding=pack_embedding(face.embedding),
    )


def _best_views(records: list[FaceRecord], embedder: str) -> list[int]:
    """Positions of the records that show each person of this GoP best."""
    sightings = [record.sighting() for record in records]
    position = {id(sighting): number for number, sighting in enumerate(sightings)}
    tracks = link(sightings, Gallery([], load_calibration(embedder)))
    return [position[id(max(track.sightings, key=lambda sighting: sighting.weight))] for track in tracks]
