"""The faces in a photo on this disk, decoded as the pipeline decodes an upload: by ffmpeg, in a limited process."""

from contextlib import closing
from pathlib import Path

import cv2
import numpy as np

from functions.common.errors import EmptyFile, MediaError, TooLarge
from functions.video_split.decode import decode
from functions.video_split.limits import Limits
from functions.video_split.probe import probe
from local.enrolment import PhotoError
from model.engine import Engine
from model.faces import Face, Image

LIMITS = Limits(max_bytes=256 * 1024**2)


class EnginePhotoReader:
    def __init__(self, engine: Engine, *, limits: Limits = LIMITS) -> None:
        self.engine = engine
        self._limits = limits

    @property
    def embedder(self) -> str:
        return self.engine.identity.embedder_name

    def faces(self, photo: Path) -> list[Face]:
        """Largest first, in pixels of the upright photo; raise PhotoError for a file that is not a readable photo."""
        image = read_photo(photo, limits=self._limits)
        return self.engine.analyze([image])[0]


def read_photo(photo: Path, *, limits: Limits) -> Image:
    try:
        _check_size(photo, limits)
        media = probe(str(photo), limits=limits)
        if not media.photo:
            raise PhotoError("a video, not a photo; use `rollcall run` for videos")
        with closing(decode(str(photo), media, frames_per_second=1.0, limits=limits)) as gops:
            frame = next(gops).frames[0]
    except MediaError as error:
        raise PhotoError(str(error)) from error
    except OSError as error:
        raise PhotoError(f"cannot be read ({error.strerror})") from error
    image = cv2.imdecode(np.frombuffer(frame, dtype=np.uint8), cv2.IMREAD_COLOR)
    if image is None:
        raise PhotoError("cannot be decoded")
    return np.asarray(image, dtype=np.uint8)


def _check_size(photo: Path, limits: Limits) -> None:
    size = photo.stat().st_size
    if size == 0:
        raise EmptyFile("The file is empty.")
    if size > limits.max_bytes:
        raise TooLarge(f"The file has {size // 1024**2} MB; at most {limits.max_bytes // 1024**2} MB are read.")
