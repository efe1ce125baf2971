"""The Lambda host: every function of a pipeline, fed from its queue, in processes of its own."""

import itertools
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from rollcall.local.lambda_host.event_source_mapping import EventSourceMapping, FunctionStatus
from rollcall.local.lambda_host.guard import Guard
from rollcall.local.lambda_host.logs import FunctionLog, Report
from rollcall.local.lambda_host.process_environment import WorkerSettings
from rollcall.local.lambda_host.process_limits import LimitsWatch
from rollcall.local.lambda_host.sandbox import Sandbox
from rollcall.local.lambda_host.unreliable_source import (
    LONG_POLL_SECONDS,
    Delivery,
    UnreliableSource,
    quick_back_off_seconds,
)
from rollcall.local.lambda_host.worker_record import WorkerRecord
from rollcall.local.provision import QueueAddress
from rollcall.pipeline.description import Function, Pipeline
from rollcall.pipeline.scaling import Policy
from rollcall.runtime.worker.message_source import MAX_RECEIVED, MessageSource

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

REPORTS_KEPT = 100_000
WORKER_RECORD = "workers.jsonl"


@dataclass(frozen=True, kw_only=True)
class HostSettings:
    worker: WorkerSettings
    max_concurrency: int  # workers of one function, below the function's own limit
    idle_timeout: float  # seconds
    delivery: Delivery = field(default_factory=Delivery)


class LambdaHost:
    def __init__(
        self,
        pipeline: Pipeline,
        *,
        settings: HostSettings,
        sqs: "SQSClient",
        queues: Mapping[str, QueueAddress],
        scratch: Path,
        log_dir: Path,
        guard: Guard,
        worker_died: Callable[[str, str], None] = lambda _function, _how: None,
        messages_done: Callable[[str, Sequence[str]], None] = lambda _component, _bodies: None,
    ) -> None:
        self._settings = settings
        self._sqs = sqs
        self._scratch = scratch
        self._log_dir = log_dir
        self._guard = guard
        self._worker_died = worker_died
        self._messages_done = messages_done
        self._numbers = itertools.count(1)
        self._reports: deque[Report] = deque(maxlen=REPORTS_KEPT)
        self._workers = WorkerRecord(log_dir / WORKER_RECORD)
        self._mappings = {function.name: self._map(function, queues[function.queue]) for function in pipeline.functions}
        self._limits = LimitsWatch(self._sandboxes)

    def status(self) -> dict[str, FunctionStatus]:
        return {name: mapping.status() for name, mapping in self._mappings.items()}

    def reports(self) -> tuple[Report, ...]:
        return tuple(self._reports)

    def worker_pids(self, function: str) -> tuple[int, ...]:
        return tuple(sandbox.pid for sandbox in self._mappings[function].sandboxes)

    def stop(self) -> None:
        """Takes no more work, and kills what runs."""
        self._limits.close()
        for mapping in self._mappings.values():
            mapping.stop()

    def join(self) -> None:
        for mapping in self._mappings.values():
            mapping.join()
        self._workers.close()

    def _map(self, function: Function, queue: QueueAddress) -> EventSourceMapping:
        log = FunctionLog(self._log_dir / f"{function.name}.log")
        return EventSourceMapping(
            function,
            source=self._source(function, queue),
            queue_arn=queue.arn,
            start_sandbox=lambda: self._start_sandbox(function, log),
            policy=self._policy(function),
            log=log,
            record=self._workers,
            report=self._reports.append,
            done=lambda bodies: self._messages_done(function.component, bodies),
        )

    def _policy(self, function: Function) -> Policy:
        return Policy(
            ceiling=min(function.max_concurrency, self._settings.max_concurrency),
            backlog_per_worker=function.batch_size,  # a process starts in a second: nobody need wait for another's end
            batch_size=function.batch_size,
            scale_in_after=self._settings.idle_timeout,
        )

    def _source(self, function: Function, queue: QueueAddress) -> MessageSource:
        at_once = self._policy(function).ceiling * function.batch_size  # more would wait, hidden from everybody else
        if self._settings.delivery == Delivery():
            return MessageSource(
                self._sqs,
                queue_url=queue.url,
                batch_size=min(MAX_RECEIVED, at_once),  # what one worker does not get, the next one does
                wait_seconds=LONG_POLL_SECONDS,
                back_off=quick_back_off_seconds,
            )
        return UnreliableSource(
            self._sqs, queue_url=queue.url, batch_size=function.batch_size, delivery=self._settings.delivery
        )

    def _start_sandbox(self, function: Function, log: FunctionLog) -> Sandbox:
        return Sandbox(
            function,
            settings=self._settings.worker,
            scratch=self._scratch / f"{function.name}-{next(self._numbers)}",
            log=log,
            guard=self._guard,
            died=lambda how: self._worker_died(function.name, how),
        )

    def _sandboxes(self) -> list[Sandbox]:
        return [sandbox for mapping in self._mappings.values() for sandbox in mapping.sandboxes]
