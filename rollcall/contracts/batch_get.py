"""Many items of a table at once, whatever DynamoDB holds back at first."""

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rollcall.contracts.errors import RollcallError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.service_resource import Table

KEYS_PER_REQUEST = 100  # BatchGetItem's limit
ATTEMPTS = 8


def batch_get(table: "Table", keys: Sequence[dict[str, str]], *, fields: Sequence[str] = ()) -> list[dict[str, Any]]:
    """The items that exist, in any order, with these fields or with all; `keys` are all different."""
    items: list[dict[str, Any]] = []
    for start in range(0, len(keys), KEYS_PER_REQUEST):
        items += _get_batch(table, keys[start : start + KEYS_PER_REQUEST], fields)
    return items


def _get_batch(table: "Table", keys: Sequence[dict[str, str]], fields: Sequence[str]) -> list[dict[str, Any]]:
    client = table.meta.client  # a resource's client converts attributes to native types
    asked: dict[str, Any] = {"Keys": list(keys), "ConsistentRead": True}
    if fields:
        names = {f"#f{number}": field for number, field in enumerate(fields)}
        asked |= {"ProjectionExpression": ", ".join(names), "ExpressionAttributeNames": names}
    request: Any = {table.name: asked}
    items: list[dict[str, Any]] = []
    for attempt in range(ATTEMPTS):
        answer = client.batch_get_item(RequestItems=request)
        items += answer["Responses"].get(table.name, [])
        request = answer.get("UnprocessedKeys")
        if not request:
            return items
        time.sleep(0.05 * 2**attempt)
    raise RollcallError(f"table {table.name} is throttled: items still unread after {ATTEMPTS} tries")
