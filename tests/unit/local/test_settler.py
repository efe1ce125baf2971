"""The queue is told of many messages at once while it is slow, and of all of them in the end."""

from collections.abc import Collection, Sequence
from threading import Event
from typing import Any

from rollcall.local.lambda_host.settler import Settler
from rollcall.runtime.worker.message_source import MessageSource


class Slow(MessageSource):
    """Takes no message until it may."""

    def __init__(self) -> None:
        self.may = Event()
        self.began = Event()
        self.told: list[tuple[list[str], set[str]]] = []

    def settle(self, messages: Sequence[Any], failed: Collection[str]) -> None:
        self.began.set()
        self.may.wait()
        self.told.append(([message["MessageId"] for message in messages], {*failed}))
        if "broken" in failed:
            raise OSError("the queue is away")


def message(name: str) -> Any:
    return {"MessageId": name}


def test_what_comes_meanwhile_is_told_at_once() -> None:
    source = Slow()
    settler = Settler(source, name="try", failed=lambda: None)

    settler.settle([message("first")], set())
    source.began.wait()
    for number in range(6):
        settler.settle([message(f"{number}-a"), message(f"{number}-b")], {f"{number}-b"})
    source.may.set()
    settler.close()

    assert [len(names) for names, _ in source.told] == [1, 10, 2]
    assert {name for _, failed in source.told for name in failed} == {f"{number}-b" for number in range(6)}


def test_it_goes_on_after_a_queue_that_could_not_be_told() -> None:
    source, failures = Slow(), []
    source.may.set()
    settler = Settler(source, name="try", failed=lambda: failures.append("told"))

    settler.settle([message("broken")], {"broken"})
    while not failures:
        source.began.wait()
    settler.settle([message("good")], set())
    settler.close()

    assert failures == ["told"]
    assert source.told[-1] == (["good"], set())
