"""What the server hands to a service, and what a service hands back. Bodies stream both ways."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request. The path is raw (percent-encoded, as it came); header names are lower case, repeated ones joined
    by a comma, values decoded as latin-1. The body may be read once."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: AsyncIterator[bytes]
    scheme: str = "http"


@dataclass(frozen=True, slots=True)
class FileRange:
    """A part of an open file. Whoever sends it closes the descriptor, also when sending fails."""

    descriptor: int
    start: int
    length: int


@dataclass(slots=True, kw_only=True)
class Response:
    """The answer. An iterator needs `content-length` among the headers, or it is sent in chunks."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | FileRange | AsyncIterator[bytes] = b""
