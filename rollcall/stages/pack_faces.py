"""Turns the JPEG frames of packs into face records, with a few frames in memory at a time."""

import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import cv2
import numpy as np

from rollcall.contracts.errors import BadPack
from rollcall.contracts.packs import Manifest, Pack
from rollcall.engine.engine import Engine, Watch, unwatched
from rollcall.engine.face import Face, Image, ModelIdentity
from rollcall.people.calibration import load_calibration
from rollcall.people.gallery import Gallery
from rollcall.people.gop_faces import FaceRecord, GopFaces, pack_embedding
from rollcall.people.tracks import link
from rollcall.pipeline.settings import PHOTO_MIN_FACE
from rollcall.results.face_crops import face_crop, jpeg
from rollcall.runtime.observability import logger

CHUNK_PIXELS = 8_500_000  # four 1080p frames: more at a time is no faster, and decoded frames are large
PHOTOS_AT_ONCE = 8  # likewise


def faces_of_each(packs: Sequence[Pack], engine: Engine, watch: Watch = unwatched) -> list[GopFaces | Exception]:
    """The faces of each pack, or what is wrong with it. Photos are looked at several at a time.

    `watch`: entered for each part of the work, by its name.
    """
    photos = [pack for pack in packs if pack.manifest.photo]
    found: dict[int, GopFaces | Exception] = {}
    for some in _groups(photos) if len(photos) > 1 else ():
        try:
            found |= zip(map(id, some), _faces_of(some, engine, watch), strict=True)
        except Exception:  # noqa: BLE001 - one of them is to blame, and each by itself tells which
            logger.info("photos are looked at one by one", photos=len(some))
    return [found.get(id(pack)) or _attempt(pack, engine, watch) for pack in packs]


def _attempt(pack: Pack, engine: Engine, watch: Watch) -> GopFaces | Exception:
    try:
        return _faces_of([pack], engine, watch)[0]
    except Exception as error:  # noqa: BLE001 - whoever asked gets it
        return error


def _groups(photos: Sequence[Pack]) -> Iterator[list[Pack]]:
    """Groups of photos, each as large as the engine works on best."""
    some: list[Pack] = []
    pixels = 0
    for pack in photos:
        size = len(pack.frames) * pack.manifest.width * pack.manifest.height
        if some and (len(some) == PHOTOS_AT_ONCE or pixels + size > CHUNK_PIXELS):
            yield some
            some, pixels = [], 0
        some.append(pack)
        pixels += size
    if some:
        yield some


def _faces_of(packs: Sequence[Pack], engine: Engine, watch: Watch) -> list[GopFaces]:
    """Packs of one kind; the frames of several are looked at in one call."""
    started, stages = time.monotonic(), defaultdict[str, float](float)

    @contextmanager
    def timed(name: str) -> Iterator[None]:
        began = time.monotonic()
        with watch(name):
            yield
        stages[name] += (time.monotonic() - began) / len(packs)

    found = [_Found(pack.manifest) for pack in packs]
    # None: the engine's own
    min_face = PHOTO_MIN_FACE.default if packs[0].manifest.photo else None
    for chunk in _chunks(packs):
        with timed("decode"):
            images = [_decode(packs[at].frames[number], packs[at].manifest) for at, number in chunk]
        each = engine.analyze(images, min_face=min_face, watch=timed)
        for (at, number), image, faces in zip(chunk, images, each, strict=True):
            found[at].add(number, image, faces)
    identity = engine.identity
    for one in found:
        one.keep_best_views(identity.embedder_name)
    seconds = (time.monotonic() - started) / len(packs)
    return [one.faces(identity, seconds, stages) for one in found]


class _Found:
    """The faces of one pack."""

    def __init__(self, manifest: Manifest) -> None:
        self._manifest = manifest
        self._records: list[FaceRecord] = []
        self._crops: list[Image] = []

    def add(self, number: int, image: Image, faces: Sequence[Face]) -> None:
        for face in faces:
            self._records.append(_record(self._manifest, number, face))
            self._crops.append(face_crop(image, face.box))

    def keep_best_views(self, embedder: str) -> None:
        for best in _best_views(self._records, embedder):
            self._records[best].crop = jpeg(self._crops[best])

    def faces(self, identity: ModelIdentity, seconds: float, stages: Mapping[str, float]) -> GopFaces:
        return GopFaces(
            upload=self._manifest.upload,
            index=self._manifest.index,
            model={"detector": identity.detector, "landmarks": identity.landmarks, "embedder": identity.embedder},
            embedder=identity.embedder_name,
            faces=self._records,
            seconds_spent=seconds,
            stages=dict(stages),
        )


def _chunks(packs: Sequence[Pack]) -> Iterator[list[tuple[int, int]]]:
    """Chunks of (position of the pack, number of the frame) that fit into memory together."""
    chunk: list[tuple[int, int]] = []
    pixels = 0
    for at, pack in enumerate(packs):
        size = pack.manifest.width * pack.manifest.height
        for number in range(len(pack.frames)):
            if chunk and pixels + size > CHUNK_PIXELS:
                yield chunk
                chunk, pixels = [], 0
            chunk.append((at, number))
            pixels += size
    if chunk:
        yield chunk


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
