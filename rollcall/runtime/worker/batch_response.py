"""What a handler's answer to a batch means, by the rules of Lambda's SQS event source with ReportBatchItemFailures."""

from collections.abc import Collection

from rollcall.contracts.errors import RollcallError


class InvalidBatchResponse(RollcallError):
    """The answer is not valid, so the whole batch counts as failed."""


def failed_messages(response: object, delivered: Collection[str]) -> frozenset[str]:
    """The ids of `delivered` messages that have to come again; no failures, null or nothing at all mean success."""
    failures = _failures(response)
    failed = frozenset(_identifier(failure) for failure in failures)
    unknown = failed - set(delivered)
    if unknown:
        raise InvalidBatchResponse(f"batchItemFailures names messages that are not in the batch: {sorted(unknown)}")
    return failed


def _failures(response: object) -> list[object]:
    failures = response.get("batchItemFailures") if isinstance(response, dict) else None
    if failures is None:
        return []
    if not isinstance(failures, list):
        raise InvalidBatchResponse("batchItemFailures is not a list")
    return failures


def _identifier(failure: object) -> str:
    identifier = failure.get("itemIdentifier") if isinstance(failure, dict) else None
    if not isinstance(identifier, str) or not identifier:
        raise InvalidBatchResponse(f"batchItemFailures holds an entry without an itemIdentifier: {failure!r}")
    return identifier
