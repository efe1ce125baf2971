"""Tables for tests of the store, and what its refusals say."""

import itertools
from typing import Any

import pytest
from botocore.exceptions import ClientError

_NUMBERS = itertools.count()


def make(dynamodb: Any, sort: str | None = None) -> str:
    name = f"table-{next(_NUMBERS)}"
    keys = [("k", "HASH", "S")] + ([("s", "RANGE", sort)] if sort else [])
    dynamodb.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": kind} for key, _, kind in keys],
        KeySchema=[{"AttributeName": key, "KeyType": role} for key, role, _ in keys],
    )
    return name


def refused(error: pytest.ExceptionInfo[ClientError]) -> tuple[str, str]:
    told = error.value.response["Error"]
    return str(told["Code"]), str(told["Message"])
