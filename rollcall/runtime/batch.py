"""One loop for all three queues: records side by side, partial failures, and an answer before the dead letters."""

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from rollcall.contracts.errors import Superseded
from rollcall.runtime.deliveries import Deliveries, came_before
from rollcall.runtime.observability import Subjects, count, logger
from rollcall.runtime.together import Steps, side_by_side

Work = Callable[[str], Steps[None]]
Record = TypeVar("Record")


def handle_batch(
    event: dict[str, Any], *, work: Work, give_up: Work, deliveries: Callable[[], Deliveries]
) -> PartialItemFailureResponse:
    """Work on each body; once every attempt has failed, `give_up` instead, and bury the message.

    What fails comes again after a while, and is no matter of the other records. A worker that is killed in mid-work
    leaves only the count of attempts, so the next delivery tells the owner. Messages that came before are worked on
    one after the other: whichever kills the worker is then the last whose attempt was counted. Both functions may raise
    Superseded: then the message is done.
    """

    def handle(record: SQSRecord) -> Steps[None]:
        try:
            if deliveries().begin(record):
                yield from work(record.body)
                return
            yield from give_up(record.body)
            deliveries().bury(record)
            count(records_failed=1)
            logger.error("given up: every attempt has failed", message_id=record.message_id)
        except Superseded as moot:
            logger.info("upload superseded", reason=str(moot))
        except Exception:
            delivered = int(record.attributes.approximate_receive_count)
            logger.exception("record failed", message_id=record.message_id, deliveries=delivered)
            count(records_failed=1)
            _come_again_soon(deliveries, record)
            raise

    records = [SQSRecord(record) for record in event["Records"]]
    fresh = [record for record in records if not came_before(record)]
    failed: list[SQSRecord] = []
    for some in [fresh, *([record] for record in records if came_before(record))]:
        outcomes = side_by_side([handle(record) for record in some], switch=Subjects().switch)
        failed += [record for record, error in zip(some, outcomes, strict=True) if error is not None]
    return {"batchItemFailures": [{"itemIdentifier": record.message_id} for record in failed]}


def for_each(records: Iterable[Record], work: Callable[[Record], Steps[None]]) -> Steps[None]:
    """The records of one message. Raise Superseded only if there was nothing to do for any of them."""
    moot: list[Superseded] = []
    records = list(records)
    for record in records:
        try:
            yield from work(record)
        except Superseded as superseded:
            moot.append(superseded)
    if moot and len(moot) == len(records):
        raise moot[0]
    for reason in map(str, moot):
        logger.info("upload superseded", reason=reason)


def _come_again_soon(deliveries: Callable[[], Deliveries], record: SQSRecord) -> None:
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - hardly ever needed, and slow to load

    try:
        deliveries().come_again(record)
    except (BotoCoreError, ClientError):
        logger.exception("the queue cannot be told when the message is to come again")
