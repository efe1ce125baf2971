"""Update expressions: read into actions, with DynamoDB's rules for what may stand where."""

from collections.abc import Callable
from dataclasses import dataclass, field

from rollcall.local.store.dynamodb.names import Names
from rollcall.local.store.dynamodb.paths import Path, conflicting, overlapping, show
from rollcall.local.store.dynamodb.tokens import Tokens
from rollcall.local.store.dynamodb.values import Value, kind_of
from rollcall.local.store.store_errors import ServiceError

WHAT = "UpdateExpression"
MOST_NESTED = 100
SETS = frozenset({"SS", "NS", "BS"})
_TYPES = {
    "S": "STRING",
    "N": "NUMBER",
    "B": "BINARY",
    "BOOL": "BOOLEAN",
    "NULL": "NULL",
    "L": "LIST",
    "M": "MAP",
    "SS": "STRING_SET",
    "NS": "NUMBER_SET",
    "BS": "BINARY_SET",
}


@dataclass(frozen=True)
class Given:
    value: Value


@dataclass(frozen=True)
class At:
    path: Path


@dataclass(frozen=True)
class IfNotExists:
    path: Path
    otherwise: "Source"


@dataclass(frozen=True)
class ListAppend:
    first: "Source"
    second: "Source"


@dataclass(frozen=True)
class Arithmetic:
    operator: str
    first: "Source"
    second: "Source"


Source = Given | At | IfNotExists | ListAppend | Arithmetic


@dataclass
class Update:
    set: list[tuple[Path, Source]] = field(default_factory=list)
    remove: list[Path] = field(default_factory=list)
    add: list[tuple[Path, Value]] = field(default_factory=list)
    delete: list[tuple[Path, Value]] = field(default_factory=list)

    @property
    def paths(self) -> list[Path]:
        return [*(path for path, _ in self.set), *self.remove, *(path for path, _ in [*self.add, *self.delete])]


def read_update(expression: str, names: Names) -> Update:
    """Raises ServiceError in DynamoDB's words."""
    tokens = Tokens(WHAT, expression)
    update = _Reader(tokens, names).update()
    for found, what in (
        (overlapping(update.paths), "Two document paths overlap with each other; must remove or rewrite one of these"),
        (conflicting(update.paths), "Two document paths conflict with each other; must remove or rewrite one of these"),
    ):
        if found is not None:
            raise tokens.invalid(f"{what} paths; path one: {show(found[0])}, path two: {show(found[1])}")
    return update


class _Reader:
    def __init__(self, tokens: Tokens, names: Names) -> None:
        self._tokens = tokens
        self._names = names
        self._depth = 0

    def update(self) -> Update:
        update = Update()
        sections: dict[str, Callable[[], None]] = {
            "SET": lambda: update.set.append(self._set()),
            "REMOVE": lambda: update.remove.append(self._names.path(self._tokens)),
            "ADD": lambda: update.add.append(self._with_value("ADD", frozenset({"N"}) | SETS)),
            "DELETE": lambda: update.delete.append(self._with_value("DELETE", SETS)),
        }
        seen: set[str] = set()
        while section := self._tokens.take_word(*sections):
            if section.word in seen:
                raise self._tokens.invalid(
                    f'The "{section.word}" section can only be used once in an update expression;'
                )
            seen.add(section.word)
            sections[section.word]()
            while self._tokens.take_sign(","):
                sections[section.word]()
        self._tokens.expect_end()
        return update

    def _set(self) -> tuple[Path, Source]:
        path = self._names.path(self._tokens)
        self._tokens.expect_sign("=")
        return path, self._value()

    def _with_value(self, section: str, kinds: frozenset[str]) -> tuple[Path, Value]:
        path = self._names.path(self._tokens)
        if self._tokens.peek.kind != "value":
            raise self._tokens.syntax_error()
        value = self._names.value(self._tokens)
        if kind_of(value) not in kinds:
            raise self._tokens.invalid(
                f"Incorrect operand type for operator or function; operator: {section}, operand type:"
                f" {_TYPES[kind_of(value)]}, typeset: ALLOWED_FOR_{section}_OPERAND"
            )
        return path, value

    def _value(self) -> Source:
        first = self._operand()
        operator = self._tokens.take_sign("+", "-")
        if operator is None:
            return first
        second = self._operand()
        for operand in (first, second):
            self._check_kind(operator.text, operand, "N")
        return Arithmetic(operator.text, first, second)

    def _operand(self) -> Source:
        token = self._tokens.peek
        if token.kind == "value":
            return Given(self._names.value(self._tokens))
        if self._tokens.take_sign("("):
            return self._deeper(self._in_parentheses)
        if token.kind == "name" and self._tokens.peek_after().text == "(":
            return self._deeper(self._function)
        return At(self._names.path(self._tokens))

    def _in_parentheses(self) -> Source:
        value = self._value()
        self._tokens.expect_sign(")")
        return value

    def _deeper(self, read: Callable[[], Source]) -> Source:
        self._depth += 1
        if self._depth > MOST_NESTED:
            raise self._tokens.invalid("The expression is nested too deeply;")
        source = read()
        self._depth -= 1
        return source

    def _function(self) -> Source:
        name = self._tokens.take().text
        self._tokens.expect_sign("(")
        operands = [self._operand()]
        while self._tokens.take_sign(","):
            operands.append(self._operand())
        self._tokens.expect_sign(")")
        if name not in {"if_not_exists", "list_append"}:
            raise self._not_a_function(name)
        if len(operands) != 2:  # noqa: PLR2004 - both functions have two
            raise self._tokens.invalid(
                "Incorrect number of operands for operator or function; operator or function:"
                f" {name}, number of operands: {len(operands)}"
            )
        return self._if_not_exists(*operands) if name == "if_not_exists" else self._list_append(*operands)

    def _not_a_function(self, name: str) -> ServiceError:
        if name in {"attribute_exists", "attribute_not_exists", "attribute_type", "begins_with", "contains", "size"}:
            return self._tokens.invalid(f"The function is not allowed in an update expression; function: {name}")
        return self._tokens.invalid(f"Invalid function name; function: {name[:100]}")

    def _if_not_exists(self, place: Source, otherwise: Source) -> Source:
        if not isinstance(place, At):
            raise self._tokens.invalid(
                "Operator or function requires a document path; operator or function: if_not_exists"
            )
        return IfNotExists(place.path, otherwise)

    def _list_append(self, first: Source, second: Source) -> Source:
        for operand in (first, second):
            self._check_kind("list_append", operand, "L")
        return ListAppend(first, second)

    def _check_kind(self, name: str, operand: Source, kind: str) -> None:
        if isinstance(operand, Given) and kind_of(operand.value) != kind:
            raise self._tokens.invalid(
                "Incorrect operand type for operator or function; operator or function:"
                f" {name}, operand type: {kind_of(operand.value)}"
            )
