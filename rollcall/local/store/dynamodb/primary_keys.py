"""Primary keys: their schema, their checks, and the bytes by which items are found."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rollcall.local.store.dynamodb.dynamodb_errors import invalid, wrong_values
from rollcall.local.store.dynamodb.values import Item, Value, checked, content_of, kind_of, sortable

HASH_BYTES, RANGE_BYTES = 2048, 1024
NO_MATCH = "The provided key element does not match the schema"


@dataclass(frozen=True)
class KeyPart:
    name: str
    kind: str  # S, N or B


@dataclass(frozen=True)
class Key:
    hash: bytes
    range: bytes = b""


@dataclass(frozen=True)
class KeySchema:
    hash: KeyPart
    range: KeyPart | None = None

    @property
    def parts(self) -> tuple[KeyPart, ...]:
        return (self.hash,) if self.range is None else (self.hash, self.range)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(part.name for part in self.parts)

    def of_item(self, item: Item) -> Key:
        """Raises ServiceError for an item that cannot be in the table."""
        for part in self.parts:
            value = item.get(part.name)
            if value is None:
                raise wrong_values(f"Missing the key {part.name} in the item")
            if kind_of(value) != part.kind:
                raise wrong_values(f"Type mismatch for key {part.name} expected: {part.kind} actual: {kind_of(value)}")
        return self._bytes(item)

    def of_key(self, given: Any) -> tuple[Key, dict[str, Value]]:
        """The key that a request names: key attributes and no others. Raises ServiceError for anything else."""
        if set(given) != set(self.names):
            raise invalid(NO_MATCH)
        key = {name: checked(value) for name, value in given.items()}
        if any(kind_of(key[part.name]) != part.kind for part in self.parts):
            raise invalid(NO_MATCH)
        return self._bytes(key), key

    def part_of(self, item: Item) -> dict[str, Value]:
        return {name: item[name] for name in self.names}

    def check_unchanged(self, name: str) -> None:
        if name in self.names:
            raise wrong_values(f"Cannot update attribute {name}. This attribute is part of the key")

    def _bytes(self, item: Mapping[str, Value]) -> Key:
        for part in self.parts:
            if not content_of(item[part.name]):
                what = "string" if part.kind == "S" else "binary"
                raise invalid(
                    "One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain"
                    f" an empty {what} value. Key: {part.name}"
                )
        hash = sortable(item[self.hash.name])
        if len(hash) > HASH_BYTES:
            raise wrong_values(f"Size of hashkey has exceeded the maximum size limit of{HASH_BYTES} bytes")
        range = b"" if self.range is None else sortable(item[self.range.name])
        if len(range) > RANGE_BYTES:
            raise wrong_values(f"Aggregated size of all range keys has exceeded the size limit of {RANGE_BYTES} bytes")
        return Key(hash, range)
