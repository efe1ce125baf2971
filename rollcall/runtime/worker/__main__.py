"""`python -m rollcall.runtime.worker HANDLER`: a function without Lambda, until SIGTERM."""

import argparse
import importlib
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import cast

import boto3

# before pydantic: once that is loaded, the batch utility asks for models of its own, which the images leave out
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse

from rollcall.contracts.usage_error import UsageError
from rollcall.runtime.last_line import ending_with_a_line
from rollcall.runtime.observability import logger
from rollcall.runtime.region import region_of
from rollcall.runtime.worker.context import Identity
from rollcall.runtime.worker.drain import Drain
from rollcall.runtime.worker.loop import Handler, Worker
from rollcall.runtime.worker.message_source import MessageSource
from rollcall.runtime.worker.worker_environment import Environment

NAME = "worker"


def main(arguments: Sequence[str], variables: Mapping[str, str]) -> int:
    return ending_with_a_line(NAME, lambda: _main(arguments, variables))


def _main(arguments: Sequence[str], variables: Mapping[str, str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m rollcall.runtime.worker", description=__doc__)
    parser.add_argument("handler", help="what Lambda would be given: module.function")
    options = parser.parse_args(arguments)
    boto3.setup_default_session(region_name=region_of(variables))
    settings = Environment.model_validate(dict(variables))
    handler = load_handler(options.handler)
    drain = Drain(grace=settings.grace)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: drain.request())
    worker = build(handler, settings, drain)
    logger.info("worker takes work", queue=settings.queue)
    worker.run()
    logger.info("worker drained", queue=settings.queue)
    return 0


def load_handler(name: str) -> Handler:
    module, separator, attribute = name.rpartition(".")
    if not separator:
        raise UsageError(
            f"{name!r} is no handler; give module.function, for example rollcall.stages.lookup_handler.handler"
        )
    try:
        found = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise UsageError(f"{name}: {error}") from error
    return cast(Callable[..., PartialItemFailureResponse], found)


def build(handler: Handler, settings: Environment, drain: Drain) -> Worker:
    sqs = boto3.client("sqs")
    url = sqs.get_queue_url(QueueName=settings.queue)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    return Worker(
        handler,
        source=MessageSource(
            sqs,
            queue_url=url,
            batch_size=settings.batch_size,
            wait_seconds=settings.wait_seconds,
            visibility_timeout=settings.lease_seconds,
        ),
        queue_arn=arn,
        region=sqs.meta.region_name,
        identity=Identity(name=settings.function, memory_mb=settings.memory_mb),
        lease_seconds=settings.lease_seconds,
        timeout=settings.timeout,
        drain=drain,
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
