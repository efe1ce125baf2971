"""Work side by side: what several ask for at one time is asked for once, and each has its own outcome."""

from collections.abc import Sequence

import pytest

from rollcall.runtime.together import Shared, Steps, alone, one_by_one, side_by_side


class Asked:
    """Answers numbers with their doubles; 13 is refused, and 99 breaks the whole request."""

    def __init__(self) -> None:
        self.requests: list[list[int]] = []
        self.double = Shared(self._double)

    def _double(self, numbers: Sequence[int]) -> list[int | Exception]:
        self.requests.append([*numbers])
        if 99 in numbers:
            raise OSError("the server is away")
        return [ValueError("unlucky") if number == 13 else 2 * number for number in numbers]


def test_what_is_asked_for_at_one_time_is_asked_for_once() -> None:
    asked, results = Asked(), []

    def work(number: int) -> Steps[None]:
        twice = yield from asked.double(number)
        results.append((yield from asked.double(twice)))

    assert side_by_side([work(1), work(2), work(3)]) == [None, None, None]

    assert asked.requests == [[1, 2, 3], [2, 4, 6]]
    assert results == [4, 8, 12]


def test_an_error_is_that_of_the_one_that_asked() -> None:
    asked, results, cleaned = Asked(), [], []

    def work(number: int) -> Steps[None]:
        try:
            results.append((yield from asked.double(number)))
        finally:
            cleaned.append(number)

    first, second, third = side_by_side([work(1), work(13), work(3)])

    assert (first, third, results) == (None, None, [2, 6])
    assert isinstance(second, ValueError)
    assert cleaned == [1, 13, 3]


def test_a_request_that_breaks_is_everybodys_error() -> None:
    asked = Asked()

    def work(number: int) -> Steps[None]:
        yield from asked.double(number)

    assert [type(error) for error in side_by_side([work(1), work(99)])] == [OSError, OSError]


def test_whoever_ends_early_or_asks_for_something_else_keeps_nobody_waiting() -> None:
    asked, other, results = Asked(), Asked(), []

    def work(number: int) -> Steps[None]:
        if number == 0:
            return
        doubler = other if number == 1 else asked
        results.append((yield from doubler.double(number)))

    assert side_by_side([work(0), work(1), work(2), work(3)]) == [None] * 4

    assert (other.requests, asked.requests, sorted(results)) == ([[1]], [[2, 3]], [2, 4, 6])


def test_one_alone_raises_its_error() -> None:
    asked = Asked()

    def work() -> Steps[None]:
        yield from asked.double(13)

    with pytest.raises(ValueError, match="unlucky"):
        alone(work())
    with pytest.raises(KeyError):
        alone(one_by_one(_refuse)("missing"))


def _refuse(what: str) -> None:
    raise KeyError(what)


def test_it_is_told_who_goes_on() -> None:
    asked = Asked()
    told: list[int | None] = []

    def work(number: int) -> Steps[None]:
        for _ in range(number):
            yield from asked.double(number)

    side_by_side([work(1), work(2)], switch=told.append)

    # both, what both asked, both again, what the second alone asked, and its end
    assert told == [0, 1, None, 0, 1, 1, 1]
