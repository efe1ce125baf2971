"""The names and values that an expression stands on: given beside it, and all of them used."""

import re
from collections.abc import Mapping
from typing import Any

from rollcall.local.store.dynamodb.dynamodb_errors import invalid
from rollcall.local.store.dynamodb.paths import Path
from rollcall.local.store.dynamodb.reserved_words import RESERVED
from rollcall.local.store.dynamodb.tokens import Tokens
from rollcall.local.store.dynamodb.values import Value, checked

DEPTH = 32  # parts of a path
MOST_PLACE = 10**9
_KEYS = {
    "ExpressionAttributeNames": re.compile("#[A-Za-z0-9_]+"),
    "ExpressionAttributeValues": re.compile(":[A-Za-z0-9_]+"),
}


class Names:
    """What all expressions of one request share."""

    def __init__(self, asked: Mapping[str, Any]) -> None:
        self._names = _given(asked, "ExpressionAttributeNames")
        values = _given(asked, "ExpressionAttributeValues")
        self._values = {key: _value(key, value) for key, value in values.items()}
        self._used: set[str] = set()

    def path(self, tokens: Tokens) -> Path:
        """The path that begins at the next token."""
        parts: list[str | int] = [self._name(tokens)]
        while True:
            if tokens.take_sign("."):
                parts.append(self._name(tokens))
            elif tokens.take_sign("["):
                parts.append(_place(tokens))
            else:
                break
            if len(parts) > DEPTH:
                raise tokens.invalid(
                    "The document path has too many nesting elements; nesting levels: " + str(len(parts))
                )
        return tuple(parts)

    def value(self, tokens: Tokens) -> Value:
        token = tokens.take()
        if token.text not in self._values:
            raise tokens.invalid(
                f"An expression attribute value used in expression is not defined; attribute value: {token.text}"
            )
        self._used.add(token.text)
        return self._values[token.text]

    def check_used(self, *, any_expression: bool) -> None:
        """Refuses names and values that no expression uses; call it after all expressions are read."""
        for what, given in (("Names", self._names), ("Values", self._values)):
            if given and not any_expression:
                raise invalid(f"ExpressionAttribute{what} can only be specified when using expressions")
            unused = [key for key in given if key not in self._used]
            if unused:
                raise invalid(
                    f"Value provided in ExpressionAttribute{what} unused in expressions: keys: {{{', '.join(unused)}}}"
                )

    def _name(self, tokens: Tokens) -> str:
        token = tokens.peek
        if token.kind == "alias":
            tokens.take()
            if token.text not in self._names:
                raise tokens.invalid(
                    "An expression attribute name used in the document path is not defined; attribute name:"
                    f" {token.text}"
                )
            self._used.add(token.text)
            return str(self._names[token.text])
        if token.kind != "name":
            raise tokens.syntax_error()
        if token.word in RESERVED:
            raise tokens.invalid(f"Attribute name is a reserved keyword; reserved keyword: {token.text}")
        tokens.take()
        return token.text


def _place(tokens: Tokens) -> int:
    if tokens.peek.kind != "number":
        raise tokens.syntax_error()
    text = tokens.take().text
    tokens.expect_sign("]")
    place = int(text[:12])
    if len(text) > len(str(MOST_PLACE)) or place > MOST_PLACE:
        raise tokens.invalid(f"List index is not within the allowable range; index: [{text[:40]}]")
    return place


def _given(asked: Mapping[str, Any], what: str) -> dict[str, Any]:
    given = asked.get(what)
    if given is None:
        return {}
    if not given:
        raise invalid(f"{what} must not be empty")
    for key in given:
        if not _KEYS[what].fullmatch(key):
            raise invalid(f'{what} contains invalid key: Syntax error; key: "{key[:100]}"')
    return dict(given)


def _value(key: str, value: Any) -> Value:
    try:
        return checked(value)
    except Exception as error:
        message = getattr(error, "message", None)
        if message is None or getattr(error, "code", "") != "ValidationException":
            raise
        raise invalid(f"ExpressionAttributeValues contains invalid value: {message} for key {key}") from None
