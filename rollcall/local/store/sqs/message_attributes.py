"""Attributes that senders give to messages: their rules, size and MD5."""

import base64
import hashlib
import re
from collections.abc import Iterable, Mapping
from typing import Any

from rollcall.local.store.sqs.sqs_errors import invalid
from rollcall.local.store.store_errors import ServiceError

MOST = 10
NAME_LENGTH = 256
_NAME = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*")
_TYPE = re.compile(r"(String|Number|Binary)(\..+)?", re.DOTALL)
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

Attributes = Mapping[str, Mapping[str, Any]]


def is_text(text: str) -> bool:
    """Whether SQS may carry it: some control characters are none of XML's."""
    return _FORBIDDEN.search(text) is None


def check(attributes: Attributes) -> None:
    if len(attributes) > MOST:
        raise ServiceError(
            "InvalidParameterValue",
            f"Number of message attributes [{len(attributes)}] exceeds the allowed maximum [{MOST}].",
        )
    for name, attribute in attributes.items():
        _check_name(name)
        _check_value(name, attribute)


def size(attributes: Attributes) -> int:
    return sum(
        len(name.encode()) + len(attribute["DataType"].encode()) + len(_bytes(attribute))
        for name, attribute in attributes.items()
    )


def md5(attributes: Attributes) -> str:
    """The MD5 that AWS documents: each name, type and value with its length, in order of the names."""
    digest = hashlib.md5(usedforsecurity=False)
    for name in sorted(attributes):
        attribute = attributes[name]
        for text in (name, attribute["DataType"]):
            digest.update(_with_length(text.encode()))
        digest.update(b"\2" if _is_binary(attribute) else b"\1")
        digest.update(_with_length(_bytes(attribute)))
    return digest.hexdigest()


def chosen(attributes: Attributes, patterns: Iterable[str]) -> dict[str, Any]:
    """The attributes that a receiver asks for: by name, by prefix (`party.*`), or all."""
    patterns = tuple(patterns)
    if "All" in patterns or ".*" in patterns:
        return dict(attributes)
    prefixes = tuple(pattern[:-2] for pattern in patterns if pattern.endswith(".*"))
    return {
        name: value
        for name, value in attributes.items()
        if name in patterns or (prefixes and name.startswith(prefixes))
    }


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name) or len(name) > NAME_LENGTH or name.lower().startswith(("aws.", "amazon.")):
        raise invalid("MessageAttributes", name, "The name of a message attribute may hold A-Z, a-z, 0-9, _, - and .")


def _check_value(name: str, attribute: Mapping[str, Any]) -> None:
    kind = attribute["DataType"]
    if not _TYPE.fullmatch(kind) or len(kind) > NAME_LENGTH:
        raise invalid("MessageAttributes", kind, f"The type of {name} has to begin with String, Number or Binary.")
    key = "BinaryValue" if _is_binary(attribute) else "StringValue"
    if not attribute.get(key):
        raise ServiceError(
            "InvalidParameterValue",
            f"The message attribute '{name}' must contain a non-empty message attribute value of type"
            f" '{kind.partition('.')[0]}'.",
        )
    if key == "StringValue" and not is_text(attribute[key]):
        raise ServiceError(
            "InvalidMessageContents", f"The message attribute '{name}' holds characters that no text has."
        )
    if kind.startswith("Number") and not _NUMBER.fullmatch(attribute[key].strip()):
        raise ServiceError("InvalidParameterValue", f"Can't cast the value of message attribute '{name}' to a number.")


def _is_binary(attribute: Mapping[str, Any]) -> bool:
    return str(attribute["DataType"]).startswith("Binary")


def _bytes(attribute: Mapping[str, Any]) -> bytes:
    if _is_binary(attribute):
        return base64.b64decode(attribute["BinaryValue"])
    return str(attribute["StringValue"]).encode()


def _with_length(value: bytes) -> bytes:
    return len(value).to_bytes(4, "big") + value
