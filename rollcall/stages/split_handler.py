"""video_split: an upload becomes GoP packs in the stage-1 bucket."""

import os
from functools import cache, partial
from typing import Any

from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.config import Config

from rollcall.media.deadline import Deadline
from rollcall.runtime.batch import handle_batch
from rollcall.runtime.function_clients import s3, sqs
from rollcall.runtime.observability import logger, metrics
from rollcall.runtime.together import one_by_one
from rollcall.stages.range_queue import RangeQueue
from rollcall.stages.split import Splitter
from rollcall.stages.split_environment import Environment

S3_CONFIG = Config(connect_timeout=10, read_timeout=30)  # seconds, of each attempt


@cache
def environment() -> Environment:
    return Environment.model_validate(dict(os.environ))


@cache
def splitter() -> Splitter:
    settings = environment()
    return Splitter(
        s3=s3(S3_CONFIG),
        jobs=settings.jobs,
        lookups=settings.lookups,
        ranges=RangeQueue(sqs(), settings.split_queue),
        stage_1_bucket=settings.stage_1_bucket,
        division=settings.division,
    )


@metrics.log_metrics(capture_cold_start_metric=True)
@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    deadline = Deadline.before_timeout(context.get_remaining_time_in_millis() / 1000)
    return handle_batch(
        event,
        work=one_by_one(partial(splitter().split, deadline=deadline)),
        give_up=one_by_one(splitter().give_up),
        deliveries=lambda: environment().deliveries,
    )
