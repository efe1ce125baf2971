"""One loop for all three queues: each record on its own, partial failures, and a last word before the dead letters."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from functions.common.back_off import back_off
from functions.common.errors import GaveUp
from functions.common.observability import about_nothing, count, logger

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

Work = Callable[[str], None]


def handle_batch(
    event: dict[str, Any],
    context: LambdaContext,
    *,
    attempts: int,
    work: Work,
    give_up: Work,
    sqs: Callable[[], "SQSClient"],
) -> PartialItemFailureResponse:
    """Call `work` with each body; from the delivery after the last attempt on, `give_up` instead.

    What fails comes again after a while; `sqs` gives the client to see to that.

    A worker that is killed in mid-work leaves no trace but the count of deliveries, so it is the next delivery
    that tells the owner. The message then goes to the dead-letter queue by the queue's own redrive policy.
    """

    def handle(record: SQSRecord) -> None:
        about_nothing()
        deliveries = int(record.attributes.approximate_receive_count)
        try:
            if deliveries > attempts:
                give_up(record.body)
                raise GaveUp(f"message {record.message_id} failed {attempts} times")
            work(record.body)
        except Exception:
            logger.exception("record failed", message_id=record.message_id, deliveries=deliveries)
            count(records_failed=1)
            _come_again_soon(sqs, record)
            raise

    return process_partial_response(
        event=event,
        record_handler=handle,
        processor=BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False),
        context=context,
    )


def _come_again_soon(sqs: Callable[[], "SQSClient"], record: SQSRecord) -> None:
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - hardly ever needed, and slow to load

    try:
        back_off(sqs(), record)
    except (BotoCoreError, ClientError):
        logger.exception("the queue cannot be told when the message is to come again")
