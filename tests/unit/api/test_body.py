"""Bodies are bounded in size, time and memory before anything is made of them."""

import asyncio
from collections.abc import Iterable
from typing import Any

import pytest
from starlette.requests import Request

from rollcall.api.body import BodyReader
from rollcall.api.http_errors import BadRequest, BodyTooLarge, BodyTooSlow, Overloaded


def sent(pieces: Iterable[bytes], *, ends: bool = True, length: int | None = None) -> Request:
    """A request of which these pieces arrive, and then its end or nothing."""
    waiting = iter(pieces)

    async def receive() -> dict[str, Any]:
        piece = next(waiting, None)
        if piece is None and not ends:
            await asyncio.Event().wait()
        return {"type": "http.request", "body": piece or b"", "more_body": piece is not None}

    headers = [] if length is None else [(b"content-length", str(length).encode())]
    return Request({"type": "http", "method": "PUT", "headers": headers}, receive)


def reader(*, seconds: float = 30, room: int = 1000) -> BodyReader:
    return BodyReader(max_bytes=1000, seconds=seconds, room=room)


async def read(bodies: BodyReader, request: Request, *, meanwhile: Request | None = None) -> dict[str, Any]:
    async with bodies.json_object(request, max_bytes=100) as content:
        if meanwhile is not None:
            await read(bodies, meanwhile)
        return content


def test_a_body_in_pieces_is_one() -> None:
    assert asyncio.run(read(reader(), sent([b'{"a"', b": 1", b"}"]))) == {"a": 1}


def test_a_client_that_stops_sending_is_given_up() -> None:
    with pytest.raises(BodyTooSlow, match="did not arrive"):
        asyncio.run(read(reader(seconds=0.05), sent([b"{"], ends=False)))


def test_an_announced_length_over_the_limit_is_refused_unread() -> None:
    with pytest.raises(BodyTooLarge):
        asyncio.run(read(reader(), sent([], ends=False, length=101)))


def test_a_body_is_refused_as_soon_as_it_is_over_the_limit() -> None:
    with pytest.raises(BodyTooLarge):
        asyncio.run(read(reader(), sent([b" " * 60] * 2, ends=False)))


def test_the_room_is_taken_while_the_body_is_worked_on_and_then_given_back() -> None:
    bodies = reader(room=12)

    with pytest.raises(Overloaded):
        asyncio.run(read(bodies, sent([b'{"a": 1}']), meanwhile=sent([b'{"b": 2}'])))
    with pytest.raises(BadRequest):
        asyncio.run(read(bodies, sent([b"no JSON "])))
    assert asyncio.run(read(bodies, sent([b'{"c": 3}']))) == {"c": 3}
