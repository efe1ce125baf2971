"""What a person is told when the store cannot start, and what a client is told when it asks for something wrong."""

from collections.abc import Mapping
from typing import Any

from rollcall.contracts.errors import RollcallError

FAILED = 3  # exit code of the store where it cannot be opened, with one line for a person


class StoreError(RollcallError):
    """The store cannot be opened or read; the message is one line for a person."""


class ServiceError(RollcallError):
    """What a client is told; `members` stand in the answer beside the message."""

    def __init__(self, code: str, message: str, *, status: int = 400, members: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status
        self.members = members or {}
