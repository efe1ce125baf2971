"""Who may ask for what: API keys, the gateway's own check, or this machine alone."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from fastapi import Request
from starlette.concurrency import run_in_threadpool

from rollcall.api.api_keys import ApiKeyStore, RateLimiter, given_key
from rollcall.api.http_errors import Forbidden, TooManyRequests, Unauthenticated
from rollcall.contracts.api_scopes import SCOPES, Scope

ALL_SCOPES: frozenset[str] = frozenset(SCOPES)


@dataclass(frozen=True)
class Access:
    who: str
    scopes: frozenset[str] = ALL_SCOPES

    def require(self, scope: Scope) -> None:
        if scope not in self.scopes:
            raise Forbidden(f"This API key does not have the scope {scope!r}.", code="scope-missing")


class Gatekeeper(Protocol):
    async def admit(self, request: Request, scope: Scope) -> Access:
        """Raise Unauthenticated, Forbidden or TooManyRequests."""
        ...


class KeyHolders:
    def __init__(self, keys: ApiKeyStore, rates: RateLimiter) -> None:
        self._keys = keys
        self._rates = rates

    async def admit(self, request: Request, scope: Scope) -> Access:
        key = await run_in_threadpool(self._keys.verify, given_key(request.headers))
        if key is None:
            raise Unauthenticated("Send a valid API key in the X-Api-Key header or as a bearer token.")
        access = Access(who=key.id, scopes=key.scopes)
        access.require(scope)
        wait = await run_in_threadpool(self._rates.seconds_to_wait, key)
        if wait:
            raise TooManyRequests(f"This API key may ask {key.per_minute} times a minute.", retry_after=wait)
        return access


class IamCallers:
    """Behind an HTTP API whose routes ask for IAM: the gateway has checked the signature, and says whose it is."""

    async def admit(self, request: Request, scope: Scope) -> Access:
        caller = request.scope.get("aws.event")
        for field in ("requestContext", "authorizer", "iam", "userArn"):
            caller = caller.get(field) if isinstance(caller, dict) else None
        if not caller:
            raise Unauthenticated("This service takes only requests that an IAM principal has signed.")
        return Access(who=str(caller))


class ThisMachine:
    """Whoever LocalOnly has let in: it looks at every request before this does."""

    async def admit(self, request: Request, scope: Scope) -> Access:
        return Access(who="local")


def require(scope: Scope) -> Callable[[Request], Awaitable[Access]]:
    async def check(request: Request) -> Access:
        gatekeeper: Gatekeeper = request.app.state.gatekeeper
        return await gatekeeper.admit(request, scope)

    return check
