"""Errors of SQS. Older clients know the names of the query protocol, which a header gives them."""

from rollcall.local.store.store_errors import ServiceError

_OF_THE_QUERY_PROTOCOL = {
    "BatchEntryIdsNotDistinct": "AWS.SimpleQueueService.BatchEntryIdsNotDistinct",
    "BatchRequestTooLong": "AWS.SimpleQueueService.BatchRequestTooLong",
    "EmptyBatchRequest": "AWS.SimpleQueueService.EmptyBatchRequest",
    "InvalidBatchEntryId": "AWS.SimpleQueueService.InvalidBatchEntryId",
    "MessageNotInflight": "AWS.SimpleQueueService.MessageNotInflight",
    "PurgeQueueInProgress": "AWS.SimpleQueueService.PurgeQueueInProgress",
    "QueueDoesNotExist": "AWS.SimpleQueueService.NonExistentQueue",
    "QueueNameExists": "QueueAlreadyExists",
    "TooManyEntriesInBatchRequest": "AWS.SimpleQueueService.TooManyEntriesInBatchRequest",
    "UnsupportedOperation": "AWS.SimpleQueueService.UnsupportedOperation",
}


def query_name(error: ServiceError) -> str:
    fault = "Sender" if error.status < 500 else "Receiver"  # noqa: PLR2004 - HTTP's line between the two
    return f"{_OF_THE_QUERY_PROTOCOL.get(error.code, error.code)};{fault}"


def no_queue() -> ServiceError:
    return ServiceError("QueueDoesNotExist", "The specified queue does not exist.")


def invalid(name: str, value: object, reason: str) -> ServiceError:
    return ServiceError(
        "InvalidParameterValue", f"Value {str(value)[:200]} for parameter {name} is invalid. Reason: {reason}"
    )


def missing(name: str) -> ServiceError:
    return ServiceError("MissingParameter", f"The request must contain the parameter {name}.")
