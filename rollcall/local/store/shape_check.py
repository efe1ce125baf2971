"""Checks of a JSON request against AWS's own description of the service, as botocore carries it."""

import base64
import binascii
import re
from collections.abc import Callable, Collection
from typing import Any

from botocore.model import ListShape, MapShape, Shape, StringShape, StructureShape

from rollcall.contracts.errors import RollcallError

Problems = list[str]
Check = Callable[[Any, str, Problems], None]

_FIRST_SECOND, _LAST_SECOND = -62_135_596_800, 253_402_300_799  # of the years that have four digits
_LARGEST = {"integer": 2**31 - 1, "long": 2**63 - 1}


class WrongType(RollcallError, ValueError):
    """A value is no value of its shape; the message says which."""


class ShapeChecker:
    """`opaque` shapes are objects that the service reads by itself; likewise names of choices without `choices`."""

    def __init__(self, *, opaque: Collection[str] = (), choices: bool = True) -> None:
        self._opaque = opaque
        self._choices = choices
        self._known: dict[str, Check] = {}

    def check(self, shape: Shape, value: Any) -> Problems:
        """What breaks AWS's constraints, in AWS's words. Raises WrongType."""
        problems: Problems = []
        self._of(shape)(value, "", problems)
        return problems

    def _of(self, shape: Shape) -> Check:
        known = self._known.get(shape.name)
        if known is None:
            # shapes refer to themselves, so each looks up its parts only when it is used
            known = self._known[shape.name] = self._make(shape)
        return known

    def _make(self, shape: Shape) -> Check:
        if shape.name in self._opaque:
            return _object
        if isinstance(shape, StructureShape):
            return self._structure(shape)
        if isinstance(shape, ListShape):
            return self._list(shape)
        if isinstance(shape, MapShape):
            return self._map(shape)
        if isinstance(shape, StringShape):
            return _string(shape, choices=self._choices)
        return _SIMPLE[shape.type_name](shape)

    def _structure(self, shape: StructureShape) -> Check:
        members = {member.serialization.get("name", name): member for name, member in dict(shape.members).items()}
        required = tuple(shape.required_members)

        def check(value: Any, path: str, problems: Problems) -> None:
            _object(value, path, problems)
            for name in required:
                if value.get(name) is None:
                    problems.append(_broken("null", _inside(path, name), "Member must not be null", quoted=False))
            for name, part in value.items():
                if part is not None and name in members:
                    self._of(members[name])(part, _inside(path, name), problems)

        return check

    def _list(self, shape: ListShape) -> Check:
        bounds = _length_bounds(shape)

        def check(value: Any, path: str, problems: Problems) -> None:
            if not isinstance(value, list):
                raise WrongType(f"{path or 'the request'} is not a list")
            bounds(value, path, problems)
            for number, part in enumerate(value, start=1):
                self._of(shape.member)(part, f"{path}.{number}.member", problems)

        return check

    def _map(self, shape: MapShape) -> Check:
        bounds = _length_bounds(shape)

        def check(value: Any, path: str, problems: Problems) -> None:
            _object(value, path, problems)
            bounds(value, path, problems)
            for name, part in value.items():
                self._of(shape.key)(name, path, problems)
                self._of(shape.value)(part, f"{path}.{name}.member", problems)

        return check


def _object(value: Any, path: str, _problems: Problems) -> None:
    if not isinstance(value, dict):
        raise WrongType(f"{path or 'the request'} is not an object")


def _string(shape: StringShape, *, choices: bool) -> Check:
    bounds = _length_bounds(shape)
    allowed = frozenset(shape.enum if choices else ())
    pattern = re.compile(shape.metadata["pattern"]) if "pattern" in shape.metadata else None

    def check(value: Any, path: str, problems: Problems) -> None:
        if not isinstance(value, str):
            raise WrongType(f"{path or 'the request'} is not a string")
        bounds(value, path, problems)
        if allowed and value not in allowed:
            listed = ", ".join(sorted(allowed))
            problems.append(_broken(value, path, f"Member must satisfy enum value set: [{listed}]"))
        if pattern is not None and not pattern.fullmatch(value):
            problems.append(_broken(value, path, f"Member must satisfy regular expression pattern: {pattern.pattern}"))

    return check


def _integer(shape: Shape) -> Check:
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    largest = _LARGEST[shape.type_name]

    def check(value: Any, path: str, problems: Problems) -> None:
        if isinstance(value, bool) or not isinstance(value, int) or abs(value) > largest:
            raise WrongType(f"{path or 'the request'} is not an integer")
        if least is not None and value < least:
            problems.append(_broken(value, path, f"Member must have value greater than or equal to {least}"))
        if most is not None and value > most:
            problems.append(_broken(value, path, f"Member must have value less than or equal to {most}"))

    return check


def _number(_shape: Shape) -> Check:
    def check(value: Any, path: str, _problems: Problems) -> None:
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            raise WrongType(f"{path or 'the request'} is not a number")

    return check


def _timestamp(_shape: Shape) -> Check:
    def check(value: Any, path: str, _problems: Problems) -> None:
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not number or not _FIRST_SECOND <= value <= _LAST_SECOND:
            raise WrongType(f"{path or 'the request'} is not a time")

    return check


def _boolean(_shape: Shape) -> Check:
    def check(value: Any, path: str, _problems: Problems) -> None:
        if not isinstance(value, bool):
            raise WrongType(f"{path or 'the request'} is neither true nor false")

    return check


def _blob(_shape: Shape) -> Check:
    def check(value: Any, path: str, _problems: Problems) -> None:
        if not isinstance(value, str):
            raise WrongType(f"{path or 'the request'} is not a string in Base64")
        try:
            base64.b64decode(value, validate=True)
        except (binascii.Error, ValueError):
            raise WrongType(f"{path or 'the request'} is not in Base64") from None

    return check


_SIMPLE: dict[str, Callable[[Shape], Check]] = {
    "integer": _integer,
    "long": _integer,
    "float": _number,
    "double": _number,
    "timestamp": _timestamp,
    "boolean": _boolean,
    "blob": _blob,
}


def _length_bounds(shape: Shape) -> Check:
    least, most = shape.metadata.get("min"), shape.metadata.get("max")

    def check(value: Any, path: str, problems: Problems) -> None:
        if least is not None and len(value) < least:
            problems.append(_broken(value, path, f"Member must have length greater than or equal to {least}"))
        if most is not None and len(value) > most:
            problems.append(_broken(value, path, f"Member must have length less than or equal to {most}"))

    return check


def _broken(value: Any, path: str, rule: str, *, quoted: bool = True) -> str:
    shown = f"'{str(value)[:100]}'" if quoted else value
    return f"Value {shown} at '{path}' failed to satisfy constraint: {rule}"


def _inside(path: str, name: str) -> str:
    first = name[:1].lower() + name[1:]
    return f"{path}.{first}" if path else first
