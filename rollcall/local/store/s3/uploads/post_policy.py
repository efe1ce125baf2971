"""The policy of an upload form: what the one who signed it lets others upload.

https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-HTTPPOSTConstructPolicy.html
"""

import base64
import binascii
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from rollcall.local.store.s3.s3_errors import S3Error

_UNCOVERED = {"awsaccesskeyid", "signature", "x-amz-signature", "file", "policy"}
_UNCHECKED = ("x-ignore-", "x-amz-checksum-")
_OPERATORS = {"eq", "starts-with"}
_MOMENT = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,6})?Z")
_TRIPLE = 3


@dataclass
class PostPolicy:
    expires: datetime
    conditions: list[tuple[str, str, str]] = field(default_factory=list)  # operator, field, value
    sizes: tuple[int, int] | None = None

    @classmethod
    def read(cls, encoded: str) -> "PostPolicy":
        """Raises: S3Error."""
        try:
            document = json.loads(base64.b64decode(encoded, validate=True))
            policy = cls(_moment(document["expiration"]))
            for condition in document["conditions"]:
                policy._add(condition)
        except (
            binascii.Error,
            ValueError,
            KeyError,
            TypeError,
            AttributeError,
            RecursionError,
            OverflowError,
        ) as error:
            raise S3Error("InvalidPolicyDocument", "Invalid Policy: Invalid JSON.") from error
        return policy

    def check(self, fields: Mapping[str, str], now: datetime) -> None:
        """Raises: S3Error: it has expired, a condition does not hold, or a field is not covered."""
        if now > self.expires:
            raise S3Error("AccessDenied", "Invalid according to Policy: Policy expired.")
        for operator, name, value in self.conditions:
            given = fields.get(name, "")
            if not (given == value if operator == "eq" else _starts(name, given, value)):
                shown = json.dumps([operator, f"${name}", value])
                raise S3Error("AccessDenied", f"Invalid according to Policy: Policy Condition failed: {shown}")
        covered = {name for _, name, _ in self.conditions} | _UNCOVERED | {"bucket"}
        extra = [name for name in fields if name not in covered and not name.startswith(_UNCHECKED)]
        if extra:
            raise S3Error("AccessDenied", f"Invalid according to Policy: Extra input fields: {extra[0]}")

    def _add(self, condition: Any) -> None:
        if isinstance(condition, dict) and condition:
            for name, value in condition.items():
                self.conditions.append(("eq", name.lower(), _text(value)))
            return
        if len(condition) != _TRIPLE:
            raise ValueError(condition)
        operator, name, value = condition
        if operator.lower() == "content-length-range":
            self.sizes = (int(name), int(value))
        elif operator.lower() in _OPERATORS and name.startswith("$"):
            self.conditions.append((operator.lower(), name[1:].lower(), _text(value)))
        else:
            raise ValueError(condition)


def _starts(name: str, given: str, value: str) -> bool:
    """A type may be a list, each of which has to fit."""
    if name == "content-type":
        return all(entry.strip().startswith(value) for entry in given.split(","))
    return given.startswith(value)


def _moment(text: str) -> datetime:
    if not _MOMENT.fullmatch(text):
        raise ValueError(text)
    return datetime.fromisoformat(text)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError(value)
    return value
