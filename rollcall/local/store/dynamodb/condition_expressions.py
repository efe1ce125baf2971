"""Condition, filter and key expressions: read into a tree, with DynamoDB's rules for what may stand where."""

from collections.abc import Callable
from dataclasses import dataclass

from rollcall.local.store.dynamodb.names import Names
from rollcall.local.store.dynamodb.paths import Path, show
from rollcall.local.store.dynamodb.tokens import Tokens
from rollcall.local.store.dynamodb.values import Value, content_of, kind_of, shown, sortable
from rollcall.local.store.store_errors import ServiceError

MOST_NESTED = 100
MOST_OPERATORS = 300
MOST_IN = 100
COMPARATORS = ("=", "<>", "<", "<=", ">", ">=")
ORDERED = frozenset("SNB")
_TYPES = frozenset({"S", "N", "B", "SS", "NS", "BS", "BOOL", "NULL", "L", "M"})
_WITH_PATH = frozenset({"attribute_exists", "attribute_not_exists", "attribute_type", "size"})
_ARGUMENTS = {"attribute_exists": 1, "attribute_not_exists": 1, "attribute_type": 2, "begins_with": 2, "contains": 2}


@dataclass(frozen=True)
class Literal:
    value: Value


@dataclass(frozen=True)
class Size:
    path: Path


Operand = Path | Literal | Size


@dataclass(frozen=True)
class Comparison:
    operator: str
    first: Operand
    second: Operand


@dataclass(frozen=True)
class Between:
    operand: Operand
    low: Operand
    high: Operand


@dataclass(frozen=True)
class In:
    operand: Operand
    choices: tuple[Operand, ...]


@dataclass(frozen=True)
class Function:
    name: str
    operands: tuple[Operand, ...]


@dataclass(frozen=True)
class Not:
    part: "Condition"


@dataclass(frozen=True)
class And:
    parts: tuple["Condition", ...]


@dataclass(frozen=True)
class Or:
    parts: tuple["Condition", ...]


Condition = Comparison | Between | In | Function | Not | And | Or


def read_condition(what: str, expression: str, names: Names) -> Condition:
    """Raises ServiceError in DynamoDB's words."""
    tokens = Tokens(what, expression)
    condition = _Reader(tokens, names).condition()
    tokens.expect_end()
    return condition


