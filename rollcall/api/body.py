"""Reading request bodies within bounds of size, time and memory, and finding the photos in them."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, NoReturn, TypeVar

from python_multipart.exceptions import FormParserError
from starlette.datastructures import Headers, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from rollcall.api.http_errors import BadRequest, BodyTooLarge, BodyTooSlow, CompressedBody, NotAPhoto, Overloaded

ENVELOPE_BYTES = 64 * 1024  # what multipart adds to the files in it
PIECE_BYTES = 64 * 1024
MAX_FIELDS = 16
MAX_FIELD_BYTES = 64 * 1024  # of one that holds no file
MAX_DIGITS = 1000  # far more than a record may have: it is refused by the name of its field
MAX_FILE_NAME = 255
MULTIPART = "multipart/form-data"

Found = TypeVar("Found")


@dataclass(frozen=True)
class PhotoFile:
    content: bytes
    name: str = ""  # as the client calls it; only ever given back to the client


class BodyReader:
    """`room`: bytes of all bodies that are being read or looked at; beyond it new ones are refused."""

    def __init__(self, *, max_bytes: int, seconds: float, room: int) -> None:
        self.max_bytes = max_bytes
        self._seconds = seconds
        self._room = room

    @asynccontextmanager
    async def read(self, request: Request, *, max_bytes: int) -> AsyncIterator[bytes]:
        """The whole body; its room is taken for as long as the caller works on it."""
        async with self._pieces(request, max_bytes) as pieces:
            yield await self._in_time(_joined(pieces))

    @asynccontextmanager
    async def photos(self, request: Request, *, most: int = 1) -> AsyncIterator[list[PhotoFile]]:
        """The photos of a form, or the body itself as one photo."""
        form = is_form(request)
        async with self._pieces(request, most * self.max_bytes + ENVELOPE_BYTES if form else self.max_bytes) as pieces:
            if form:
                photos = await self._in_time(_from_form(request, pieces, most=most, max_bytes=self.max_bytes))
            else:
                photos = [PhotoFile(await self._in_time(_joined(pieces)))]
            yield photos

    @asynccontextmanager
    async def _pieces(self, request: Request, max_bytes: int) -> AsyncIterator[AsyncGenerator[bytes, None]]:
        """The body as it arrives, in pieces so small that other requests are served between two of them."""
        _require_plain(request)
        if _announced(request) > max_bytes:
            raise _too_large(max_bytes)
        size = 0

        async def pieces() -> AsyncGenerator[bytes, None]:
            nonlocal size
            async for chunk in request.stream():
                if size + len(chunk) > max_bytes:
                    raise _too_large(max_bytes)
                self._take(len(chunk))
                size += len(chunk)
                yield chunk[:PIECE_BYTES]
                for start in range(PIECE_BYTES, len(chunk), PIECE_BYTES):
                    await asyncio.sleep(0)
                    yield chunk[start : start + PIECE_BYTES]

        reading = pieces()
        try:
            yield reading
        finally:
            await reading.aclose()
            self._room += size

    async def _in_time(self, reading: Awaitable[Found]) -> Found:
        try:
            async with asyncio.timeout(self._seconds):
                return await reading
        except TimeoutError:
            raise BodyTooSlow(f"The body did not arrive within {self._seconds:.0f} s. Send it again.") from None

    @asynccontextmanager
    async def json_object(self, request: Request, *, max_bytes: int) -> AsyncIterator[dict[str, Any]]:
        async with self.read(request, max_bytes=max_bytes) as body:
            yield _json_object(body)

    def _take(self, size: int) -> None:
        if size > self._room:
            raise Overloaded("Too many uploads at once. Try again in a moment.", retry_after=1)
        self._room -= size


def media_type(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def is_form(request: Request) -> bool:
    return media_type(request) == MULTIPART


def require_photo_type(request: Request) -> None:
    kind = media_type(request)
    if kind and kind != "application/octet-stream" and not kind.startswith("image/"):
        raise NotAPhoto(
            f"{kind[:80]!r} is not a photo's content type. Send a form, or one that begins with image/, as image/jpeg."
        )


def stem(name: str) -> str:
    """A file name without folders and extension, fit to be printed."""
    base = PurePosixPath(name.replace("\\", "/")).name[:MAX_FILE_NAME]
    return "".join(character for character in PurePosixPath(base).stem if character.isprintable())


async def _joined(pieces: AsyncGenerator[bytes, None]) -> bytes:
    return b"".join([piece async for piece in pieces])


async def _from_form(
    request: Request, pieces: AsyncGenerator[bytes, None], *, most: int, max_bytes: int
) -> list[PhotoFile]:
    parser = _PhotoForm(request.headers, pieces, most=most, max_bytes=max_bytes)
    try:
        form = await parser.parse()
    except (MultiPartException, FormParserError, UnicodeError, LookupError, ValueError) as error:
        reason = error.message if isinstance(error, MultiPartException) else "it cannot be parsed"
        raise BadRequest(f"This is not a valid multipart form: {reason}", code="bad-form") from None
    files = [value for _, value in form.multi_items() if isinstance(value, UploadFile)]
    if not files:
        raise BadRequest("The form holds no file. Send the photo as the field `inputFile`.", code="no-file")
    return [PhotoFile(file.file.read(), file.filename or "") for file in files]


class _PhotoForm(MultiPartParser):
    """Refuses a file over the limit as soon as it is over it."""

    spool_max_size = 1 << 40  # the body is bounded, and nothing of it goes to a disk

    def __init__(self, headers: Headers, pieces: AsyncGenerator[bytes, None], *, most: int, max_bytes: int) -> None:
        super().__init__(headers, pieces, max_files=most, max_fields=MAX_FIELDS, max_part_size=MAX_FIELD_BYTES)
        self._max_bytes = max_bytes
        self._part_bytes = 0

    def on_part_begin(self) -> None:
        super().on_part_begin()
        self._part_bytes = 0

    def on_part_data(self, data: bytes, start: int, end: int) -> None:
        self._part_bytes += end - start
        if self._part_bytes > self._max_bytes:
            raise _too_large(self._max_bytes)
        super().on_part_data(data, start, end)

    def on_headers_finished(self) -> None:
        self._charset = "utf-8"  # whatever the form says: some of Python's codecs take minutes
        super().on_headers_finished()


def _require_plain(request: Request) -> None:
    encoding = ", ".join(request.headers.getlist("content-encoding"))
    if not {each.strip().lower() for each in encoding.split(",")} <= {"", "identity"}:
        raise CompressedBody(
            f"The body is compressed (Content-Encoding: {encoding[:40]}), which is not supported here."
            " Send it as it is, without a Content-Encoding header."
        )


def _json_object(body: bytes) -> dict[str, Any]:
    try:
        content = json.loads(body.decode("utf-8-sig"), parse_constant=_refuse_constant, parse_int=_whole_number)
    except RecursionError:
        raise BadRequest("The body is nested too deeply.", code="bad-json") from None
    except ValueError as error:
        raise BadRequest(f"The body is not valid JSON in UTF-8: {error}.", code="bad-json") from None
    if not isinstance(content, dict):
        raise BadRequest("The body must be a JSON object.", code="bad-json")
    return content


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON number")


def _whole_number(digits: str) -> int:
    if len(digits) > MAX_DIGITS:
        raise ValueError(f"a number has {len(digits)} digits, at most {MAX_DIGITS} are read; write it as text")
    return int(digits)


def _announced(request: Request) -> int:
    """In bytes, cut to a size that is over every limit here."""
    length = request.headers.get("content-length", "0")
    return int(length[:MAX_DIGITS]) if length.isdecimal() else 0


def _too_large(most: int) -> BodyTooLarge:
    limit = f"{most / 1024**2:.3g} MiB" if most >= 1024**2 else f"{most / 1024:.3g} KiB"
    return BodyTooLarge(f"The body is larger than {limit}, which is the limit. Send a smaller one.")
