"""Rollcall as a library: load the engine, find faces, load a gallery from a folder, name faces.

Everything runs in the caller's process, except for the decoding of photo files, which runs in a confined one. Use one
engine in one thread; for more speed use more processes.
"""

import logging
from collections.abc import Sequence
from functools import cache
from os import PathLike
from pathlib import Path
from threading import Lock

from rollcall.contracts.detector_names import DEFAULT_DETECTOR
from rollcall.contracts.embedder_kinds import DEFAULT_EMBEDDER
from rollcall.contracts.usage_error import UsageError  # noqa: F401 - what load_gallery raises: a name of the library
from rollcall.engine.engine import Engine
from rollcall.engine.engine import load_engine as load_engine_of
from rollcall.engine.face import Face, Image
from rollcall.media.photos.photo_decoder import PhotoDecoder
from rollcall.people.calibration import load_calibration
from rollcall.people.gallery import Gallery, Match
from rollcall.people.gallery_store import by_embedder
from rollcall.people.photo_enrollment import PhotoError, read_gallery
from rollcall.people.photo_reader import EnginePhotoReader, read_photo
from rollcall.pipeline.settings import LEAST_THRESHOLD, MOST_THRESHOLD, PHOTO_MIN_FACE
from rollcall.weights.folder import ensure_model_files

File = str | PathLike[str]

_log = logging.getLogger("rollcall")
_decoding = Lock()  # one decoder serves all threads, one photo at a time


def load_engine(
    model_dir: File | None = None,
    *,
    embedder: str = DEFAULT_EMBEDDER,
    detector: str = DEFAULT_DETECTOR,
    min_face: int = PHOTO_MIN_FACE.default,
    threads: int = 2,
) -> Engine:
    """The engine, ready for photos. The first call on a machine builds the model files, from 112 MB of downloads.

    `model_dir`: the folder of the model files; None: `$ROLLCALL_MODEL_DIR`, or one in the user's cache. `embedder`:
    `fused`, `dlib-resnet`, `sface` or `facenet`. `detector`: `yunet` or `mtcnn`. `min_face`: pixels, the shorter side
    of the smallest face to find, 12 or more. `threads`: of the processor, 1 or more. Errors: `ValueError` for a setting
    out of range, `ModelBuildError` where the files cannot be built.
    """
    folder = ensure_model_files(None if model_dir is None else Path(model_dir), progress=_log.info)
    return load_engine_of(folder, embedder, detector=detector, min_face=min_face, threads=threads)


def find_faces(photo: File | Image, engine: Engine) -> list[Face]:
    """The faces in a photo, largest first; boxes are in pixels of the upright photo.

    `photo`: a file (JPEG, PNG, WebP, HEIC, AVIF and others), or an array [height, width, 3] uint8 in OpenCV's order
    (BGR). Errors: `PhotoError` for a file that is no readable photo, `ValueError` for another array.
    """
    if not isinstance(photo, str | PathLike):
        return engine.analyze([photo])[0]
    try:
        with _decoding:
            image = read_photo(Path(photo), _decoder())
    except PhotoError as error:
        raise PhotoError(f"{photo}: {error}") from None
    return engine.analyze([image])[0]


def load_gallery(
    people: File | Sequence[File], engine: Engine, *, threshold: float | None = None, accept_poor: bool = False
) -> Gallery:
    """The people of a folder `NAME/*.jpg`, of a JSON list of `{"name", "embedding"}`, or of several of these.

    `threshold`: the largest distance at which a face gets a name, 0.1 to 1.5; None: the measured one of the embedder.
    `accept_poor`: enroll small, dim and blurred photos too. The logger `rollcall` tells which photos were left out, and
    why. Errors: `UsageError` where nobody is left to enroll, `ValueError` for a threshold out of range.
    """
    if threshold is not None and not LEAST_THRESHOLD <= threshold <= MOST_THRESHOLD:
        raise ValueError(f"the threshold is {threshold:g}; use {LEAST_THRESHOLD:g} to {MOST_THRESHOLD:g}")
    paths = [Path(people)] if isinstance(people, str | PathLike) else [Path(path) for path in people]
    embedder = engine.identity.embedder_name
    with _decoding:
        faces = read_gallery(
            paths,
            embedder,
            lambda: EnginePhotoReader(engine, enrolling=True, decoder=_decoder()),
            note=_log.info,
            fail=_log.warning,
            accept_poor=accept_poor,
        )
    return Gallery(by_embedder(faces), load_calibration(embedder, threshold=threshold))


def name_faces(faces: Sequence[Face], gallery: Gallery) -> list[Match]:
    """Who each face shows; `name` is None for a stranger. Each face is judged alone, as strictly as its quality asks.

    `Match` also tells the distance, the similarity (0 to 100), and who comes next.
    """
    return [gallery.match(face.embedding, evidence=face.quality.weight) for face in faces]


@cache
def _decoder() -> PhotoDecoder:
    return PhotoDecoder()
