"""The AWS clients of a function, made once and when they are first needed: to import them takes half a cold start."""

# ruff: noqa: PLC0415
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from botocore.config import Config
    from mypy_boto3_dynamodb.service_resource import DynamoDBServiceResource
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient


def s3(config: "Config | None" = None) -> "S3Client":
    """A new client. It sends the body of a PUT at once.

    By default boto3 sends the head first and waits until S3 says `100 Continue`, which costs a round trip for each
    object. That spares a large body if the bucket is in another region; a function's buckets are in its own.
    """
    import boto3
    from botocore.handlers import add_expect_header

    client = boto3.client("s3", config=config)
    client.meta.events.unregister("before-call.s3", add_expect_header)
    return client


@cache
def sqs() -> "SQSClient":
    import boto3

    return boto3.client("sqs")


@cache
def dynamodb() -> "DynamoDBServiceResource":
    import boto3

    return boto3.resource("dynamodb")
