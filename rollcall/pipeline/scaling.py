"""How many workers a queue should have: one rule, for the processes of this machine and the tasks on ECS.

There is a worker for each share of what waits, and one for each batch in hand. Their number grows with the load at
once. It shrinks to the most that was needed over the last `scale_in_after` seconds, so that a short lull ends no worker
that is needed again. Both follow from the peaks of that window, which is also all that CloudWatch has to know.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass

MAX_STEPS = 20  # of a step scaling policy (Application Auto Scaling's quota)


@dataclass(frozen=True, kw_only=True)
class Policy:
    ceiling: int
    backlog_per_worker: int  # messages that may wait for each worker
    batch_size: int  # messages that a worker has in hand
    scale_in_after: float  # seconds

    def __post_init__(self) -> None:
        if min(self.ceiling, self.backlog_per_worker, self.batch_size) < 1 or self.scale_in_after < 0:
            raise ValueError(f"{self}: ceiling and sizes have to be at least 1, and a time cannot be negative")


@dataclass(frozen=True, kw_only=True)
class Load:
    at: float  # seconds, of any clock
    waiting: int  # messages that nobody has received
    in_hand: int  # messages being worked on


def needed_workers(policy: Policy, *, waiting: int, in_hand: int) -> int:
    """The workers that a load needs, without regard to the ceiling."""
    return math.ceil(waiting / policy.backlog_per_worker) + math.ceil(in_hand / policy.batch_size)


def desired_workers(policy: Policy, loads: Iterable[Load], *, now: float) -> int:
    """`loads`: what was seen lately, in any order; what is older than the policy's window no longer counts."""
    recent = [load for load in loads if load.at > now - policy.scale_in_after or load.at >= now]
    needed = max((needed_workers(policy, waiting=load.waiting, in_hand=load.in_hand) for load in recent), default=0)
    return min(policy.ceiling, needed)


@dataclass(frozen=True, kw_only=True)
class Step:
    above: int  # of needed workers; the step holds up to the next one's
    workers: int


def steps(policy: Policy) -> tuple[Step, ...]:
    """`desired_workers` for one needed worker and more, as a table; where it has to be coarse, it rounds up."""
    width = math.ceil(policy.ceiling / MAX_STEPS)
    return tuple(
        Step(above=above, workers=min(policy.ceiling, above + width)) for above in range(0, policy.ceiling, width)
    )
