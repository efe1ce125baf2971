"""Lists that come in pages."""

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from rollcall.local.store.sqs.sqs_errors import invalid
from rollcall.local.store.store_errors import ServiceError

MOST = 1000
Entry = TypeVar("Entry")


def page(
    entries: Sequence[Entry], asked: Mapping[str, Any], *, key: Callable[[Entry], str]
) -> tuple[list[Entry], str | None]:
    """The entries of one page, and the token of the next page. A request without `MaxResults` gets no token."""
    most = asked.get("MaxResults")
    if most is not None and not 1 <= most <= MOST:
        raise invalid("MaxResults", most, f"Must be between 1 and {MOST}, if provided.")
    start = _read(asked["NextToken"]) if asked.get("NextToken") else ""
    found = [entry for entry in entries if key(entry) > start]
    shown = found[: most or MOST]
    more = most is not None and len(found) > len(shown)
    return shown, base64.b64encode(key(shown[-1]).encode()).decode() if more else None


def _read(token: str) -> str:
    try:
        return base64.b64decode(token, validate=True).decode()
    except (binascii.Error, ValueError):
        raise ServiceError("InvalidParameterValue", "Invalid or expired next token.") from None
