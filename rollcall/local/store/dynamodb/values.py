"""Attribute values: checked and brought to one form, so that equal values are equal objects.

A value stays what it is on the wire, such as `{"S": "text"}`. Numbers are written in one way and sets are sorted.
"""

import base64
import binascii
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from rollcall.local.store.dynamodb import numbers
from rollcall.local.store.dynamodb.dynamodb_errors import invalid, wrong_values
from rollcall.local.store.store_errors import ServiceError

Value = Mapping[str, Any]
Item = Mapping[str, Value]

NESTED = 32  # levels of lists and maps at most
ITEM_BYTES = 400 * 1024
_SETS = {"SS": "string set", "NS": "number set", "BS": "binary set"}


def checked_item(item: Any) -> dict[str, Value]:
    """Raises ServiceError for what DynamoDB would not take."""
    if not isinstance(item, dict):
        raise _not_serialized("the item is not an object")
    return {name: checked(value) for name, value in item.items()}


def checked(value: Any, depth: int = 0) -> Value:
    if not isinstance(value, dict):
        raise _not_serialized("a value is not an object")
    given = {kind: content for kind, content in value.items() if content is not None}
    if len(given) > 1:
        raise invalid(
            "Supplied AttributeValue has more than one datatypes set, must contain exactly one of the supported"
            " datatypes"
        )
    for kind, content in given.items():
        if kind in _CHECKS:
            return {kind: _CHECKS[kind](content)}
        if kind in {"L", "M"}:
            return _nested(kind, content, depth + 1)
    raise invalid("Supplied AttributeValue is empty, must contain exactly one of the supported datatypes")


def kind_of(value: Value) -> str:
    return next(iter(value))


def content_of(value: Value) -> Any:
    return next(iter(value.values()))


def item_size(item: Item) -> int:
    return sum(len(name.encode()) + size_of(value) for name, value in item.items())


def size_of(value: Value) -> int:
    ((kind, content),) = value.items()
    if kind == "L":
        return 3 + sum(1 + size_of(part) for part in content)
    if kind == "M":
        return 3 + sum(1 + len(name.encode()) + size_of(part) for name, part in content.items())
    if kind in _SETS:
        return sum(_SIZES[kind[0]](part) for part in content)
    return _SIZES[kind](content)


def sortable(value: Value) -> bytes:
    """Bytes of a string, number or binary value that sort as DynamoDB sorts those of one type."""
    ((kind, content),) = value.items()
    if kind == "S":
        return bytes(content, "utf-8")
    return numbers.sortable(content) if kind == "N" else base64.b64decode(content)


def shown(value: Value) -> str:
    """The value as DynamoDB's messages show it."""
    ((kind, content),) = value.items()
    return f"AttributeValue: {{{kind}:{str(content)[:100]}}}"


def _nested(kind: str, content: Any, depth: int) -> Value:
    if depth > NESTED:
        raise invalid(
            "Nesting Levels have exceeded supported limits: Attributes in the item have nested levels beyond supported"
            " limit"
        )
    if kind == "L":
        if not isinstance(content, list):
            raise _not_serialized("a list is none")
        return {"L": [checked(part, depth) for part in content]}
    if not isinstance(content, dict):
        raise _not_serialized("a map is none")
    return {"M": {name: checked(part, depth) for name, part in content.items()}}


def _string(content: Any) -> str:
    if not isinstance(content, str):
        raise _not_serialized(f"{type(content).__name__} cannot be converted to String")
    return content


def _number(content: Any) -> str:
    return numbers.canonical(_string(content))


def _binary(content: Any) -> str:
    try:
        return base64.b64encode(base64.b64decode(_string(content), validate=True)).decode()
    except (binascii.Error, ValueError):
        raise _not_serialized("a binary value is not in Base64") from None


def _boolean(content: Any) -> bool:
    if not isinstance(content, bool):
        raise _not_serialized("a Boolean is neither true nor false")
    return content


def _null(content: Any) -> bool:
    if not _boolean(content):
        raise wrong_values("Null attribute value types must have the value of true")
    return True


def _set(kind: str, content: Any) -> list[str]:
    if not isinstance(content, list):
        raise _not_serialized("a set is not a list")
    if not content:
        raise wrong_values(f"An {_SETS[kind]}  may not be empty")
    parts = [_CHECKS[kind[0]](part) for part in content]
    if len(set(parts)) < len(parts):
        raise wrong_values(f"Input collection [{', '.join(parts)[:200]}] contains duplicates.")
    return sorted_set(kind, parts)


def sorted_set(kind: str, parts: "list[str] | set[str]") -> list[str]:
    return sorted(parts, key=Decimal) if kind == "NS" else sorted(parts)


_CHECKS: dict[str, Any] = {
    "S": _string,
    "N": _number,
    "B": _binary,
    "BOOL": _boolean,
    "NULL": _null,
    "SS": lambda content: _set("SS", content),
    "NS": lambda content: _set("NS", content),
    "BS": lambda content: _set("BS", content),
}


def _binary_length(content: str) -> int:
    return len(content) // 4 * 3 - content.endswith("=") - content.endswith("==")


_SIZES: dict[str, Callable[[Any], int]] = {
    "S": lambda content: len(content.encode()),
    "N": numbers.size,
    "B": _binary_length,
    "BOOL": lambda _: 1,
    "NULL": lambda _: 1,
}


def _not_serialized(message: str) -> ServiceError:
    return ServiceError("SerializationException", message)
