"""Reading request bodies within bounds of size, time and memory, and finding the photos in them."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, NoReturn

from python_multipart.exceptions import FormParserError
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from functions.api.errors import BadRequest, BodyTooLarge, BodyTooSlow, NotAPhoto, Overloaded

ENVELOPE_BYTES = 64 * 1024  # what multipart adds to the files in it
MAX_FIELDS = 16
MAX_FILE_NAME = 255
MULTIPART = "multipart/form-data"


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
        if _announced(request) > max_bytes:
            raise _too_large(max_bytes)
        chunks: list[bytes] = []
        try:
            await self._read(request, chunks, max_bytes)
            yield b"".join(chunks)
        finally:
            self._room += sum(map(len, chunks))

    async def _read(self, request: Request, chunks: list[bytes], max_bytes: int) -> None:
        size = 0
        try:
            async with asyncio.timeout(self._seconds):
                async for chunk in request.stream():
                    size += len(chunk)
                    if size > max_bytes:
                        raise _too_large(max_bytes)
                    self._take(len(chunk))
                    chunks.append(chunk)
        except TimeoutError:
            raise BodyTooSlow(f"The body did not arrive within {self._seconds:.0f} s. Send it again.") from None

    @asynccontextmanager
    async def photos(self, request: Request, *, most: int = 1) -> AsyncIterator[list[PhotoFile]]:
        """From a form, or the body itself."""
        async with self.read(request, max_bytes=most * self.max_bytes + ENVELOPE_BYTES) as body:
            photos = await _from_form(request, body, most) if is_form(request) else [PhotoFile(body)]
            for photo in photos:
                if len(photo.content) > self.max_bytes:
                    raise _too_large(self.max_bytes)
                if not photo.content:
                    raise BadRequest("The photo is empty. Send it again.", code="empty-file")
            yield photos

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


async def _from_form(request: Request, body: bytes, most: int) -> list[PhotoFile]:
    async def once() -> AsyncIterator[bytes]:
        yield body

    parser = _InMemoryParser(request.headers, once(), max_files=most, max_fields=MAX_FIELDS)  # type: ignore[arg-type]
    try:
        form = await parser.parse()
    except (MultiPartException, FormParserError, UnicodeError, LookupError, ValueError) as error:
        reason = error.message if isinstance(error, MultiPartException) else "it cannot be parsed"
        raise BadRequest(f"This is not a valid multipart form: {reason}", code="bad-form") from None
    files = [value for _, value in form.multi_items() if isinstance(value, UploadFile)]
    if not files:
        raise BadRequest("The form holds no file. Send the photo as the field `inputFile`.", code="no-file")
    return [PhotoFile(file.file.read(), file.filename or "") for file in files]


class _InMemoryParser(MultiPartParser):
    spool_max_size = 1 << 40  # the body is in memory already and bounded: nothing of it goes to a disk


def _json_object(body: bytes) -> dict[str, Any]:
    try:
        content = json.loads(body.decode("utf-8-sig"), parse_constant=_refuse_constant)
    except RecursionError:
        raise BadRequest("The body is nested too deeply.", code="bad-json") from None
    except ValueError as error:
        raise BadRequest(f"The body is not valid JSON in UTF-8: {error}.", code="bad-json") from None
    if not isinstance(content, dict):
        raise BadRequest("The body must be a JSON object.", code="bad-json")
    return content


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON number")


def _announced(request: Request) -> int:
    length = request.headers.get("content-length", "0")
    return int(length) if length.isdecimal() else 0


def _too_large(most: int) -> BodyTooLarge:
    limit = f"{most / 1024**2:.3g} MiB" if most >= 1024**2 else f"{most / 1024:.3g} KiB"
    return BodyTooLarge(f"The body is larger than {limit}, which is the limit. Send a smaller one.")
