"""face_recognition: a GoP pack becomes the faces that are in it."""

import os
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

import boto3
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.typing import LambdaContext

from functions.common.batch import handle_batch
from functions.common.jobs import JobStore
from functions.common.lookup_queue import LookupQueue
from functions.common.observability import logger, metrics
from functions.face_recognition.environment import Environment
from functions.face_recognition.recognize import Recognizer
from model.engine import load_engine


@cache
def environment() -> Environment:
    return Environment.model_validate(dict(os.environ))


@cache
def recognizer() -> Recognizer:
    settings = environment()
    with ThreadPoolExecutor(1) as pool:  # the networks are compiled outside the interpreter, so both go on at once
        engine = pool.submit(load_engine, settings.model_dir, min_face=settings.min_face, threads=settings.threads)
        return Recognizer(
            s3=boto3.client("s3"),
            jobs=JobStore(boto3.resource("dynamodb").Table(settings.jobs_table)),
            lookups=LookupQueue(boto3.client("sqs"), settings.lookup_queue),
            engine=engine.result(),
        )


@metrics.log_metrics(capture_cold_start_metric=True)
@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    return handle_batch(
        event, context, attempts=environment().attempts, work=recognizer().recognize, give_up=recognizer().give_up
    )
