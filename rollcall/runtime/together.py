"""Runs pieces of work side by side. If several ask for the same kind of thing, one request serves them all.

A piece of work is a generator. It yields a `Wish`, and goes on with the answer or the error that `side_by_side` sends.
This saves requests to DynamoDB and SQS, and lets the networks see several photos at once.
"""

from collections.abc import Callable, Generator, Hashable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, TypeVar

Asked = TypeVar("Asked")
Answer = TypeVar("Answer")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Wish:
    """What a piece of work asks for: `asked`, from `shared`."""

    shared: "Shared[Any, Any]"
    asked: Any


Steps = Generator[Wish, Any, Result]


class Shared(Generic[Asked, Answer]):
    """A source of answers that is asked for many at once.

    `answer` returns one answer or error for each thing asked, in order. An error that it raises goes to all of them.
    """

    def __init__(self, answer: Callable[[list[Asked]], Sequence[Answer | Exception]]) -> None:
        self._answer = answer

    def __call__(self, asked: Asked) -> Steps[Answer]:
        answer: Answer = yield Wish(self, asked)
        return answer

    def answers(self, asked: list[Asked]) -> Sequence[Answer | Exception]:
        try:
            return self._answer(asked)
        except Exception as error:  # noqa: BLE001 - whoever asked gets it
            return [error] * len(asked)


def side_by_side(
    works: Sequence[Steps[None]], *, switch: Callable[[int | None], None] = lambda _: None
) -> list[Exception | None]:
    """Works through all of them; returns the error that each ended with.

    `switch` is told which one goes on, and None before several are answered at once.
    """
    outcomes: list[Exception | None] = [None] * len(works)
    going: dict[int, Callable[[], Wish]] = {number: partial(next, work) for number, work in enumerate(works)}
    while going:
        wishes: dict[Hashable, list[tuple[int, Wish]]] = {}
        for number, go_on in going.items():
            switch(number)
            try:
                wish = go_on()
            except StopIteration:
                continue
            except Exception as error:  # noqa: BLE001 - it is this one's outcome, and not the others'
                outcomes[number] = error
            else:
                wishes.setdefault(wish.shared, []).append((number, wish))
        going = {}
        for asking in wishes.values():
            switch(asking[0][0] if len(asking) == 1 else None)
            answers = asking[0][1].shared.answers([wish.asked for _, wish in asking])
            for (number, _), answer in zip(asking, answers, strict=True):
                work = works[number]
                going[number] = partial(work.throw if isinstance(answer, Exception) else work.send, answer)
    return outcomes


def one_by_one(work: Callable[[Asked], None]) -> Callable[[Asked], Steps[None]]:
    """Makes steps of plain work that asks for nothing."""

    def steps(asked: Asked) -> Steps[None]:
        work(asked)
        yield from ()

    return steps


def alone(work: Steps[None]) -> None:
    """Works through one piece by itself; raises its error."""
    (error,) = side_by_side([work])
    if error is not None:
        raise error
