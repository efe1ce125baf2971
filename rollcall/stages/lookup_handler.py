"""lookup: the faces of all GoPs of a job become its result."""

import os
from functools import cache
from typing import Any

import boto3
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.typing import LambdaContext

from rollcall.people.gallery_store import GalleryStore
from rollcall.people.people_store import PeopleStore
from rollcall.results.announce import Announcer
from rollcall.results.publisher import Publisher
from rollcall.runtime.batch import handle_batch
from rollcall.runtime.function_clients import dynamodb, s3, sqs
from rollcall.runtime.observability import logger, metrics
from rollcall.stages.lookup import Lookup
from rollcall.stages.lookup_environment import Environment


@cache
def environment() -> Environment:
    return Environment.model_validate(dict(os.environ))


@cache
def lookup() -> Lookup:
    settings = environment()
    client = s3()
    return Lookup(
        s3=client,
        jobs=settings.jobs,
        gallery=GalleryStore(dynamodb().Table(settings.faces_table)),
        people=PeopleStore(dynamodb().Table(settings.people_table)),
        lookups=settings.lookups,
        publisher=Publisher(client, settings.output_bucket, name_texts=settings.name_texts),
        announcer=Announcer(
            sqs=sqs(),
            events=boto3.client("events"),
            bucket=settings.output_bucket,
            queue=settings.results_queue,
            bus=settings.event_bus,
        ),
        stage_1_bucket=settings.stage_1_bucket,
        threshold=settings.threshold,
    )


@metrics.log_metrics(capture_cold_start_metric=True)
@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    return handle_batch(
        event,
        work=lookup().look_up,
        give_up=lookup().give_up,
        deliveries=lambda: environment().deliveries,
    )
