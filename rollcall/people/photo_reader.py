"""The faces in a photo on this disk, decoded as everywhere: in the confined process of `PhotoDecoder`."""

from pathlib import Path

import numpy as np

from rollcall.contracts.bounds import beside
from rollcall.contracts.errors import DecoderLost, MediaError, MovingPicture, TooLarge
from rollcall.engine.engine import Engine
from rollcall.engine.face import Face, Image
from rollcall.media.folders import why_unreadable
from rollcall.media.photos.photo_decoder import MAX_PHOTO_BYTES, PhotoDecoder
from rollcall.media.source import require_photo
from rollcall.people.photo_enrollment import PhotoError


class EnginePhotoReader:
    def __init__(self, engine: Engine, *, enrolling: bool = False, decoder: PhotoDecoder | None = None) -> None:
        """`enrolling`: the faces are to be enrolled, so their embeddings are worth more time."""
        self.engine = engine
        self._enrolling = enrolling
        self._decoder = decoder or PhotoDecoder()

    @property
    def embedder(self) -> str:
        return self.engine.identity.embedder_name

    def faces(self, photo: Path) -> list[Face]:
        """Largest first, in pixels of the upright photo; raise PhotoError for a file that is not a readable photo."""
        image = read_photo(photo, self._decoder)
        return self.engine.analyze([image], enrolling=self._enrolling)[0]


def read_photo(photo: Path, decoder: PhotoDecoder) -> Image:
    try:
        content = _content(photo)
        require_photo(content)
        picture = decoder.decode(content)
    except MovingPicture as error:
        raise PhotoError(f"{error} Use `rollcall run` for videos.") from error
    except (MediaError, DecoderLost) as error:
        raise PhotoError(str(error)) from error
    except OSError as error:
        raise PhotoError(f"cannot be read ({error.strerror})") from error
    return np.frombuffer(picture.content, dtype=np.uint8).reshape(picture.height, picture.width, 3)


def _content(photo: Path) -> bytes:
    """Errors: PhotoError for what is no file, such as a device that never ends; TooLarge; OSError."""
    unreadable = why_unreadable(photo)
    if unreadable is not None:
        raise PhotoError(unreadable)
    with photo.open("rb") as file:
        content = file.read(MAX_PHOTO_BYTES + 1)
        if len(content) > MAX_PHOTO_BYTES:
            size, most = (count / 1024**2 for count in (max(photo.stat().st_size, len(content)), MAX_PHOTO_BYTES))
            raise TooLarge(f"The file has {beside(size, most)} MiB; at most {most:g} MiB are read.")
    return content
