"""A `multipart/form-data` body: its fields, and then its file, a piece at a time."""

import re
from collections import deque
from collections.abc import AsyncIterator

from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser, parse_options_header

from rollcall.local.store.s3.s3_errors import S3Error

MOST_FIELD_BYTES = 20 * 1024  # everything before the file
MOST_FIELDS = 200
_TOKEN = re.compile(r"[A-Za-z0-9'()+_,./:=? -]{1,70}")


class FormReader:
    """Raises: S3Error (MalformedPOSTRequest)."""

    def __init__(self, content_type: str, body: AsyncIterator[bytes]) -> None:
        kind, options = parse_options_header(content_type)
        boundary = options.get(b"boundary", b"")
        if kind != b"multipart/form-data" or not _TOKEN.fullmatch(boundary.decode("latin-1")):
            raise S3Error("MalformedPOSTRequest")
        self.fields: dict[str, str] = {}
        self.file_name = ""
        self._body = body
        self._pieces: deque[bytes] = deque()
        self._in_file = self._file_ended = False
        self._header, self._value = b"", b""
        self._part: dict[str, bytes] = {}
        self._text = b""
        self._size = 0
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._begin,
                "on_header_field": self._header_name,
                "on_header_value": self._header_value,
                "on_header_end": self._end_header,
                "on_headers_finished": self._end_headers,
                "on_part_data": self._take,
                "on_part_end": self._end_part,
            },
        )

    async def read_fields(self) -> dict[str, str]:
        """Everything up to the file; what follows the file is ignored, as S3 does."""
        while not self._in_file and not self._file_ended:
            if not await self._read_on():
                raise S3Error(
                    "InvalidArgument",
                    "POST requires exactly one file upload per request.",
                    ArgumentName="file",
                    ArgumentValue="0",
                )
        return self.fields

    async def file(self) -> AsyncIterator[bytes]:
        while True:
            while self._pieces:
                yield self._pieces.popleft()
            if not await self._read_on():
                break
        if not self._file_ended:
            raise S3Error("MalformedPOSTRequest")

    async def _read_on(self) -> bool:
        async for chunk in self._body:
            try:
                self._parser.write(chunk)
            except MultipartParseError as error:
                raise S3Error("MalformedPOSTRequest") from error
            return True
        return False

    def _begin(self) -> None:
        self._part, self._text = {}, b""

    def _header_name(self, content: bytes, start: int, end: int) -> None:
        self._header += content[start:end]
        self._count(end - start)

    def _header_value(self, content: bytes, start: int, end: int) -> None:
        self._value += content[start:end]
        self._count(end - start)

    def _end_header(self) -> None:
        self._part[self._header.decode("latin-1").lower()] = self._value
        self._header, self._value = b"", b""

    def _end_headers(self) -> None:
        if self._file_ended:
            return
        self._disposition = parse_options_header(self._part.get("content-disposition", b""))[1]
        self._name = self._disposition.get(b"name", b"").decode(errors="replace").lower()
        if self._name == "file":
            self._in_file = True
            self.file_name = self._disposition.get(b"filename", b"").decode(errors="replace")

    def _take(self, content: bytes, start: int, end: int) -> None:
        if self._in_file:
            self._pieces.append(content[start:end])
        elif not self._file_ended:
            self._text += content[start:end]
            self._count(end - start)

    def _end_part(self) -> None:
        if self._in_file:
            self._in_file, self._file_ended = False, True
        elif not self._file_ended:
            if not self._name or len(self.fields) >= MOST_FIELDS:
                raise S3Error("MalformedPOSTRequest")
            self.fields[self._name] = self._decoded()

    def _decoded(self) -> str:
        try:
            return self._text.decode()
        except UnicodeDecodeError as error:
            raise S3Error("MalformedPOSTRequest") from error

    def _count(self, size: int) -> None:
        if not self._file_ended and not self._in_file:
            self._size += size
            if self._size > MOST_FIELD_BYTES:
                raise S3Error("MaxPostPreDataLengthExceededError")
