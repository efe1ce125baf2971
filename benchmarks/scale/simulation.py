"""The deployed pipeline as a discrete-event simulation: queues, batches, pollers, environments and the account.

Time is in seconds. Failures and retries are left out, and S3 notifications that come late or twice. So are
messages in flight beyond SQS's limits, environments that Lambda takes back, and pollers that scale down again.
"""

import random
from collections import deque
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field

import simpy

from benchmarks.demand import Demand
from rollcall.pipeline.description import Function, Pipeline

TICK = 0.2  # seconds between looks at what the pollers may do by now


@dataclass(frozen=True, kw_only=True)
class Scenario:
    videos: int  # uploaded at once
    seconds: float  # of each
    range_seconds: float  # longer videos are divided into ranges of this length
    max_concurrency: int


@dataclass(kw_only=True)
class StageRecord:
    """What happened at one function."""

    ceiling: int
    busy: list[tuple[float, int]] = field(default_factory=lambda: [(0.0, 0)])
    waits: list[float] = field(default_factory=list)  # of each message, in its queue
    invocations: int = 0
    cold_starts: int = 0
    billed_seconds: float = 0.0
    longest: float = 0.0
    held_back: dict[str, float] = field(default_factory=lambda: {"pollers": 0.0, "ceiling": 0.0, "account": 0.0})

    @property
    def peak(self) -> int:
        return max(busy for _, busy in self.busy)


@dataclass(kw_only=True)
class Outcome:
    scenario: Scenario
    latencies: list[float]  # of each video, upload to result
    stages: Mapping[str, StageRecord]
    hottest_item_writes: int  # updates of one job's item in its busiest second
    gops: int  # of one video


def simulate(pipeline: Pipeline, demand: Demand, scenario: Scenario, *, seed: int = 1) -> Outcome:
    return _Simulation(pipeline, demand, scenario, seed).run()


@dataclass(kw_only=True)
class _Job:
    """One video; `missing` counts ranges and GoPs that are not done."""

    missing: int
    writes: dict[int, int] = field(default_factory=dict)  # of its item, by second
    done: float | None = None

    def write(self, time: float) -> None:
        self.writes[int(time)] = self.writes.get(int(time), 0) + 1


@dataclass(frozen=True)
class _Message:
    job: _Job
    seconds: float = 0.0  # of video, for a split
    gops: int = 0
    probe: bool = False  # only divides the video


class _Account:
    """The concurrency that all functions share; whoever waits is told when some of it is free."""

    def __init__(self, limit: int) -> None:
        self.free = limit
        self.stages: list[_Stage] = []

    def release(self) -> None:
        self.free += 1
        for stage in self.stages:
            stage.dispatch()


class _Stage:
    """A queue, its event source mapping, and the function behind it."""

    def __init__(
        self,
        env: simpy.Environment,
        function: Function,
        *,
        demand: Demand,
        account: _Account,
        randomness: random.Random,
        service: Callable[[_Message], float],
        during: Callable[[_Message, float], None],
        after: Callable[[_Message], None],
    ) -> None:
        rules = demand.rules
        self._env = env
        self._function = function
        self._rules = rules
        self._account = account
        self._random = randomness
        self._service, self._during, self._after = service, during, after
        self._init = demand.init_seconds(function)
        self._queue: deque[tuple[float, _Message]] = deque()
        self._busy = self._warm = 0
        self._active_since: float | None = None  # when the queue first had more than the pollers could take
        self._ticking = False
        self._created = 0.0  # environments of the last ten seconds, as a bucket that leaks
        self._created_at = 0.0
        self.record = StageRecord(ceiling=function.max_concurrency)
        account.stages.append(self)

    def put(self, message: _Message) -> None:
        self._queue.append((self._env.now, message))
        if self._active_since is None:
            self._active_since = self._env.now
        self.dispatch()

    def dispatch(self) -> None:
        while self._queue:
            reason = self._held_back_by()
            if reason is not None:
                if not self._ticking:
                    self._ticking = True
                    self._env.process(self._tick())
                return
            self._invoke()

    def _held_back_by(self) -> str | None:
        if self._busy >= self._function.max_concurrency:
            return "ceiling"
        if self._busy >= self._pollers():
            return "pollers"
        if self._account.free == 0:
            return "account"
        return None if self._warm or self._may_create() else "pollers"

    def _pollers(self) -> float:
        rules, since = self._rules, self._active_since or 0.0
        grown = rules["pollers_per_minute"] / 60 * (self._env.now - since)
        return min(rules["most_pollers"], rules["first_pollers"] + grown)

    def _may_create(self) -> bool:
        limit = self._rules["environments_per_10_seconds"]
        leaked = (self._env.now - self._created_at) * limit / 10
        self._created, self._created_at = max(0.0, self._created - leaked), self._env.now
        return self._created < limit

    def _tick(self) -> Generator[simpy.Event, None, None]:
        while self._queue:
            yield self._env.timeout(TICK)
            reason = self._held_back_by()
            if reason is not None and self._queue:
                self.record.held_back[reason] += TICK
            self.dispatch()
        self._ticking = False

    def _invoke(self) -> None:
        count = min(self._function.batch_size, len(self._queue))
        batch = [self._queue.popleft() for _ in range(count)]
        self.record.waits.extend(self._env.now - since for since, _ in batch)
        self._account.free -= 1
        self._count(+1)
        self._env.process(self._run([message for _, message in batch]))

    def _run(self, batch: list[_Message]) -> Generator[simpy.Event, None, None]:
        record, billed = self.record, 0.0
        if self._warm:
            self._warm -= 1
        else:
            record.cold_starts += 1
            self._created += 1
            billed += self._init
            yield self._env.timeout(self._rules["placement_seconds"] + self._init)
        for message in batch:
            seconds = self._service(message) * self._random.lognormvariate(0.0, self._rules["spread"])
            billed += seconds
            self._during(message, seconds)
            yield self._env.timeout(seconds)
            self._after(message)
        record.invocations += 1
        record.billed_seconds += billed
        record.longest = max(record.longest, billed)
        self._warm += 1
        self._count(-1)
        self._account.release()

    def _count(self, change: int) -> None:
        self._busy += change
        now, busy = self._env.now, self.record.busy
        if busy[-1][0] == now:
            busy[-1] = (now, self._busy)
        else:
            busy.append((now, self._busy))