class _Reader:
    def __init__(self, tokens: Tokens, names: Names) -> None:
        self._tokens = tokens
        self._names = names
        self._depth = 0
        self._operators = 0
        self._group = (0, 0)  # in parentheses, read last: its first token, and the one that closes it

    def condition(self) -> Condition:
        parts = [self._all()]
        while self._tokens.take_word("OR"):
            self._count()
            parts.append(self._all())
        return parts[0] if len(parts) == 1 else Or(tuple(parts))

    def _all(self) -> Condition:
        parts = [self._one()]
        while self._tokens.take_word("AND"):
            self._count()
            parts.append(self._one())
        return parts[0] if len(parts) == 1 else And(tuple(parts))

    def _one(self) -> Condition:
        if self._tokens.take_word("NOT"):
            self._count()
            return Not(self._deeper(self._one))
        if self._tokens.take_sign("("):
            return self._deeper(self._in_parentheses)
        return self._simple()

    def _in_parentheses(self) -> Condition:
        start = self._tokens.position
        condition = self.condition()
        inner, self._group = self._group, (start, self._tokens.position)
        if inner == (start + 1, self._tokens.position - 1):
            raise self._tokens.invalid("The expression has redundant parentheses;")
        self._tokens.expect_sign(")")
        return condition

    def _deeper(self, read: Callable[[], Condition]) -> Condition:
        self._depth += 1
        if self._depth > MOST_NESTED:
            raise self._tokens.invalid("The expression is nested too deeply;")
        condition = read()
        self._depth -= 1
        return condition

    def _simple(self) -> Condition:
        self._count()
        if self._at_function() and self._tokens.peek.text in _ARGUMENTS:
            return self._function()
        first = self._operand()
        if comparator := self._tokens.take_sign(*COMPARATORS):
            return self._comparison(comparator.text, first, self._operand())
        if self._tokens.take_word("BETWEEN"):
            low = self._operand()
            if not self._tokens.take_word("AND"):
                raise self._tokens.syntax_error()
            return self._between(first, low, self._operand())
        if self._tokens.take_word("IN"):
            return self._in(first)
        raise self._tokens.syntax_error()

    def _at_function(self) -> bool:
        return self._tokens.peek.kind == "name" and self._tokens.peek_after().text == "("

    def _operand(self) -> Operand:
        if self._tokens.peek.kind == "value":
            return Literal(self._names.value(self._tokens))
        if not self._at_function():
            return self._names.path(self._tokens)
        name = self._tokens.peek.text
        if name == "size":
            self._tokens.take()
            return self._size(self._operands())
        if name in _ARGUMENTS:
            raise self._tokens.invalid(
                f"The function is not allowed to be used this way in an expression; function: {name}"
            )
        raise self._tokens.invalid(f"Invalid function name; function: {name[:100]}")

    def _operands(self) -> list[Operand]:
        self._tokens.expect_sign("(")
        operands = [self._operand()]
        while self._tokens.take_sign(","):
            operands.append(self._operand())
        self._tokens.expect_sign(")")
        return operands

    def _function(self) -> Function:
        name = self._tokens.take().text
        return self._checked_function(Function(name, tuple(self._operands())))

    def _size(self, operands: list[Operand]) -> Size:
        if len(operands) != 1:
            raise self._wrong_count("size", len(operands))
        if not isinstance(operands[0], tuple):
            raise self._tokens.invalid("Operator or function requires a document path; operator or function: size")
        return Size(operands[0])

    def _checked_function(self, function: Function) -> Function:
        name, operands = function.name, function.operands
        if len(operands) != _ARGUMENTS[name]:
            raise self._wrong_count(name, len(operands))
        if name in _WITH_PATH and not isinstance(operands[0], tuple):
            raise self._tokens.invalid(f"Operator or function requires a document path; operator or function: {name}")
        if name == "attribute_type":
            self._check_type(operands[1])
        if name == "begins_with":
            for operand in operands:
                self._check_kind(name, operand, frozenset("SB"))
        if len(operands) == 2 and operands[0] == operands[1]:  # noqa: PLR2004 - both of its operands
            raise self._same("operator or function", name, operands[0])
        return function

    def _wrong_count(self, name: str, count: int) -> ServiceError:
        return self._tokens.invalid(
            "Incorrect number of operands for operator or function; operator or function:"
            f" {name}, number of operands: {count}"
        )

    def _check_type(self, operand: Operand) -> None:
        if not isinstance(operand, Literal) or kind_of(operand.value) != "S":
            kind = kind_of(operand.value) if isinstance(operand, Literal) else "path"
            raise self._tokens.invalid(
                "Incorrect operand type for operator or function; operator or function: attribute_type, operand type:"
                f" {kind}"
            )
        name = content_of(operand.value)
        if name not in _TYPES:
            raise self._tokens.invalid(
                f"Invalid attribute type name found; type: {name[:100]}, valid types: {{{','.join(sorted(_TYPES))}}}"
            )

    def _comparison(self, operator: str, first: Operand, second: Operand) -> Comparison:
        if first == second and not isinstance(first, Literal):
            raise self._same("operator", operator, first)
        if operator not in {"=", "<>"}:
            for operand in (first, second):
                self._check_kind(operator, operand, ORDERED)
        return Comparison(operator, first, second)

    def _between(self, operand: Operand, low: Operand, high: Operand) -> Between:
        for bound in (operand, low, high):
            self._check_kind("BETWEEN", bound, ORDERED)
        if isinstance(low, Literal) and isinstance(high, Literal):
            told = f"lower bound operand: {shown(low.value)}, upper bound operand: {shown(high.value)}"
            if kind_of(low.value) != kind_of(high.value):
                raise self._tokens.invalid(
                    f"The BETWEEN operator requires same data type for lower and upper bounds; {told}"
                )
            if sortable(low.value) > sortable(high.value):
                raise self._tokens.invalid(
                    "The BETWEEN operator requires upper bound to be greater than or equal to lower bound; " + told
                )
        return Between(operand, low, high)

    def _in(self, operand: Operand) -> In:
        choices = self._operands()
        if len(choices) > MOST_IN:
            raise self._tokens.invalid(
                "The number of operands for IN is larger than the maximum; number of operands: " + str(len(choices))
            )
        return In(operand, tuple(choices))

    def _check_kind(self, operator: str, operand: Operand, kinds: frozenset[str]) -> None:
        if isinstance(operand, Literal) and kind_of(operand.value) not in kinds:
            raise self._tokens.invalid(
                "Incorrect operand type for operator or function; operator or function:"
                f" {operator}, operand type: {kind_of(operand.value)}"
            )

    def _same(self, what: str, operator: str, operand: Operand) -> ServiceError:
        place = show(operand) if isinstance(operand, tuple) else "size"
        return self._tokens.invalid(
            "The first operand must be distinct from the remaining operands for this operator or function;"
            f" {what}: {operator}, first operand: {place}"
        )

    def _count(self) -> None:
        self._operators += 1
        if self._operators > MOST_OPERATORS:
            raise self._tokens.invalid(
                f"The expression contains more than the maximum of {MOST_OPERATORS} operators and functions;"
            )
