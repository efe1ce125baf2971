"""Whose request it is, as the gateway in front tells it."""

import asyncio
from typing import Any

import pytest
from starlette.requests import Request

from rollcall.api.access import IamCallers
from rollcall.api.http_errors import Unauthenticated

CALLER = "arn:aws:sts::123456789012:assumed-role/camera/7"


def request(**scope: Any) -> Request:
    return Request({"type": "http", "method": "GET", "headers": [(b"x-user-arn", CALLER.encode())], **scope})


def test_the_caller_is_whoever_signed_the_request() -> None:
    event = {"requestContext": {"authorizer": {"iam": {"userArn": CALLER}}}}

    access = asyncio.run(IamCallers().admit(request(**{"aws.event": event}), "people:write"))

    assert access.who == CALLER


@pytest.mark.parametrize(
    "scope",
    [
        {},  # a server without a gateway in front
        {"aws.event": {}},
        {"aws.event": {"requestContext": None}},
        {"aws.event": {"requestContext": {"elb": {"targetGroupArn": "x"}}}},
        {"aws.event": {"requestContext": {"authorizer": None}}},
        {"aws.event": {"requestContext": {"identity": {"userArn": CALLER}}}},
    ],
)
def test_a_request_that_nobody_signed_has_no_caller(scope: dict[str, Any]) -> None:
    with pytest.raises(Unauthenticated):
        asyncio.run(IamCallers().admit(request(**scope), "recognize"))
