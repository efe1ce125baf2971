"""face_recognition: a GoP pack becomes the faces that are in it.

Half of a cold start is imports, so the two heavy families, the networks' runtime and the AWS clients, are imported
where they are used. The runtime comes first: the networks are then compiled in a thread, outside the interpreter, while
it imports the clients.
"""

# ruff: noqa: PLC0415
import os
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.typing import LambdaContext

from rollcall.runtime.batch import handle_batch
from rollcall.runtime.observability import logger, metrics
from rollcall.runtime.together import one_by_one
from rollcall.stages.recognize_environment import Environment

if TYPE_CHECKING:
    from rollcall.stages.recognize import Recognizer


@cache
def environment() -> Environment:
    return Environment.model_validate(dict(os.environ))


@cache
def recognizer() -> "Recognizer":
    settings = environment()
    from rollcall.engine.engine import load_engine

    with ThreadPoolExecutor(1) as pool:
        engine = pool.submit(
            load_engine,
            settings.model_dir,
            settings.embedder,
            detector=settings.detector,
            min_face=settings.min_face,
            threads=settings.threads,
        )
        from rollcall.runtime.function_clients import s3
        from rollcall.stages.recognize import Recognizer

        return Recognizer(
            s3=s3(),
            jobs=settings.jobs,
            lookups=settings.lookups,
            engine=engine.result(),
            input_bucket=settings.input_bucket,
        )


@metrics.log_metrics(capture_cold_start_metric=True)
@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    return handle_batch(
        event,
        work=recognizer().recognize,
        give_up=one_by_one(recognizer().give_up),
        deliveries=lambda: environment().deliveries,
    )
