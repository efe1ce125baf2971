"""The AWS clients of a function, made once and when they are first needed: to import them takes half a cold start."""

# ruff: noqa: PLC0415
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.service_resource import DynamoDBServiceResource
    from mypy_boto3_sqs import SQSClient


@cache
def sqs() -> "SQSClient":
    import boto3

    return boto3.client("sqs")


@cache
def dynamodb() -> "DynamoDBServiceResource":
    import boto3

    return boto3.resource("dynamodb")
