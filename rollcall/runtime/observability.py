"""Logger, metrics and traces of all functions, configured by the POWERTOOLS_ variables of each.

Every line has `job` and `key`, which identify an upload. Names of people are in results only, never here.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.metrics.provider.cloudwatch_emf.cloudwatch import AmazonCloudWatchEMFProvider

from rollcall.contracts.events import Upload
from rollcall.runtime.tracing import send_subsegment


class CountedOnly(AmazonCloudWatchEMFProvider):
    """Sends the metrics, without a warning if nothing was counted, as for an event that came twice."""

    def flush_metrics(self, raise_on_empty_metrics: bool = False) -> None:
        if raise_on_empty_metrics or self.metric_set:
            super().flush_metrics(raise_on_empty_metrics)


logger = Logger(log_uncaught_exceptions=True)
metrics = Metrics(provider=CountedOnly())

_UPLOAD_KEYS = ("job", "key", "gop")


def about(upload: Upload, **more: int) -> None:
    """Makes every log line until the end of the record tell which upload it is about."""
    logger.append_keys(job=upload.job, key=upload.key, **more)


def about_nothing() -> None:
    """Call it before each record: its lines must not tell of the upload before it."""
    logger.remove_keys(_UPLOAD_KEYS)


class Subjects:
    """Uploads that several pieces of work are about: the lines of each tell of its own."""

    def __init__(self) -> None:
        self._now: int | None = None
        self._keys: dict[int | None, dict[str, object]] = {}

    def switch(self, number: int | None) -> None:
        """Piece `number` goes on, or for None something that is about several."""
        known = logger.get_current_keys()
        self._keys[self._now] = {key: known[key] for key in _UPLOAD_KEYS if key in known}
        about_nothing()
        self._now = number
        if number is not None and (keys := self._keys.get(number)):
            logger.append_keys(**keys)


def count(**counts: int) -> None:
    for name, value in counts.items():
        metrics.add_metric(name=_metric(name), unit=MetricUnit.Count, value=value)


def took(name: str, seconds: float) -> None:
    metrics.add_metric(name=_metric(f"{name}_time"), unit=MetricUnit.Milliseconds, value=round(1000 * seconds, 1))


@contextmanager
def stage(name: str) -> Iterator[None]:
    """One stage of the work on an upload: a subsegment in the trace and, once it is done, its time as a metric."""
    began, started, fault = time.time(), time.monotonic(), True
    try:
        yield
        fault = False
    finally:
        seconds = time.monotonic() - started
        job = str(logger.get_current_keys().get("job", ""))
        send_subsegment(name, start=began, seconds=seconds, job=job, fault=fault)
    took(name, seconds)


def _metric(name: str) -> str:
    """The name as CloudWatch's own metrics are written: `uploads_refused` is `UploadsRefused`."""
    return "".join(word.capitalize() for word in name.split("_"))
