"""What an update makes of an item. All of its values are taken from the item as it was before."""

from collections.abc import Mapping
from functools import singledispatch
from typing import Any

from rollcall.local.store.dynamodb import numbers, paths
from rollcall.local.store.dynamodb.dynamodb_errors import invalid
from rollcall.local.store.dynamodb.paths import Path
from rollcall.local.store.dynamodb.updates import Arithmetic, At, Given, IfNotExists, ListAppend, Source, Update
from rollcall.local.store.dynamodb.values import Item, Value, content_of, kind_of, sorted_set

_WRONG_PATH = "The document path provided in the update expression is invalid for update"
_WRONG_TYPE = "An operand in the update expression has an incorrect data type"
_MISSING = "The provided expression refers to an attribute that does not exist in the item"


def apply(update: Update, item: Item) -> dict[str, Any]:
    """A new item. Raises ServiceError where the item is none for this update."""
    values = [(path, _value(source, item)) for path, source in update.set]
    values += [(path, _added(paths.get(item, path), value)) for path, value in update.add]
    gone = list(update.remove)
    for path, value in update.delete:
        before = paths.get(item, path)
        left = None if before is None else _without(before, value)
        if left is not None:
            values.append((path, left))
        elif before is not None:
            gone.append(path)
    changed: dict[str, Any] = dict(item)
    for path, value in sorted(values, key=lambda pair: _places(pair[0])):
        _put(changed, path, value)
    for path in sorted(gone, key=_places, reverse=True):  # the last of a list first: the others keep their places
        _remove(changed, path)
    return changed


@singledispatch
def _value(source: Source, item: Item) -> Value:
    raise TypeError(source)


@_value.register
def _(source: Given, item: Item) -> Value:
    return source.value


@_value.register
def _(source: At, item: Item) -> Value:
    found = paths.get(item, source.path)
    if found is None:
        raise invalid(_MISSING)
    return found


@_value.register
def _(source: IfNotExists, item: Item) -> Value:
    found = paths.get(item, source.path)
    return _value(source.otherwise, item) if found is None else found


@_value.register
def _(source: ListAppend, item: Item) -> Value:
    first, second = _value(source.first, item), _value(source.second, item)
    return {"L": [*_of_kind(first, "L"), *_of_kind(second, "L")]}


@_value.register
def _(source: Arithmetic, item: Item) -> Value:
    first, second = _of_kind(_value(source.first, item), "N"), _of_kind(_value(source.second, item), "N")
    return {"N": numbers.add(first, second) if source.operator == "+" else numbers.subtract(first, second)}


def _of_kind(value: Value, kind: str) -> Any:
    if kind_of(value) != kind:
        raise invalid(_WRONG_TYPE)
    return content_of(value)


def _added(before: Value | None, value: Value) -> Value:
    if before is None:
        return value
    kind = kind_of(value)
    content = _of_kind(before, kind)
    if kind == "N":
        return {"N": numbers.add(content, value["N"])}
    return {kind: sorted_set(kind, {*content, *content_of(value)})}


def _without(before: Value, value: Value) -> Value | None:
    kind = kind_of(value)
    left = {*_of_kind(before, kind)} - {*content_of(value)}
    return {kind: sorted_set(kind, left)} if left else None


def _places(path: Path) -> tuple[tuple[str, int], ...]:
    return tuple(("", part) if isinstance(part, int) else (part, 0) for part in path)


def _put(item: dict[str, Any], path: Path, value: Value) -> None:
    container, last = _container(item, path)
    if isinstance(container, list):
        assert isinstance(last, int)
        if last < len(container):
            container[last] = value
        else:  # behind the end is at the end
            container.append(value)
    else:
        container[last] = value


def _remove(item: dict[str, Any], path: Path) -> None:
    container, last = _container(item, path)
    if isinstance(container, list):
        assert isinstance(last, int)
        del container[last : last + 1]
    else:
        container.pop(last, None)


def _container(item: dict[str, Any], path: Path) -> tuple[Any, str | int]:
    """The map or list that holds the end of the path, copied on the way: the item before stays as it was."""
    container: Any = item
    for part, following in zip(path[:-1], path[1:], strict=True):
        value: Mapping[str, Any] | None = _inside(container, part)
        kind = "L" if isinstance(following, int) else "M"
        if value is None or kind_of(value) != kind:
            raise invalid(_WRONG_PATH)
        copy: Any = list(value["L"]) if kind == "L" else dict(value["M"])
        container[part] = {kind: copy}
        container = copy
    return container, path[-1]


def _inside(container: Any, part: str | int) -> Mapping[str, Any] | None:
    if isinstance(container, list):
        assert isinstance(part, int)
        return container[part] if part < len(container) else None
    found: Mapping[str, Any] | None = container.get(part)
    return found
