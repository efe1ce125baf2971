"""The interface to an upload: byte ranges, the input that ffmpeg opens, and the format by its content."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import cached_property
from pathlib import Path

from rollcall.contracts.errors import MovingPicture, SourceUnavailable
from rollcall.media import photo_formats
from rollcall.media.containers import (
    GIF,
    JPEG,
    MJPEG,
    PHOTO,
    Container,
    begun_inside,
    is_jpeg_stream,
    video_container,
)
from rollcall.media.refusals import refusal, unknown

HEAD_BYTES = 1 << 16
STREAM_BYTES = 1 << 21  # in which a stream of pictures that begins inside one, or is one of JPEGs, shows itself


class Input(ABC):
    """The input that ffmpeg opens, and how long it may read it."""

    url: str
    protocols: str  # all that ffmpeg may use to open it
    files: tuple[str, ...] = ()  # all that it may read, beside its own libraries
    port: int | None = None  # all that it may connect to

    @property
    def failure(self) -> SourceUnavailable | None:
        """Why bytes did not come. If there is a reason, ffmpeg's errors are not the file's fault."""
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
        """Read `size` bytes, or fewer where the file ends."""
        if offset + size <= len(self.head) or len(self.head) < HEAD_BYTES:
            return self.head[offset : offset + size]
        return self._read(offset, size)

    @property
    @abstractmethod
    def size(self) -> int:
        """The size of the upload in bytes."""

    @abstractmethod
    def opened(self) -> AbstractContextManager[Input]: ...

    @abstractmethod
    def _read(self, offset: int, size: int) -> bytes: ...


class LocalFile(Source):
    def __init__(self, path: str | Path) -> None:
        self._path = Path(path).absolute()

    @property
    def size(self) -> int:
        return self._path.stat().st_size

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


def recognize(head: bytes, more: Callable[[], bytes] = bytes) -> Container:
    """The format of an upload. Raise MediaError, with a sentence for the owner, if it cannot hold a picture or is not
    supported.

    `more`: the first `STREAM_BYTES`, for a file that begins like no known format.
    """
    photo = photo_formats.photo_format(head)
    if photo is not None:
        return _PHOTOS.get(photo, PHOTO)
    refused = refusal(head)
    if refused is not None:
        raise refused
    container = video_container(head) or begun_inside(more() or head)
    if container is None:
        raise unknown(head)
    return container


def container_of(source: Source) -> Container:
    """The format that `recognize` finds, with streams of JPEGs told apart from photos."""
    container = recognize(source.head, lambda: source.read(0, STREAM_BYTES))
    return MJPEG if container == JPEG and is_jpeg_stream(source.read(0, STREAM_BYTES)) else container


def require_photo(content: bytes | bytearray) -> None:
    """The format of a photo. Raise MovingPicture for a video, and the errors of `recognize` for anything else."""
    container = recognize(bytes(content[:HEAD_BYTES]), lambda: bytes(content[:STREAM_BYTES]))
    if not container.photo or (container == JPEG and is_jpeg_stream(bytes(content[:STREAM_BYTES]))):
        raise MovingPicture("This is a video, not a photo.")
