"""The API as a Lambda function behind an HTTP API."""

import os
from functools import cache
from typing import Any

import boto3
from mangum import Mangum
from mangum.types import LambdaContext

from rollcall.api.api_environment import Environment
from rollcall.api.app import create_app
from rollcall.api.request_log import RequestLog
from rollcall.api.services import open_services
from rollcall.api.signing import signing_s3
from rollcall.contracts.usage_error import UsageError
from rollcall.runtime.function_clients import dynamodb, sqs


@cache
def adapter() -> Mangum:
    settings = Environment.model_validate(dict(os.environ))
    if settings.auth == "loopback":
        raise UsageError("AUTH=loopback is for one machine: use keys or iam")
    services = open_services(
        settings.model_copy(update={"keep": "never" if settings.keep == "never" else "before"}),  # see docs/api.md
        s3=signing_s3(),
        sqs=sqs(),
        events=boto3.client("events"),
        dynamodb=dynamodb(),
    )
    return Mangum(RequestLog(create_app(services)), lifespan="off")


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return adapter()(event, context)
