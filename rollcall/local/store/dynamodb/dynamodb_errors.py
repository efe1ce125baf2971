"""Errors of DynamoDB."""

from collections.abc import Mapping
from typing import Any

from rollcall.local.store.store_errors import ServiceError


def invalid(message: str) -> ServiceError:
    return ServiceError("ValidationException", message)


def wrong_values(message: str) -> ServiceError:
    return invalid(f"One or more parameter values were invalid: {message}")


def not_supported(what: str) -> ServiceError:
    return ServiceError("NotImplemented", f"{what} is not supported by the local dynamodb.", status=501)


def no_table(name: str) -> ServiceError:
    return ServiceError("ResourceNotFoundException", f"Requested resource not found: Table: {name} not found")


class ConditionFailed(ServiceError):
    """`item` is what was there, for whoever asked to be told."""

    def __init__(self, item: Mapping[str, Any] | None = None) -> None:
        super().__init__(
            "ConditionalCheckFailedException",
            "The conditional request failed",
            members={} if item is None else {"Item": item},
        )
        self.item = item
