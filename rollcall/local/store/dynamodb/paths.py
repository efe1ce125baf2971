"""Document paths, such as `people[2].#name`, and the values that they lead to."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rollcall.local.store.dynamodb.values import Value, content_of, kind_of

Path = tuple[str | int, ...]  # names, and places in lists


def show(path: Path) -> str:
    return f"[{', '.join(f'[{part}]' if isinstance(part, int) else part for part in path)}]"


def get(item: Mapping[str, Any], path: Path) -> Value | None:
    value: Value | None = item.get(str(path[0]))
    for part in path[1:]:
        if value is None:
            return None
        value = _step(value, part)
    return value


def project(item: Mapping[str, Any], paths: Iterable[Path]) -> dict[str, Any]:
    """An item with what the paths lead to; lists keep the order, without gaps."""
    tree: dict[Any, Any] = {}
    for path in paths:
        if get(item, path) is not None:
            _plant(tree, path)
    return {name: _pruned(item[name], branch) for name, branch in tree.items()}


def overlapping(paths: Sequence[Path]) -> tuple[Path, Path] | None:
    """Two of them, of which one leads to the other."""
    for number, path in enumerate(paths):
        for other in paths[number + 1 :]:
            shortest = min(len(path), len(other))
            if path[:shortest] == other[:shortest]:
                return path, other
    return None


def conflicting(paths: Sequence[Path]) -> tuple[Path, Path] | None:
    """Two of them, of which one takes for a list what the other takes for a map."""
    for number, path in enumerate(paths):
        for other in paths[number + 1 :]:
            for mine, theirs in zip(path, other, strict=False):
                if type(mine) is not type(theirs):
                    return path, other
                if mine != theirs:
                    break
    return None


def _step(value: Value, part: str | int) -> Value | None:
    kind, content = kind_of(value), content_of(value)
    if isinstance(part, int):
        return content[part] if kind == "L" and part < len(content) else None
    return content.get(part) if kind == "M" else None


def _plant(tree: dict[Any, Any], path: Path) -> None:
    for part in path:
        tree = tree.setdefault(part, {})


def _pruned(value: Value, branches: Mapping[Any, Any]) -> Value:
    if not branches:
        return value
    content = content_of(value)
    if kind_of(value) == "L":
        return {"L": [_pruned(content[place], branches[place]) for place in sorted(branches)]}
    return {"M": {name: _pruned(content[name], branch) for name, branch in content_order(content, branches)}}


def content_order(content: Mapping[str, Any], branches: Mapping[Any, Any]) -> Iterable[tuple[str, Any]]:
    return ((name, branches[name]) for name in content if name in branches)
