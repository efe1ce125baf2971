"""Which part of a table a query asks for."""

from dataclasses import dataclass

from rollcall.local.store.dynamodb.condition_expressions import (
    And,
    Between,
    Comparison,
    Condition,
    Function,
    Literal,
    Operand,
)
from rollcall.local.store.dynamodb.dynamodb_errors import invalid, wrong_values
from rollcall.local.store.dynamodb.items import Range
from rollcall.local.store.dynamodb.primary_keys import KeyPart, KeySchema
from rollcall.local.store.dynamodb.values import Value, content_of, kind_of, sortable
from rollcall.local.store.store_errors import ServiceError

_NOT_SUPPORTED = "Query key condition not supported"


@dataclass(frozen=True)
class _Asked:
    """One condition on one attribute."""

    name: str
    operator: str  # a comparator, BETWEEN or begins_with
    values: tuple[Value, ...]


def hash_and_range(condition: Condition, schema: KeySchema) -> tuple[bytes, Range]:
    """Raises ServiceError for a condition that no query can have."""
    asked: dict[str, _Asked] = {}
    for part in _parts(condition):
        one = _read(part)
        if one.name in asked:
            raise invalid("KeyConditionExpressions must only contain one condition per key")
        asked[one.name] = one
    of_hash = asked.pop(schema.hash.name, None)
    if of_hash is None:
        raise invalid(f"Query condition missed key schema element: {schema.hash.name}")
    if of_hash.operator != "=":
        raise invalid(_NOT_SUPPORTED)
    _check(of_hash, schema.hash)
    return sortable(of_hash.values[0]), _range(asked, schema)


def _range(asked: dict[str, _Asked], schema: KeySchema) -> Range:
    if not asked:
        return Range()
    if schema.range is None or len(asked) > 1:
        raise invalid(_NOT_SUPPORTED)
    of_range = asked.get(schema.range.name)
    if of_range is None:
        raise invalid(f"Query condition missed key schema element: {schema.range.name}")
    _check(of_range, schema.range)
    bounds = [sortable(value) for value in of_range.values]
    if of_range.operator == "begins_with":
        if schema.range.kind == "N":
            raise invalid(_NOT_SUPPORTED)
        return Range(low=bounds[0], high=_after(bounds[0]), high_included=False)
    if of_range.operator == "BETWEEN":
        return Range(low=bounds[0], high=bounds[1])
    return _RANGES[of_range.operator](bounds[0])


_RANGES = {
    "=": lambda bound: Range(low=bound, high=bound),
    "<": lambda bound: Range(high=bound, high_included=False),
    "<=": lambda bound: Range(high=bound),
    ">": lambda bound: Range(low=bound, low_included=False),
    ">=": lambda bound: Range(low=bound),
}


def _parts(condition: Condition) -> list[Condition]:
    if isinstance(condition, And):
        return [part for both in condition.parts for part in _parts(both)]
    return [condition]


def _read(condition: Condition) -> _Asked:
    if isinstance(condition, Comparison) and condition.operator in {"=", "<", "<=", ">", ">="}:
        first, second = condition.first, condition.second
        if isinstance(first, Literal) and isinstance(second, tuple):
            return _Asked(_name(second), _turned(condition.operator), (first.value,))
        return _Asked(_name(first), condition.operator, (_literal(second),))
    if isinstance(condition, Between):
        return _Asked(_name(condition.operand), "BETWEEN", (_literal(condition.low), _literal(condition.high)))
    if isinstance(condition, Function) and condition.name == "begins_with":
        place, start = condition.operands
        return _Asked(_name(place), "begins_with", (_literal(start),))
    raise _wrong_operator(condition)


def _wrong_operator(condition: Condition) -> ServiceError:
    operator = condition.operator if isinstance(condition, Comparison) else type(condition).__name__.upper()
    if isinstance(condition, Function):
        operator = condition.name
    return invalid(f"Invalid operator used in KeyConditionExpression: {operator}")


def _turned(operator: str) -> str:
    return {"<": ">", "<=": ">=", ">": "<", ">=": "<="}.get(operator, operator)


def _name(operand: Operand) -> str:
    if not isinstance(operand, tuple):
        raise invalid("Invalid KeyConditionExpression: The expression has an operand that is no key attribute;")
    if len(operand) > 1:
        raise invalid("KeyConditionExpressions cannot have conditions on nested attributes")
    return str(operand[0])


def _literal(operand: Operand) -> Value:
    if not isinstance(operand, Literal):
        raise invalid("Invalid condition in KeyConditionExpression: Multiple attribute names used in one condition")
    return operand.value


def _check(asked: _Asked, part: KeyPart) -> None:
    for value in asked.values:
        if kind_of(value) != part.kind:
            raise wrong_values("Condition parameter type does not match schema type")
        if not content_of(value):
            what = "string" if part.kind == "S" else "binary"
            raise invalid(
                "One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an"
                f" empty {what} value. Key: {part.name}"
            )


def _after(start: bytes) -> bytes | None:
    """The first bytes behind all that begin so; None where there are none."""
    cut = start.rstrip(b"\xff")
    return cut[:-1] + bytes([cut[-1] + 1]) if cut else None
