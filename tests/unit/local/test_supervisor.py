"""Parts that end: started again, later and later, and at last given up; and what is told of it."""

import pytest

from rollcall.cli.commands.up import SAME_SECONDS, DeadWorkers
from rollcall.local.supervisor import MOST_QUICK_ENDS, QUICK_SECONDS, NotRestarted, Part, Supervisor


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Machine:
    """A part that can be killed, and that may fail to start."""

    def __init__(self, name: str) -> None:
        self.runs = True
        self.serves = True
        self.starts = 0
        self.broken = False
        self.abandoned = False
        self.part = Part(
            name=name,
            ended=lambda: None if self.runs else "signal: SIGKILL",
            restart=self.restart,
            serving=lambda: self.serves,
            abandon=self.abandon,
        )

    def restart(self) -> str:
        self.starts += 1
        if self.broken:
            raise NotRestarted("no room")
        self.runs = True
        return "what was in it is gone"

    def abandon(self) -> None:
        self.abandoned = True


class Watched:
    def __init__(self) -> None:
        self.clock = Clock()
        self.machine, self.other = Machine("the machine"), Machine("the other")
        self.told: list[str] = []
        parts = [self.machine.part, self.other.part]
        self.supervisor = Supervisor(parts, tell=self.told.append, clock=self.clock)

    def wait(self, seconds: float) -> None:
        for _ in range(round(4 * seconds)):
            self.clock.now += 0.25
            self.supervisor.check()


@pytest.fixture
def watched() -> Watched:
    return Watched()


def test_a_part_that_ends_is_started_again_at_once_and_both_are_told(watched: Watched) -> None:
    watched.wait(2 * QUICK_SECONDS)

    watched.machine.runs = False
    watched.wait(0.25)

    assert (watched.machine.starts, watched.other.starts) == (1, 0)
    assert watched.told == ["the machine ended (signal: SIGKILL); it is started again", "what was in it is gone"]


def test_a_part_that_is_killed_every_few_seconds_while_it_works_is_never_given_up(watched: Watched) -> None:
    for _ in range(3 * MOST_QUICK_ENDS):
        watched.wait(QUICK_SECONDS + 1)
        watched.machine.runs = False
    watched.wait(1)

    assert watched.machine.starts == 3 * MOST_QUICK_ENDS


@pytest.mark.parametrize("fault", ["never serves", "cannot be started"])
def test_a_part_that_ends_at_once_each_time_is_given_up_and_the_other_is_not(watched: Watched, fault: str) -> None:
    watched.machine.serves = False
    watched.machine.broken = fault == "cannot be started"
    for _ in range(400):
        watched.machine.runs = False
        watched.wait(0.25)

    assert watched.machine.starts == MOST_QUICK_ENDS - 1
    assert watched.machine.abandoned
    assert "it is not started again" in watched.told[-1]
    assert any("started again in 8 s" in line for line in watched.told)
    watched.other.runs = False
    watched.wait(0.25)
    assert watched.other.starts == 1


def test_workers_that_end_at_the_same_time_are_one_line() -> None:
    told: list[str] = []
    clock = Clock()
    workers = DeadWorkers(told.append, clock=clock)

    for _ in range(3):
        workers.tell("lookup", "signal: SIGKILL")
    workers.tell("split", "exit status 1")
    clock.now = SAME_SECONDS
    workers.tell("lookup", "signal: SIGKILL")

    assert [line.partition(";")[0] for line in told] == [
        "a worker of lookup ended (signal: SIGKILL)",
        "a worker of split ended (exit status 1)",
        "3 workers of lookup ended (signal: SIGKILL)",
    ]
