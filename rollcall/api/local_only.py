"""Keeps everybody but this machine's programs out of an API that asks for no key, before anything else is done."""

from collections.abc import Iterable
from http import HTTPStatus

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from rollcall.api.problems import problem
from rollcall.runtime.local_requests import RequestSource, is_loopback, origins_of, refusal

NOT_THIS_MACHINE = "Without API keys only this machine may ask, at 127.0.0.1."


class LocalOnly:
    """Every request goes through here, whatever its method and path; `origins` are those of pages that may ask."""

    def __init__(self, app: ASGIApp, *, origins: Iterable[str]) -> None:
        self._app = app
        self._origins = origins_of(origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        reason = self._refusal(scope) if scope["type"] == "http" else None
        if reason is None:
            await self._app(scope, receive, send)
            return
        answer = problem(
            Request(scope),
            HTTPStatus.FORBIDDEN,
            code="not-local",
            detail=reason,
            headers={"Connection": "close"},  # the body is not read
        )
        await answer(scope, receive, send)

    def _refusal(self, scope: Scope) -> str | None:
        client = scope.get("client")
        if "aws.event" in scope or client is None or not is_loopback(client[0]):
            return NOT_THIS_MACHINE
        headers: list[tuple[bytes, bytes]] = scope["headers"]

        def values(wanted: bytes) -> list[str]:
            return [value.decode("latin-1") for name, value in headers if name == wanted]

        source = RequestSource(hosts=values(b"host"), origins=values(b"origin"), sites=values(b"sec-fetch-site"))
        return refusal(source, origins=self._origins, own_pages=True)
