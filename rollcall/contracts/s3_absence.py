"""How S3 says that an object is not there, or is no longer what it was."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from botocore.exceptions import ClientError

_GONE = {"404", "405", "NoSuchKey", "NoSuchVersion", "MethodNotAllowed"}  # 405: the version is a mark of deletion
_CHANGED = {"PreconditionFailed", "ConditionalRequestConflict"} | _GONE


def is_gone(error: "ClientError") -> bool:
    return error.response["Error"]["Code"] in _GONE


def is_changed(error: "ClientError") -> bool:
    """Whether a conditional write was refused: the object was replaced or deleted meanwhile."""
    return error.response["Error"]["Code"] in _CHANGED
