"""What became of each request, and what that comes to."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

QUANTILES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
SLICES = 60  # of the run, for throughput over time


@dataclass(frozen=True, kw_only=True)
class Outcome:
    name: str  # of the file that was sent
    start: float  # seconds from the start of the run
    seconds: float  # until the answer was there, retries included
    answer: str | None = None  # names, sorted, with + between them
    expected: str | None = None
    error: str | None = None  # its kind; None for an answer
    retries: int = 0

    @property
    def end(self) -> float:
        return self.start + self.seconds


@dataclass(frozen=True, kw_only=True)
class Sample:
    """The state of the system at one time."""

    seconds: float
    backlog: float  # waiting
    in_hand: float  # requests that wait for their answer, or messages that workers have taken


@dataclass(frozen=True, kw_only=True)
class Summary:
    requests: int
    answered: int
    errors: dict[str, int]
    retries: int
    seconds: float
    per_minute: float  # answers
    latency: dict[str, float]  # seconds
    judged: int  # answers with a known truth
    correct: int
    wrong: list[str] = field(default_factory=list)  # the first few

    @property
    def accuracy(self) -> float | None:
        return self.correct / self.judged if self.judged else None

    def as_json(self) -> dict[str, Any]:
        return asdict(self) | {"accuracy": self.accuracy}


def summarize(outcomes: Sequence[Outcome], *, shown_wrong: int = 20) -> Summary:
    answered = [outcome for outcome in outcomes if outcome.error is None]
    judged = [outcome for outcome in answered if outcome.expected is not None]
    wrong = [outcome for outcome in judged if outcome.answer != outcome.expected]
    first = min((outcome.start for outcome in outcomes), default=0.0)
    seconds = max((outcome.end for outcome in outcomes), default=0.0) - first
    return Summary(
        requests=len(outcomes),
        answered=len(answered),
        errors=dict(Counter(outcome.error for outcome in outcomes if outcome.error is not None).most_common()),
        retries=sum(outcome.retries for outcome in outcomes),
        seconds=seconds,
        per_minute=60 * len(answered) / seconds if seconds else 0.0,
        latency=latencies([outcome.seconds for outcome in answered]),
        judged=len(judged),
        correct=len(judged) - len(wrong),
        wrong=[f"{outcome.name}: {outcome.answer}, not {outcome.expected}" for outcome in wrong[:shown_wrong]],
    )


def latencies(seconds: Sequence[float]) -> dict[str, float]:
    ordered = sorted(seconds)
    if not ordered:
        return {}
    return {name: quantile(ordered, share) for name, share in QUANTILES.items()} | {"max": ordered[-1]}


def quantile(ordered: Sequence[float], share: float) -> float:
    """The smallest value that at least this share of all values does not exceed."""
    return ordered[max(0, -int(-share * len(ordered) // 1) - 1)]


def throughput(outcomes: Sequence[Outcome]) -> list[tuple[float, float]]:
    """(seconds, answers per second) over the run."""
    ends = [outcome.end for outcome in outcomes if outcome.error is None]
    if not ends:
        return []
    width = max(max(ends) / SLICES, 1e-3)
    counts = Counter(min(int(end / width), SLICES - 1) for end in ends)
    return [((slot + 0.5) * width, counts[slot] / width) for slot in range(SLICES)]
