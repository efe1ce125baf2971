"""The loop of a long-running worker, in place of Lambda's event source mapping and runtime."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from rollcall.runtime.observability import logger
from rollcall.runtime.worker.batch_response import InvalidBatchResponse, failed_messages
from rollcall.runtime.worker.context import Identity, WorkerContext
from rollcall.runtime.worker.drain import Drain
from rollcall.runtime.worker.lease import Lease
from rollcall.runtime.worker.message_source import MessageSource
from rollcall.runtime.worker.sqs_event import sqs_event

if TYPE_CHECKING:
    from mypy_boto3_sqs.type_defs import MessageTypeDef

RETRY_SECONDS = 1.0  # after the queue could not be asked

Handler = Callable[[dict[str, Any], WorkerContext], object]


class Worker:
    """`timeout`: seconds that the handler has for a batch."""

    def __init__(
        self,
        handler: Handler,
        *,
        source: MessageSource,
        queue_arn: str,
        region: str,
        identity: Identity,
        lease_seconds: int,
        timeout: float,
        drain: Drain,
    ) -> None:
        self._handler = handler
        self._source = source
        self._queue_arn = queue_arn
        self._region = region
        self._identity = identity
        self._lease_seconds = lease_seconds
        self._timeout = timeout
        self._drain = drain

    def run(self) -> None:
        """Runs until the drain is requested and the batch in hand is done."""
        while not self._drain.requested:
            messages = self._receive()
            if not messages:
                continue
            if self._drain.requested:  # they came while it was waiting
                self._source.give_back(messages)
            else:
                self._work(messages)

    def _receive(self) -> list["MessageTypeDef"]:
        try:
            return self._source.receive()
        except (BotoCoreError, ClientError):
            logger.exception("the queue cannot be asked")
            time.sleep(RETRY_SECONDS)
            return []

    def _work(self, messages: list["MessageTypeDef"]) -> None:
        lease = Lease(
            messages, source=self._source, seconds=self._lease_seconds, timeout=self._timeout, drain=self._drain
        )
        with lease:
            failed = self._failed(messages, lease)
        try:
            self._source.settle(messages, failed)
        except (BotoCoreError, ClientError):
            logger.exception("the queue cannot be told what is done; it comes again")

    def _failed(self, messages: list["MessageTypeDef"], lease: Lease) -> frozenset[str]:
        ids = frozenset(message["MessageId"] for message in messages)
        event = sqs_event(messages, queue_arn=self._queue_arn, region=self._region)
        try:
            return failed_messages(self._handler(event, WorkerContext(identity=self._identity, lease=lease)), ids)
        except InvalidBatchResponse as error:
            logger.error("the whole batch counts as failed", reason=str(error))
        except Exception:  # whatever a handler raises fails its batch, on Lambda and here
            logger.exception("the handler failed")
        return ids
