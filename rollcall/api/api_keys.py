"""API keys: `rc_<id>_<secret>`, of which only the id and the secret's SHA-256 are stored, with scopes and a rate.

The secret is 32 random bytes, so a plain digest cannot be guessed backwards: nothing slower is needed.
One table holds a key's item under its id, and its requests of each minute under `<id>#<minute>`.
"""

import hashlib
import hmac
import re
import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rollcall.contracts.api_scopes import SCOPES

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.service_resource import Table

MINUTE = 60
_FORM = re.compile(r"rc_([0-9a-f]{16})_([0-9A-Za-z_-]{43})")


@dataclass(frozen=True, kw_only=True)
class ApiKey:
    id: str
    name: str  # who it was made for
    digest: str
    scopes: frozenset[str]
    per_minute: int  # requests
    expires: int | None = None  # seconds since the epoch


class ApiKeyStore:
    """Keys are remembered for a few seconds, so that one that is revoked is soon refused everywhere."""

    def __init__(self, table: "Table", *, seconds: float = 5.0, clock: Callable[[], float] = time.time) -> None:
        self._table = table
        self._seconds = seconds
        self._clock = clock
        self._known: dict[str, tuple[float, ApiKey | None]] = {}

    def create(
        self, name: str, scopes: Sequence[str], *, per_minute: int = 600, expires: int | None = None
    ) -> tuple[ApiKey, str]:
        """The key and its text, which exists nowhere else and cannot be had again."""
        if unknown := set(scopes) - set(SCOPES):
            raise ValueError(f"{', '.join(sorted(unknown))}: no such scope; there are {', '.join(SCOPES)}")
        secret = secrets.token_urlsafe(32)
        key = ApiKey(
            id=secrets.token_hex(8),
            name=name,
            digest=_digest(secret),
            scopes=frozenset(scopes),
            per_minute=per_minute,
            expires=expires,
        )
        item: dict[str, Any] = {
            "key": key.id,
            "name": name,
            "digest": key.digest,
            "scopes": sorted(scopes),
            "per_minute": per_minute,
        }
        self._table.put_item(Item=item if expires is None else item | {"expires": expires})
        return key, f"rc_{key.id}_{secret}"

    def revoke(self, key: str) -> bool:
        """Returns whether there was such a key."""
        self._known.pop(key, None)
        return "Attributes" in self._table.delete_item(Key={"key": key}, ReturnValues="ALL_OLD")

    def all(self) -> Iterator[ApiKey]:
        pages = self._table.meta.client.get_paginator("scan").paginate(TableName=self._table.name, ConsistentRead=True)
        for page in pages:
            yield from (_key_of(item) for item in page["Items"] if "digest" in item)  # the others are counts

    def verify(self, text: str) -> ApiKey | None:
        form = _FORM.fullmatch(text)
        key = None if form is None else self._get(form[1])
        if form is None or key is None or not hmac.compare_digest(key.digest, _digest(form[2])):
            return None
        # the table's time to live removes items late
        return None if key.expires is not None and key.expires <= self._clock() else key

    def count(self, key: ApiKey, requests: int, *, minute: int) -> int:
        """Add to the key's requests of a minute, over all instances of the API; returns their number."""
        answer = self._table.update_item(
            Key={"key": f"{key.id}#{minute}"},
            UpdateExpression="ADD requests :count SET expires = if_not_exists(expires, :expires)",
            ExpressionAttributeValues={":count": requests, ":expires": (minute + 5) * MINUTE},
            ReturnValues="UPDATED_NEW",
        )
        return int(str(answer["Attributes"]["requests"]))

    def _get(self, key: str) -> ApiKey | None:
        now = self._clock()
        until, known = self._known.get(key, (0.0, None))
        if now >= until:
            known = self._read(key)
            if len(self._known) > 10_000:  # noqa: PLR2004 - ids that do not exist cost nothing to invent
                self._known.clear()
            self._known[key] = (now + self._seconds, known)
        return known

    def _read(self, key: str) -> ApiKey | None:
        item = self._table.get_item(Key={"key": key}, ConsistentRead=True).get("Item")
        return None if item is None else _key_of(item)


def given_key(headers: Mapping[str, str]) -> str:
    """The key that a request comes with, or nothing. `headers` has names in lower case, or takes any case."""
    kind, _, token = headers.get("authorization", "").partition(" ")
    return headers.get("x-api-key") or (token.strip() if kind.lower() == "bearer" else "")


class RateLimiter:
    """Requests are taken from the shared count a few at a time, so that most cost no write."""

    def __init__(self, store: ApiKeyStore, *, clock: Callable[[], float] = time.time) -> None:
        self._store = store
        self._clock = clock
        self._left: dict[str, tuple[int, int]] = {}  # minute and how many are left, by key

    def seconds_to_wait(self, key: ApiKey) -> int:
        """Seconds to wait; 0 for a request within the key's rate."""
        now = self._clock()
        minute = int(now // MINUTE)
        of, left = self._left.get(key.id, (0, 0))
        if of != minute or left == 0:
            left = self._take(key, minute)
        self._left[key.id] = (minute, max(left - 1, 0))
        return 0 if left > 0 else max(1, round((minute + 1) * MINUTE - now))

    def _take(self, key: ApiKey, minute: int) -> int:
        share = max(1, key.per_minute // 20)
        return share - max(0, min(share, self._store.count(key, share, minute=minute) - key.per_minute))


def _key_of(item: Mapping[str, Any]) -> ApiKey:
    expires = item.get("expires")
    return ApiKey(
        id=str(item["key"]),
        name=str(item["name"]),
        digest=str(item["digest"]),
        scopes=frozenset(map(str, item["scopes"])),
        per_minute=int(item["per_minute"]),
        expires=None if expires is None else int(expires),
    )


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
