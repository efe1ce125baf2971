"""What an SDK was told."""

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError


def error_of(call: Callable[..., Any], **arguments: Any) -> tuple[int, str]:
    """HTTP status and code of the error that the call ends with."""
    with pytest.raises(ClientError) as raised:
        call(**arguments)
    answer = raised.value.response
    return answer["ResponseMetadata"]["HTTPStatusCode"], answer["Error"]["Code"]
