"""What an hour of video costs on AWS, component by component, at list prices."""

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.demand import Demand
from benchmarks.measured import Run
from rollcall.pipeline.description import Function, Pipeline, describe
from rollcall.pipeline.settings import Settings

PRICES = Path(__file__).parent / "prices.json"
HOUR = 3600.0
GIGABYTE = 1e9  # Amazon's price lists count bytes in powers of ten or two; this is the dearer reading
DAYS_A_MONTH = 30
SECONDS_A_MONTH = DAYS_A_MONTH * 86_400
WRITE_UNIT, READ_UNIT = 1024, 4096  # bytes of an item that one DynamoDB unit covers, strongly consistent
PUT_CLASS = ("PutObject", "ListObjectsV2")  # what S3 charges as a PUT; deleting is free
FREE = ("DeleteObjects",)


@dataclass(frozen=True)
class Entry:
    component: str
    quantity: float
    unit: str
    dollars: float


def load_prices() -> dict[str, float]:
    return {name: entry["dollars"] for name, entry in json.loads(PRICES.read_text())["prices"].items()}


@dataclass(frozen=True, kw_only=True)
class Bill:
    """The bill of one upload that is an hour long."""

    demand: Demand
    architecture: str  # x86_64 or arm64
    pipeline: Pipeline
    range_seconds: float
    prices: dict[str, float]

    def entries(self) -> list[Entry]:
        return [*self._lambda(), *self._s3(), *self._messages(), *self._dynamodb(), *self._watching(), self._transfer()]

    @property
    def total(self) -> float:
        return sum(entry.dollars for entry in self.entries())

    def invocations(self, function: Function) -> int:
        """One a message: a batch is only ever as large as what waits."""
        return {"video_split": self._invoked_splits, "face_recognition": self.demand.gops(HOUR), "lookup": 1}[
            function.component
        ]

    def billed_seconds(self, function: Function) -> float:
        if function.component == "video_split":
            return self._ranges * self.demand.split_seconds(function, HOUR / self._ranges)
        if function.component == "face_recognition":
            return self.demand.gops(HOUR) * self.demand.recognize_seconds(function)
        return self.demand.lookup_seconds(function, HOUR)

    @property
    def _ranges(self) -> int:
        return max(1, math.ceil(HOUR / self.range_seconds))

    @property
    def _invoked_splits(self) -> int:
        return self._ranges + (self._ranges > 1)  # the first one only divides

    def _lambda(self) -> Iterator[Entry]:
        price = self.prices[f"lambda_{self.architecture}_gb_second"]
        starting = 0.0
        for function in self.pipeline.functions:
            gigabytes = function.memory_mb / 1024
            busy = gigabytes * self.billed_seconds(function)
            yield Entry(f"Lambda {function.component}", busy, "GB-s", busy * price)
            environments = min(function.max_concurrency, self.invocations(function))
            starting += gigabytes * environments * self.demand.init_seconds(function)
        yield Entry("Lambda cold starts, every environment new", starting, "GB-s", starting * price)
        requests = sum(self.invocations(function) for function in self.pipeline.functions)
        yield Entry("Lambda requests", requests, "requests", requests * self.prices["lambda_request"])

    def _s3(self) -> Iterator[Entry]:
        demand, rules = self.demand, self.demand.rules
        puts = gets = 0.0
        for function in self.pipeline.functions:
            for request, count in self._requests(function, "S3"):
                if request in PUT_CLASS:
                    puts += count
                elif request not in FREE:
                    gets += count
        gets += self._ranges * rules["range_reads"]
        yield Entry("S3 PUT and LIST", puts, "requests", puts * self.prices["s3_put"])
        yield Entry("S3 GET and HEAD", gets, "requests", gets * self.prices["s3_get"])
        passing = demand.line(lambda run: run.pack_bytes + run.faces_bytes).at(HOUR) / GIGABYTE
        months = rules["passing_days"] / DAYS_A_MONTH
        yield Entry("S3 storage of packs", passing, "GB", passing * months * self.prices["s3_gb_month"])
        kept = self._output_bytes / GIGABYTE
        dollars = kept * rules["results_months"] * self.prices["s3_gb_month"]
        yield Entry("S3 storage of results, a month", kept, "GB", dollars)

    def _messages(self) -> Iterator[Entry]:
        """Between the functions, and of the result to whoever waits for it: taken to read its queue as well."""
        announced = sum(
            count for function in self.pipeline.functions for _, count in self._requests(function, "EventBridge")
        )
        messages = announced + sum(self.invocations(function) for function in self.pipeline.functions)
        requests = 3 * messages  # sent, received, deleted
        yield Entry("SQS", requests, "requests", requests * self.prices["sqs_request"])
        yield Entry("EventBridge", announced, "events", announced * self.prices["event"])

    def _dynamodb(self) -> Iterator[Entry]:
        """Every write is charged for the job's item as large as it is at the end."""
        rules = self.demand.rules
        requests = [entry for function in self.pipeline.functions for entry in self._requests(function, "DynamoDB")]
        item = self.demand.line(lambda run: run.job_item_bytes).at(HOUR)
        writes = sum(count for request, count in requests if request == "UpdateItem") * math.ceil(item / WRITE_UNIT)
        reads = sum(count for request, count in requests if request != "UpdateItem") * math.ceil(item / READ_UNIT)
        reads += math.ceil(rules["gallery_faces"] * rules["gallery_item_bytes"] / READ_UNIT)
        yield Entry("DynamoDB writes", writes, "units", writes * self.prices["dynamodb_write"])
        yield Entry("DynamoDB reads", reads, "units", reads * self.prices["dynamodb_read"])

    def _watching(self) -> Iterator[Entry]:
        rules = self.demand.rules
        invocations = sum(self.invocations(function) for function in self.pipeline.functions)
        lines = self.demand.line(_log_lines).at(HOUR)
        own = self.demand.line(_log_bytes).at(HOUR) + lines * rules["log_event_bytes"]
        gigabytes = (own + invocations * rules["platform_log_bytes"]) / GIGABYTE
        yield Entry("CloudWatch logs", gigabytes, "GB", gigabytes * self.prices["logs_gb"])
        yield Entry("X-Ray, at most", invocations, "traces", invocations * self.prices["trace"])

    def _transfer(self) -> Entry:
        gigabytes = self._output_bytes / GIGABYTE
        return Entry("Results fetched once over the internet", gigabytes, "GB", gigabytes * self.prices["transfer_gb"])

    @property
    def _output_bytes(self) -> float:
        return self.demand.line(lambda run: run.output_bytes).at(HOUR)

    def _requests(self, function: Function, service: str) -> Iterator[tuple[str, float]]:
        name = function.component
        asked = {request for run in self.demand.runs for request in run.work[name].requests}
        for request in sorted(asked):
            if request.split()[0] != service:
                continue
            line = self.demand.line(lambda run, request=request: run.work[name].requests.get(request, 0))  # type: ignore[misc]
            divided = (self._ranges - 1) * line.fixed if name == "video_split" else 0.0
            yield request.split()[1], line.at(HOUR) + divided


def bill_of(demand: Demand, architecture: str, *, pipeline: Pipeline | None = None) -> Bill:
    settings = Settings(frames_per_second=demand.frames_per_second)
    return Bill(
        demand=demand,
        architecture=architecture,
        pipeline=pipeline or describe(settings),
        range_seconds=settings.range_seconds,
        prices=load_prices(),
    )


def monthly(prices: dict[str, float], rules: dict[str, float], *, alarms: int) -> list[Entry]:
    """What a deployment costs that has nothing to do."""
    polls = len(describe(Settings()).queues) * rules["first_pollers"] * SECONDS_A_MONTH / rules["poll_seconds"]
    return [
        Entry("SQS, empty polls", polls, "requests", polls * prices["sqs_request"]),
        Entry("Alarms", alarms, "alarms", alarms * prices["alarm_month"]),
        Entry("Dashboard", 1, "dashboard", prices["dashboard_month"]),
        Entry("Key of the alarms' topic", 1, "key", prices["key_month"]),
    ]


def _log_bytes(run: Run) -> float:
    return sum(work.log_bytes for work in run.work.values())


def _log_lines(run: Run) -> float:
    return sum(work.log_lines for work in run.work.values())
