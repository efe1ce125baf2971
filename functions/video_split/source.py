"""An upload as the split reads it: single byte ranges of it, what ffmpeg opens, and what its content says it is."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import cached_property
from pathlib import Path

from functions.common import photo_formats
from functions.common.errors import NoVideo, SourceUnavailable, UnreadableMedia
from functions.video_split.containers import GIF, JPEG, PHOTO, Container, is_jpeg_stream, video_container
from functions.video_split.refusals import refusal

HEAD_BYTES = 1 << 16
JPEG_STREAM_BYTES = 1 << 21  # in which a second frame begins
ACCEPTED = f"Upload MP4, MOV, MKV, WebM, AVI, {photo_formats.NAMES}."


class Input(ABC):
    """What ffmpeg opens, for as long as it may read it."""

    url: str
    protocols: str  # all that ffmpeg may use to open it
    files: tuple[str, ...] = ()  # all that it may read, beside its own libraries
    port: int | None = None  # all that it may connect to

    @property
    def failure(self) -> SourceUnavailable | None:
        """Why bytes did not come. Whatever ffmpeg made of it is not the file's fault."""
        return None

    @property
    def waited(self) -> float:
        """Seconds spent until now waiting for bytes from elsewhere."""
        return 0.0

    def require_fetched(self) -> None:
        if self.failure is not None:
            raise self.failure


class Source(ABC):
    @cached_property
    def head(self) -> bytes:
        return self._read(0, HEAD_BYTES)

    def read(self, offset: int, size: int) -> bytes:
        """Fewer bytes than `size` where the file ends."""
        if offset + size <= len(self.head) or len(self.head) < HEAD_BYTES:
            return self.head[offset : offset + size]
        return self._read(offset, size)

    @abstractmethod
    def opened(self) -> AbstractContextManager[Input]: ...

    @abstractmethod
    def _read(self, offset: int, size: int) -> bytes: ...


class LocalFile(Source):
    def __init__(self, path: str | Path) -> None:
        self._path = Path(path).absolute()

    @contextmanager
    def opened(self) -> Iterator[Input]:
        yield _OpenedFile(self._path)

    def _read(self, offset: int, size: int) -> bytes:
        with self._path.open("rb") as file:
            file.seek(offset)
            return file.read(size)


class _OpenedFile(Input):
    protocols = "file"

    def __init__(self, path: Path) -> None:
        self.url = f"file:{path}"
        self.files = (str(path),)


def as_source(source: Source | str) -> Source:
    """A path stands for the file on this disk."""
    return LocalFile(source) if isinstance(source, str) else source


_PHOTOS = {photo_formats.JPEG: JPEG, photo_formats.GIF: GIF}


def recognise(head: bytes) -> Container:
    """Raise UnreadableMedia or NoVideo, with a sentence for the owner, for what cannot hold a picture."""
    photo = photo_formats.photo_format(head)
    if photo is not None:
        return _PHOTOS.get(photo, PHOTO)
    refused = refusal(head)
    if refused is not None:
        raise refused
    container = video_container(head)
    if container is None:
        raise UnreadableMedia(f"This is not a video or photo that can be read. {ACCEPTED}")
    return container


def require_photo(content: bytes | bytearray) -> None:
    """Raise NoVideo for a video, and what `recognise` raises for the rest that is no photo."""
    container = recognise(bytes(content[:HEAD_BYTES]))
    if not container.photo or (container == JPEG and is_jpeg_stream(bytes(content[:JPEG_STREAM_BYTES]))):
        raise NoVideo("This is a video, not a photo.")
