"""How often each operation has been asked for: printed to the log at SIGUSR1."""

import json
import sys
from collections import Counter

from rollcall.local.store.http import FileRange, Request, Response

DIGITS = 15  # of a length that can be


class RequestCounts:
    """Counts requests and bytes of bodies, by service and operation."""

    def __init__(self) -> None:
        self._requests: Counter[str] = Counter()
        self._bytes: Counter[str] = Counter()

    def count(self, name: str, request: Request, answer: Response) -> None:
        """`name` is one of few, whatever a client sends."""
        self._requests[name] += 1
        self._bytes[name] += _length(request) + (
            answer.body.length if isinstance(answer.body, FileRange) else _size(answer.body)
        )

    def print(self) -> None:
        told = {name: {"requests": count, "bytes": self._bytes[name]} for name, count in self._requests.items()}
        print(json.dumps({"requests": told}), file=sys.stderr, flush=True)


def _length(request: Request) -> int:
    said = request.headers.get("content-length", "")
    return int(said) if said.isdecimal() and len(said) <= DIGITS else 0


def _size(body: object) -> int:
    return len(body) if isinstance(body, bytes) else 0