class _Simulation:
    def __init__(self, pipeline: Pipeline, demand: Demand, scenario: Scenario, seed: int) -> None:
        self._env = simpy.Environment()
        self._demand, self._scenario = demand, scenario
        self._functions = {function.component: function for function in pipeline.functions}
        self._notification = demand.rules["notification_seconds"]
        self._jobs: list[_Job] = []
        randomness = random.Random(seed)
        account = _Account(int(demand.rules["account_concurrency"]))
        recognize = demand.recognize_seconds(self._functions["face_recognition"])
        lookup = demand.lookup_seconds(self._functions["lookup"], scenario.seconds)

        def stage(
            name: str,
            service: Callable[[_Message], float],
            during: Callable[[_Message, float], None],
            after: Callable[[_Message], None],
        ) -> _Stage:
            return _Stage(
                self._env,
                self._functions[name],
                demand=demand,
                account=account,
                randomness=randomness,
                service=service,
                during=during,
                after=after,
            )

        # downstream first: what is nearly done gets the account's free concurrency before new work does
        self._lookup = stage("lookup", lambda _: lookup, _nothing, self._looked_up)
        self._recognize = stage("face_recognition", lambda _: recognize, _nothing, self._part_done)
        self._split = stage("video_split", self._split_seconds, self._packs, self._split_done)

    def run(self) -> Outcome:
        scenario = self._scenario
        gops = self._demand.gops(scenario.seconds)
        for _ in range(scenario.videos):
            self._upload(gops)
        self._env.run()
        stages = {"video_split": self._split, "face_recognition": self._recognize, "lookup": self._lookup}
        return Outcome(
            scenario=scenario,
            latencies=sorted(job.done for job in self._jobs if job.done is not None),
            stages={name: stage.record for name, stage in stages.items()},
            hottest_item_writes=max(max(job.writes.values()) for job in self._jobs),
            gops=gops,
        )

    def _upload(self, gops: int) -> None:
        ranges = self._ranges()
        job = _Job(missing=len(ranges) + sum(count for _, count in ranges))
        self._jobs.append(job)
        if len(ranges) == 1:
            first = _Message(job, seconds=ranges[0][0], gops=ranges[0][1])
        else:
            first = _Message(job, probe=True)
        self._later(self._notification, lambda: self._split.put(first))

    def _ranges(self) -> list[tuple[float, int]]:
        """Seconds and GoPs of each."""
        seconds, each = self._scenario.seconds, self._scenario.range_seconds
        count = max(1, -int(-seconds // each))
        return [(seconds / count, self._demand.gops(seconds / count))] * count

    def _split_seconds(self, message: _Message) -> float:
        return self._demand.split_seconds(self._functions["video_split"], message.seconds)

    def _packs(self, message: _Message, seconds: float) -> None:
        """Packs come evenly over the time that their range takes."""
        for number in range(1, message.gops + 1):
            delay = seconds * number / message.gops
            message.job.write(self._env.now + delay)  # how many packs there are so far
            self._later(delay + self._notification, lambda: self._recognize.put(_Message(message.job)))

    def _split_done(self, message: _Message) -> None:
        if message.probe:
            for seconds, gops in self._ranges():
                self._split.put(_Message(message.job, seconds=seconds, gops=gops))
        else:
            self._part_done(message)

    def _part_done(self, message: _Message) -> None:
        job = message.job
        job.write(self._env.now)
        job.missing -= 1
        if job.missing == 0:
            self._lookup.put(message)

    def _looked_up(self, message: _Message) -> None:
        message.job.done = self._env.now

    def _later(self, delay: float, action: Callable[[], None]) -> None:
        event = self._env.timeout(delay)
        assert event.callbacks is not None
        event.callbacks.append(lambda _: action())


def _nothing(message: _Message, seconds: float) -> None:
    pass
