"""Whether an item meets a condition."""

from collections.abc import Callable, Mapping
from functools import singledispatch

from rollcall.local.store.dynamodb import paths
from rollcall.local.store.dynamodb.condition_expressions import (
    ORDERED,
    And,
    Between,
    Comparison,
    Condition,
    Function,
    In,
    Literal,
    Not,
    Operand,
    Or,
    Size,
)
from rollcall.local.store.dynamodb.values import Item, Value, content_of, kind_of, size_of, sortable

_ORDERS: Mapping[str, Callable[[bytes, bytes], bool]] = {
    "<": lambda first, second: first < second,
    "<=": lambda first, second: first <= second,
    ">": lambda first, second: first > second,
    ">=": lambda first, second: first >= second,
}
_COUNTED = frozenset({"L", "M", "SS", "NS", "BS"})
_SETS = frozenset({"SS", "NS", "BS"})
_MEASURED = frozenset({"S", "B"})


@singledispatch
def holds(condition: Condition, item: Item) -> bool:
    raise TypeError(condition)


@holds.register
def _(condition: And, item: Item) -> bool:
    return all(holds(part, item) for part in condition.parts)


@holds.register
def _(condition: Or, item: Item) -> bool:
    return any(holds(part, item) for part in condition.parts)


@holds.register
def _(condition: Not, item: Item) -> bool:
    return not holds(condition.part, item)


@holds.register
def _(condition: Comparison, item: Item) -> bool:
    first, second = _value(condition.first, item), _value(condition.second, item)
    if condition.operator == "<>":  # what is not there differs from everything
        return first is None or second is None or first != second
    if first is None or second is None:
        return False
    return first == second if condition.operator == "=" else _in_order(condition.operator, first, second)


@holds.register
def _(condition: Between, item: Item) -> bool:
    value, low, high = (_value(part, item) for part in (condition.operand, condition.low, condition.high))
    if value is None or low is None or high is None:
        return False
    return _in_order("<=", low, value) and _in_order("<=", value, high)


@holds.register
def _(condition: In, item: Item) -> bool:
    value = _value(condition.operand, item)
    return value is not None and any(value == _value(choice, item) for choice in condition.choices)


@holds.register
def _(condition: Function, item: Item) -> bool:
    values = [_value(operand, item) for operand in condition.operands]
    if condition.name == "attribute_exists":
        return values[0] is not None
    if condition.name == "attribute_not_exists":
        return values[0] is None
    first, second = values
    return first is not None and second is not None and _FUNCTIONS[condition.name](first, second)


def _value(operand: Operand, item: Item) -> Value | None:
    if isinstance(operand, Literal):
        return operand.value
    if isinstance(operand, Size):
        return _size(paths.get(item, operand.path))
    return paths.get(item, operand)


def _size(value: Value | None) -> Value | None:
    if value is None:
        return None
    if kind_of(value) in _COUNTED:
        return {"N": str(len(content_of(value)))}
    return {"N": str(size_of(value))} if kind_of(value) in _MEASURED else None


def _in_order(operator: str, first: Value, second: Value) -> bool:
    if kind_of(first) != kind_of(second) or kind_of(first) not in ORDERED:
        return False
    return _ORDERS[operator](sortable(first), sortable(second))


def _begins_with(value: Value, start: Value) -> bool:
    if kind_of(value) != kind_of(start) or kind_of(value) not in _MEASURED:
        return False
    return sortable(value).startswith(sortable(start))


def _contains(value: Value, part: Value) -> bool:
    kind = kind_of(value)
    if kind == "L":
        return part in content_of(value)
    if kind in _SETS:
        return kind_of(part) == kind[0] and content_of(part) in content_of(value)
    if kind in _MEASURED and kind_of(part) == kind:
        return sortable(part) in sortable(value)
    return False


_FUNCTIONS: Mapping[str, Callable[[Value, Value], bool]] = {
    "attribute_type": lambda value, kind: kind_of(value) == content_of(kind),
    "begins_with": _begins_with,
    "contains": _contains,
}
