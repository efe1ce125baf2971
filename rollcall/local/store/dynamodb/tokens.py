"""An expression, cut into its words and signs."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from rollcall.local.store.dynamodb.dynamodb_errors import invalid
from rollcall.local.store.store_errors import ServiceError

MOST_BYTES = 4096
_TOKEN = re.compile(
    r"(?P<name>[A-Za-z_][A-Za-z0-9_]*)|(?P<alias>#[A-Za-z0-9_]+)|(?P<value>:[A-Za-z0-9_]+)|(?P<number>[0-9]+)"
    r"|(?P<sign><>|<=|>=|[=<>()\[\],.+-])|(?P<space>[ \t\r\n]+)"
)


@dataclass(frozen=True, slots=True)
class Token:
    kind: str  # a group of the pattern above, or `end`
    text: str
    start: int
    stop: int

    @property
    def word(self) -> str:
        """A name in capitals, because keywords may be written in any case; empty for other tokens."""
        return self.text.upper() if self.kind == "name" else ""


class Tokens:
    """`what` is the parameter that holds the expression, for messages."""

    def __init__(self, what: str, expression: str) -> None:
        self.what = what
        self._expression = expression
        if len(expression.encode()) > MOST_BYTES:
            raise self.invalid(
                f"Expression size has exceeded the maximum allowed size; expression size: {len(expression.encode())}"
            )
        if not expression.strip():
            raise self.invalid("The expression can not be empty;")
        self._tokens = [*self._cut(), Token("end", "<EOF>", len(expression), len(expression))]
        self._next = 0

    @property
    def peek(self) -> Token:
        return self._tokens[self._next]

    @property
    def position(self) -> int:
        """The number of the next one."""
        return self._next

    def peek_after(self) -> Token:
        return self._tokens[min(self._next + 1, len(self._tokens) - 1)]

    def take(self) -> Token:
        token = self.peek
        if token.kind != "end":
            self._next += 1
        return token

    def take_sign(self, *signs: str) -> Token | None:
        """The next one, where it is one of these."""
        return self.take() if self.peek.kind == "sign" and self.peek.text in signs else None

    def take_word(self, *words: str) -> Token | None:
        return self.take() if self.peek.word in words else None

    def expect_sign(self, sign: str) -> None:
        if self.take_sign(sign) is None:
            raise self.syntax_error()

    def expect_end(self) -> None:
        if self.peek.kind != "end":
            raise self.syntax_error()

    def syntax_error(self) -> ServiceError:
        token = self.peek
        before = self._tokens[self._next - 1].start if self._next else token.start
        after = self.peek_after().stop
        return self.invalid(f'Syntax error; token: "{token.text}", near: "{self._expression[before:after]}"')

    def invalid(self, message: str) -> ServiceError:
        return invalid(f"Invalid {self.what}: {message}")

    def _cut(self) -> Iterator[Token]:
        position = 0
        while position < len(self._expression):
            found = _TOKEN.match(self._expression, position)
            if found is None:
                bad = self._expression[position]
                raise self.invalid(
                    f'Syntax error; token: "{bad}", near: "{self._expression[max(0, position - 5) : position + 5]}"'
                )
            if found.lastgroup != "space":
                yield Token(str(found.lastgroup), found.group(), position, found.end())
            position = found.end()
