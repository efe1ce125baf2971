"""video_split: an upload becomes GoP packs in the stage-1 bucket."""

import os
from functools import cache
from typing import Any

import boto3
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.config import Config

from functions.common.batch import handle_batch
from functions.common.jobs import JobStore
from functions.common.lookup_queue import LookupQueue
from functions.common.observability import logger, metrics
from functions.video_split.environment import Environment
from functions.video_split.probe import Limits
from functions.video_split.split import Splitter


@cache
def environment() -> Environment:
    return Environment.model_validate(dict(os.environ))


@cache
def splitter() -> Splitter:
    settings = environment()
    return Splitter(
        # presigned URLs of encrypted objects need this version of the signature
        s3=boto3.client("s3", config=Config(signature_version="s3v4")),
        jobs=JobStore(boto3.resource("dynamodb").Table(settings.jobs_table)),
        lookups=LookupQueue(boto3.client("sqs"), settings.lookup_queue),
        stage_1_bucket=settings.stage_1_bucket,
        frames_per_second=settings.frames_per_second,
        limits=Limits(max_bytes=settings.max_bytes, max_duration=settings.max_duration),
    )


@metrics.log_metrics(capture_cold_start_metric=True)
@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    return handle_batch(
        event, context, attempts=environment().attempts, work=splitter().split, give_up=splitter().give_up
    )
