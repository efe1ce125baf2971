"""A batch of messages: whose attempts count when the worker is killed, and in which order they are worked on."""

from collections.abc import Callable
from typing import Any

import pytest

from rollcall.runtime.batch import handle_batch
from rollcall.runtime.together import Shared, Steps, one_by_one

JOBS: Shared[str, str] = Shared(lambda bodies: bodies)  # what all of a batch ask for together


class Killed(BaseException):
    """What ends a worker in the middle of its work."""


class Attempts:
    """Counts the attempts that have begun, as the table does."""

    def __init__(self) -> None:
        self.begun: list[str] = []

    def begin(self, record: Any) -> bool:
        self.begun.append(record.body)
        return True


def event(*messages: tuple[str, int]) -> dict[str, Any]:
    """Each message is its body, and how often it was delivered."""
    return {
        "Records": [
            {"messageId": body, "body": body, "attributes": {"ApproximateReceiveCount": str(delivered)}}
            for body, delivered in messages
        ]
    }


def handle(messages: dict[str, Any], attempts: Any, work: Callable[[str], Steps[None]]) -> Any:
    return handle_batch(messages, work=work, give_up=work, deliveries=lambda: attempts)


def test_a_message_that_kills_its_worker_takes_no_attempt_from_those_after_it() -> None:
    attempts = Attempts()

    def work(body: str) -> Steps[None]:
        yield from JOBS(body)
        if body == "deadly":
            raise Killed

    with pytest.raises(Killed):
        handle(event(("deadly", 2), ("good", 2), ("fine", 3)), attempts, work)

    assert attempts.begun == ["deadly"]


def test_messages_that_come_for_the_first_time_go_before_the_others() -> None:
    order: list[str] = []

    answer = handle(event(("again", 2), ("new", 1), ("newer", 1)), Attempts(), one_by_one(order.append))

    assert answer == {"batchItemFailures": []}
    assert order == ["new", "newer", "again"]
