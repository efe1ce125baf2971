"""An upload as the split reads it: single byte ranges of it, what ffmpeg opens, and what its content says it is."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from functions.common.errors import NoVideo, SourceUnavailable, UnreadableMedia

HEAD_BYTES = 1 << 16
TS_PACKET = 188
ACCEPTED = "Upload MP4, MOV, MKV, WebM, AVI, JPEG, PNG or WebP."


class Input(ABC):
    """What ffmpeg opens, for as long as it may read it."""

    url: str
    protocols: str  # all that ffmpeg may use to open it

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


def as_source(source: Source | str) -> Source:
    """A path stands for the file on this disk."""
    return LocalFile(source) if isinstance(source, str) else source


@dataclass(frozen=True)
class Container:
    demuxer: str  # ffmpeg's name; it is given, so that ffmpeg never guesses from a name or content
    photo: bool = False

    @property
    def restarts(self) -> bool:
        """Whether ffmpeg counts the picture's times from its own start, and not from the file's."""
        return self.demuxer in _RESTARTING


_RESTARTING = ("mpegts", "mpeg", "ogg", "dhav")  # ffmpeg's AVFMT_TS_DISCONT
MOV = Container("mov,mp4,m4a,3gp,3g2,mj2")
MATROSKA = Container("matroska,webm")
INDEXED = (MOV, MATROSKA)  # the others have no index to seek by, or make up times as they read
JPEG, PNG, WEBP = (Container(f"{name}_pipe", photo=True) for name in ("jpeg", "png", "webp"))

_BY_START = (
    (b"\xff\xd8\xff", JPEG),
    (b"\x89PNG\r\n\x1a\n", PNG),
    (b"\x1a\x45\xdf\xa3", MATROSKA),
    (b"GIF87a", Container("gif")),
    (b"GIF89a", Container("gif")),
    (b"FLV\x01", Container("flv")),
    (b"OggS", Container("ogg")),
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", Container("asf")),
    (b"\x00\x00\x01\xba", Container("mpeg")),
    (b"\x00\x00\x01\xb3", Container("mpegvideo")),
)
_BY_RIFF_FORM = {b"WEBP": WEBP, b"AVI ": Container("avi"), b"AVIX": Container("avi")}
_MOV_BOXES = {b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"pnot"}
_HEIF_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"mif1", b"msf1", b"avif", b"avis"}
_AUDIO = (b"ID3", b"fLaC", b"\xff\xfb", b"\xff\xf3", b"\xff\xf2", b"\xff\xf1", b"\xff\xf9", b"#!AMR")
# NAL unit headers that open a raw stream: parameter sets and access unit delimiters
_RAW = {
    b"\x67": Container("h264"),
    b"\x27": Container("h264"),
    b"\x09": Container("h264"),
    b"\x40\x01": Container("hevc"),
    b"\x46\x01": Container("hevc"),
}


def recognise(head: bytes) -> Container:
    """Raise UnreadableMedia or NoVideo, with a sentence for the owner, for what cannot hold a picture."""
    container = _known(head)
    if container is not None:
        return container
    if head[4:8] == b"ftyp" and head[8:12] in _HEIF_BRANDS:
        raise UnreadableMedia("HEIC and AVIF photos are not supported. Convert the photo to JPEG and upload that.")
    if head.startswith(_AUDIO) or (head[:4] == b"RIFF" and head[8:12] == b"WAVE"):
        raise NoVideo("This file holds only sound. Upload a video or a photo.")
    raise UnreadableMedia(f"This is not a video or photo that can be read. {ACCEPTED}")


def _known(head: bytes) -> Container | None:
    for start, container in _BY_START:
        if head.startswith(start):
            return container
    if head[:4] == b"RIFF":
        return _BY_RIFF_FORM.get(head[8:12])
    if head[4:8] in _MOV_BOXES:
        return None if head[8:12] in _HEIF_BRANDS else MOV
    return _transport_stream(head) or _raw_stream(head)


def _transport_stream(head: bytes) -> Container | None:
    for first, packet in ((0, TS_PACKET), (4, TS_PACKET + 4)):  # plain, and with a time code as cameras write it
        marks = head[first : first + 5 * packet : packet]
        if len(marks) > 1 and set(marks) == {0x47}:
            return Container("mpegts")
    return None


def _raw_stream(head: bytes) -> Container | None:
    start_code = next((code for code in (b"\x00\x00\x00\x01", b"\x00\x00\x01") if head.startswith(code)), None)
    if start_code is None:
        return None
    unit = head[len(start_code) : len(start_code) + 2]
    return _RAW.get(unit) or _RAW.get(unit[:1])
