"""A function's answer to a batch, as the runtime sends it."""

import json
from collections.abc import Collection

from rollcall.runtime.worker import batch_response
from rollcall.runtime.worker.batch_response import InvalidBatchResponse


def failed_messages(answer: bytes, delivered: Collection[str]) -> frozenset[str]:
    """The ids of `delivered` messages that have to come again; raise InvalidBatchResponse for what is no answer."""
    try:
        response = json.loads(answer) if answer.strip() else None
    except ValueError as error:
        raise InvalidBatchResponse(f"the response is not JSON: {error}") from None
    return batch_response.failed_messages(response, delivered)
