"""Event patterns: whether a rule is for an event."""

import json
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from rollcall.local.store.store_errors import ServiceError

_NUMERIC: Mapping[str, Callable[[float, float], bool]] = {
    "<": lambda value, bound: value < bound,
    "<=": lambda value, bound: value <= bound,
    "=": lambda value, bound: value == bound,
    ">=": lambda value, bound: value >= bound,
    ">": lambda value, bound: value > bound,
}
NESTED = 20
_MISSING = object()


def checked(text: str) -> dict[str, Any]:
    """Raises ServiceError for what is no pattern."""
    try:
        pattern = json.loads(text)
    except (ValueError, RecursionError):
        raise _invalid("it is not JSON") from None
    if not isinstance(pattern, dict) or not pattern:
        raise _invalid("it is no object with names")
    _check(pattern, 0)
    return pattern


@lru_cache(maxsize=256)
def read(text: str) -> dict[str, Any]:
    return checked(text)


def matches(pattern: Mapping[str, Any], event: Any) -> bool:
    """Every name has to match; of a list, one of its entries. Of a list in the event, one of its values."""
    for name, wanted in pattern.items():
        if name == "$or":
            if not any(matches(one, event) for one in wanted):
                return False
        else:
            value = event.get(name, _MISSING) if isinstance(event, dict) else _MISSING
            if not (matches(wanted, value) if isinstance(wanted, dict) else _any_of(wanted, value)):
                return False
    return True


def _any_of(wanted: list[Any], value: Any) -> bool:
    values = value if isinstance(value, list) and value else [value]
    return any(_one(choice, one) for choice in wanted for one in values)


def _one(choice: Any, value: Any) -> bool:
    if isinstance(choice, dict):
        ((name, argument),) = choice.items()
        return _FILTERS[name](argument, value)
    return (
        type(choice) is type(value)
        and choice == value
        or (_is_number(choice) and _is_number(value) and choice == value)
    )


def _exists(argument: Any, value: Any) -> bool:
    return (value is not _MISSING) is argument


def _prefix(argument: Any, value: Any) -> bool:
    return isinstance(value, str) and value.startswith(argument)


def _suffix(argument: Any, value: Any) -> bool:
    return isinstance(value, str) and value.endswith(argument)


def _equals_ignore_case(argument: Any, value: Any) -> bool:
    return isinstance(value, str) and value.casefold() == argument.casefold()


def _anything_but(argument: Any, value: Any) -> bool:
    if value is _MISSING:
        return False
    return not any(_one(choice, value) for choice in (argument if isinstance(argument, list) else [argument]))


def _numeric(argument: Any, value: Any) -> bool:
    pairs = zip(argument[::2], argument[1::2], strict=True)
    return _is_number(value) and all(_NUMERIC[operator](value, bound) for operator, bound in pairs)


def _wildcard(argument: str, value: Any) -> bool:
    """`*` stands for any text; checked from both ends, since a pattern must cost no more than its length."""
    if not isinstance(value, str):
        return False
    first, *rest = argument.split("*")
    if not rest:
        return value == argument
    if not value.startswith(first):
        return False
    position = len(first)
    for part in rest[:-1]:
        found = value.find(part, position)
        if found < 0:
            return False
        position = found + len(part)
    return len(value) - position >= len(rest[-1]) and value.endswith(rest[-1])


_FILTERS: Mapping[str, Callable[[Any, Any], bool]] = {
    "exists": _exists,
    "prefix": _prefix,
    "suffix": _suffix,
    "equals-ignore-case": _equals_ignore_case,
    "anything-but": _anything_but,
    "numeric": _numeric,
    "wildcard": _wildcard,
}


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _check(pattern: Mapping[str, Any], depth: int) -> None:
    if depth > NESTED:
        raise _invalid("it is nested too deeply")
    for name, wanted in pattern.items():
        if name == "$or":
            if not isinstance(wanted, list) or not all(isinstance(one, dict) for one in wanted):
                raise _invalid("$or is no list of patterns")
            for one in wanted:
                _check(one, depth + 1)
        elif isinstance(wanted, dict):
            _check(wanted, depth + 1)
        elif isinstance(wanted, list) and wanted:
            for choice in wanted:
                _check_choice(choice)
        else:
            raise _invalid(f'"{name[:100]}" must be an object or an array')


def _check_choice(choice: Any) -> None:
    if isinstance(choice, list):
        raise _invalid("an array holds another")
    if not isinstance(choice, dict):
        return
    if len(choice) != 1:
        raise _invalid("a filter has one name")
    ((name, argument),) = choice.items()
    if name not in _FILTERS:
        raise _invalid(f"Unrecognized match type {name[:100]}")
    if not _ARGUMENTS[name](argument):
        raise _invalid(f"{name} has a wrong value")


def _is_text(argument: Any) -> bool:
    return isinstance(argument, str)


def _is_but(argument: Any) -> bool:
    choices = argument if isinstance(argument, list) else [argument]
    for choice in choices:
        _check_choice(choice)
    return bool(choices)


def _is_range(argument: Any) -> bool:
    if not isinstance(argument, list) or len(argument) not in {2, 4}:
        return False
    operators, bounds = argument[::2], argument[1::2]
    return all(isinstance(one, str) and one in _NUMERIC for one in operators) and all(map(_is_number, bounds))


_ARGUMENTS: Mapping[str, Callable[[Any], bool]] = {
    "exists": lambda argument: isinstance(argument, bool),
    "prefix": _is_text,
    "suffix": _is_text,
    "equals-ignore-case": _is_text,
    "wildcard": _is_text,
    "anything-but": _is_but,
    "numeric": _is_range,
}


def _invalid(reason: str) -> ServiceError:
    return ServiceError("InvalidEventPatternException", f"Event pattern is not valid. Reason: {reason}")
