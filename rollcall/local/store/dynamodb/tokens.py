"""An expression, cut into its words and signs."""

import re
from dataclasses import dataclass
from functools import lru_cache

from rollcall.local.store.dynamodb.dynamodb_errors import invalid
from rollcall.local.store.store_errors import ServiceError

MOST_BYTES = 4096
REMEMBERED = 256  # expressions: a program has few, and asks for them again and again
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
        self._tokens, bad = _cut(expression)
        if bad is not None:
            near = expression[max(0, bad - 5) : bad + 5]
            raise self.invalid(f'Syntax error; token: "{expression[bad]}", near: "{near}"')
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


@lru_cache(maxsize=REMEMBERED)
def _cut(expression: str) -> tuple[tuple[Token, ...], int | None]:
    """The tokens, and where something is that is none."""
    tokens: list[Token] = []
    position = 0
    while position < len(expression):
        found = _TOKEN.match(expression, position)
        if found is None:
            return (), position
        if found.lastgroup != "space":
            tokens.append(Token(str(found.lastgroup), found.group(), position, found.end()))
        position = found.end()
    return (*tokens, Token("end", "<EOF>", position, position)), None
