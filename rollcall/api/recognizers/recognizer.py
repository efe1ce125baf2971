"""Looks at photos in a process of its own: the engine, and a confined decoder beside it.

It knows no names: embeddings go back to the parent, which compares them with the gallery.
"""

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from rollcall.api.recognizers.messages import Batch, FaceQuality, Looked, Ready, Refusal, SeenFace, SeenPhoto
from rollcall.contracts.errors import DecoderLost, MediaError, MovingPicture
from rollcall.engine.engine import Engine, load_engine
from rollcall.engine.face import Face, Image
from rollcall.media.photos.photo_decoder import PhotoDecoder
from rollcall.media.source import require_photo
from rollcall.people.gop_faces import pack_embedding
from rollcall.results.face_crops import face_crop, jpeg
from rollcall.runtime.confined.channel import PeerGone
from rollcall.runtime.confined.child import parent_channel, tie_to_parent

TOGETHER_PIXELS = 2_000_000  # photos are given to the engine together up to here: more is no faster
ANSWER_BYTES = 4096
A_VIDEO = "This is a video, not a photo. Ask for an upload with POST /v1/videos."


def look(
    photos: Sequence[bytes | bytearray], decoder: PhotoDecoder, engine: Engine, *, enrolling: bool
) -> list[Looked]:
    """One answer for each photo, in order."""
    decoded = [_decode(photo, decoder) for photo in photos]
    images = [image for image in decoded if not isinstance(image, Refusal)]
    seen = iter([photo for group in _groups(images) for photo in _analyze(group, engine, enrolling=enrolling)])
    return [image if isinstance(image, Refusal) else next(seen) for image in decoded]


def _decode(photo: bytes | bytearray, decoder: PhotoDecoder) -> Image | Refusal:
    try:
        require_photo(photo)
        picture = decoder.decode(photo)
    except MovingPicture as video:
        return Refusal(code=video.code, message=A_VIDEO)
    except (MediaError, DecoderLost) as error:
        return Refusal(code=error.code, message=str(error))
    return np.frombuffer(picture.content, dtype=np.uint8).reshape(picture.height, picture.width, 3)


def _groups(images: Sequence[Image]) -> list[list[Image]]:
    groups: list[list[Image]] = []
    room = 0
    for image in images:
        pixels = image.shape[0] * image.shape[1]
        if pixels > room:
            groups.append([])
            room = TOGETHER_PIXELS
        groups[-1].append(image)
        room -= pixels
    return groups


def _analyze(images: Sequence[Image], engine: Engine, *, enrolling: bool) -> list[SeenPhoto]:
    started = time.monotonic()
    found = engine.analyze(images, enrolling=enrolling)
    seconds = (time.monotonic() - started) / len(images)
    return [_seen(image, faces, seconds) for image, faces in zip(images, found, strict=True)]


def _seen(image: Image, faces: Sequence[Face], seconds: float) -> SeenPhoto:
    height, width = image.shape[:2]
    seen = [_face(image, face) for face in faces]
    return SeenPhoto(width=width, height=height, faces=seen, seconds_spent=seconds)


def _face(image: Image, face: Face) -> SeenFace:
    quality = face.quality
    return SeenFace(
        box=face.box,
        confidence=face.confidence,
        landmarks=[(float(x), float(y)) for x, y in face.landmarks],
        quality=FaceQuality(
            size=quality.size,
            sharpness=quality.sharpness,
            yaw=quality.yaw,
            roll=quality.roll,
            exposure=quality.exposure,
            weight=quality.weight,
            covered=quality.covered,
        ),
        embedding=pack_embedding(face.embedding),
        crop=jpeg(face_crop(image, face.box)),
    )


def main() -> None:
    options = _options()
    tie_to_parent(options.parent)
    channel = parent_channel()
    decoder = PhotoDecoder(max_bytes=options.max_bytes, max_pixels=options.max_pixels, seconds=options.decode_seconds)
    decoder.start()
    engine = load_engine(
        options.model_dir,
        options.embedder,
        detector=options.detector,
        min_face=options.min_face,
        threads=options.threads,
    )
    identity = engine.identity
    channel.send(Ready(model=identity.versions(), embedder=identity.embedder_name).model_dump_json().encode())
    try:
        while True:
            batch = Batch.model_validate_json(channel.receive(most=ANSWER_BYTES))
            photos = [channel.receive(most=options.max_bytes) for _ in range(batch.photos)]
            for looked in look(photos, decoder, engine, enrolling=batch.enrolling):
                channel.send(looked.model_dump_json().encode())
    except PeerGone:
        decoder.close()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="rollcall.api.recognizers.recognizer", description=__doc__)
    parser.add_argument("parent", type=int)
    parser.add_argument("--model-dir", type=Path, required=True)
    parser.add_argument("--embedder", required=True)
    parser.add_argument("--detector", required=True)
    parser.add_argument("--min-face", type=int, required=True)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--max-bytes", type=int, required=True)
    parser.add_argument("--max-pixels", type=int, required=True)
    parser.add_argument("--decode-seconds", type=float, required=True)
    return parser.parse_args()


if __name__ == "__main__":
    main()
