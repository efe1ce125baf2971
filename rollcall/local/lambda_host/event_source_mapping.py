"""One function and its queue: batches are received, worked on in sandboxes, and settled."""

import math
import time
import traceback
import uuid
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Event, Semaphore, Thread
from typing import TYPE_CHECKING

from rollcall.local.lambda_host.logs import FunctionLog, Report
from rollcall.local.lambda_host.runtime_answer import failed_messages
from rollcall.local.lambda_host.runtime_event import sqs_event
from rollcall.local.lambda_host.sandbox import Failure, Outcome, Sandbox
from rollcall.local.lambda_host.settler import Settler
from rollcall.local.lambda_host.worker_pool import PoolClosed, WorkerPool
from rollcall.local.lambda_host.worker_record import WorkerRecord
from rollcall.pipeline.description import Function
from rollcall.pipeline.scaling import Policy
from rollcall.runtime.worker.batch_response import InvalidBatchResponse
from rollcall.runtime.worker.message_source import MessageSource

if TYPE_CHECKING:
    from mypy_boto3_sqs.type_defs import MessageTypeDef

RETRY_SECONDS = 1  # after the queue could not be asked
SAMPLE_SECONDS = 1.0  # between two looks at the backlog


@dataclass(frozen=True, kw_only=True)
class FunctionStatus:
    workers: int
    in_flight: int  # batches being worked on
    backlog: int  # messages that wait
    failed_starts: int = 0  # of workers that were given a batch, since the last that began


class EventSourceMapping:
    """Polls as soon as it is made. `stop` takes no more work and kills what runs; `join` waits for the end of it."""

    def __init__(
        self,
        function: Function,
        *,
        source: MessageSource,
        queue_arn: str,
        start_sandbox: Callable[[], Sandbox],
        policy: Policy,
        log: FunctionLog,
        record: WorkerRecord,
        report: Callable[[Report], None],
        done: Callable[[Sequence[str]], None],
    ) -> None:
        """`done` is told the bodies of messages that the function has dealt with."""
        self._function = function
        self._source = source
        self._queue_arn = queue_arn
        self._log = log
        self._history = record
        self._report = report
        self._done = done
        self._pool = WorkerPool(start_sandbox, policy=policy)
        self._slots = Semaphore(policy.ceiling)
        self._executor = ThreadPoolExecutor(max_workers=policy.ceiling, thread_name_prefix=function.name)
        self._next_sample = 0.0
        self._failed_starts = 0
        self._closing = Event()
        self._held: deque[MessageTypeDef] = deque()  # received, for whoever is free next
        self._settler = Settler(source, name=function.name, failed=self._not_settled)
        self._poller = Thread(target=self._poll, name=f"{function.name}-poller", daemon=True)
        self._poller.start()

    @property
    def sandboxes(self) -> Sequence[Sandbox]:
        return self._pool.sandboxes

    def status(self) -> FunctionStatus:
        return self._status(self._source.backlog() + len(self._held))

    def stop(self) -> None:
        self._closing.set()
        self._pool.close()

    def join(self) -> None:
        self._poller.join()
        self._executor.shutdown()
        self._settler.close()
        self._log.close()

    def _poll(self) -> None:
        while not self._closing.is_set():
            self._scale()
            if not self._slots.acquire(timeout=RETRY_SECONDS):
                continue  # messages are received only when somebody can work on one at once
            if not self._held:
                self._held.extend(self._receive())
            if self._held and not self._closing.is_set():
                self._executor.submit(self._deliver, self._batch())
            else:
                self._slots.release()

    def _batch(self) -> list["MessageTypeDef"]:
        """One worker's share of the held messages; the other idle workers get theirs."""
        share = math.ceil(len(self._held) / max(1, self._pool.idle))
        return [self._held.popleft() for _ in range(min(share, self._function.batch_size))]

    def _status(self, backlog: int) -> FunctionStatus:
        return FunctionStatus(
            workers=len(self._pool.sandboxes),
            in_flight=self._pool.in_flight,
            backlog=backlog,
            failed_starts=self._failed_starts,
        )

    def _scale(self) -> None:
        if time.monotonic() < self._next_sample:
            return
        self._next_sample = time.monotonic() + SAMPLE_SECONDS
        try:
            backlog = self._source.backlog() + len(self._held)
            self._pool.scale(waiting=backlog)
            self._note(self._status(backlog))
        except Exception:  # the poller's end: a later round may do better, and says so if not
            if not self._closing.is_set():
                self._log.write(f"The workers could not be scaled:\n{traceback.format_exc()}")

    def _note(self, now: FunctionStatus) -> None:
        before = self._history.note(
            self._function.name, workers=now.workers, in_flight=now.in_flight, backlog=now.backlog
        )
        if before != now.workers:
            self._log.write(
                f"SCALE Workers: {before} to {now.workers}\tWaiting: {now.backlog}\tIn flight: {now.in_flight}"
            )

    def _receive(self) -> list["MessageTypeDef"]:
        try:
            return self._source.receive()
        except Exception:  # the poller's end, if this were not caught: nobody would work on this queue any more
            if not self._closing.is_set():
                self._log.write(f"The queue cannot be asked:\n{traceback.format_exc()}")
                self._closing.wait(RETRY_SECONDS)
            return []

    def _deliver(self, messages: list["MessageTypeDef"]) -> None:
        ids = frozenset(message["MessageId"] for message in messages)
        failed = ids
        try:
            failed = self._failed(self._invoke(messages), ids)
            self._done([message["Body"] for message in messages if message["MessageId"] not in failed])
        except PoolClosed:
            return  # the messages come again, to whoever polls the queue next
        except Exception:  # the thread's end: nobody else would ever see it
            self._log.write(f"The host could not run the function:\n{traceback.format_exc()}")
        finally:
            self._settler.settle(messages, failed)
            self._slots.release()

    def _invoke(self, messages: list["MessageTypeDef"]) -> Outcome:
        request_id = str(uuid.uuid4())
        sandbox = self._pool.acquire()
        try:
            self._log.write(f"START RequestId: {request_id} Version: $LATEST")
            outcome = sandbox.invoke(sqs_event(messages, queue_arn=self._queue_arn), request_id=request_id)
            self._failed_starts = 0 if sandbox.initialized else self._failed_starts + 1
            self._record(outcome, request_id, sandbox, len(messages))
            return outcome
        finally:
            self._pool.release(sandbox)

    def _record(self, outcome: Outcome, request_id: str, sandbox: Sandbox, messages: int) -> None:
        failure = outcome.result if isinstance(outcome.result, Failure) else None
        report = Report(
            function=self._function.name,
            request_id=request_id,
            messages=messages,
            duration_ms=outcome.duration_ms,
            init_ms=outcome.init_ms,
            memory_mb=self._function.memory_mb,
            max_memory_mb=sandbox.max_memory_mb,
            error=failure.error if failure else None,
        )
        if failure:
            self._log.write(f"{request_id} {failure.error}: {failure.message}")
        self._log.write(f"END RequestId: {request_id}")
        self._log.write(report.line())
        self._report(report)

    def _failed(self, outcome: Outcome, ids: frozenset[str]) -> frozenset[str]:
        if isinstance(outcome.result, Failure):
            return ids
        try:
            return failed_messages(outcome.result, ids)
        except InvalidBatchResponse as error:
            self._log.write(f"The whole batch counts as failed: {error}")
            return ids

    def _not_settled(self) -> None:
        if not self._closing.is_set():
            self._log.write(f"The queue cannot be told what is done:\n{traceback.format_exc()}")
