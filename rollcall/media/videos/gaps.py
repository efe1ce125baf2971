"""Gaps in a video's times: a pause, or a wrong time stamp. The frames after a gap tell which.

If times go back to where the gap began, the times beyond the gap were wrong. Until that is known, pictures are held
back.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction

from rollcall.contracts.errors import TooSlow

GAP = Fraction(1)  # seconds: a longer step between two frames is looked at
BACK = Fraction(1, 2)  # seconds: a longer step back is no mere disorder
PATIENCE = Fraction(2)  # seconds of video after a gap, without a step back, that make it a pause
MOST_HELD = 32  # pictures
ALONE = 2  # pictures: the one before a gap, and one after it


@dataclass(frozen=True, kw_only=True)
class Turn:
    """A picture, and the samples that show it: from number `start` to before `end`."""

    jpeg: bytes
    start: int
    end: int
    step: int = 0  # how its last frame's follower comes: 1 after a gap, -1 back in time


def placed(turns: Iterator[Turn], *, first: int, rate: Fraction, heard: float) -> Iterator[Turn]:
    """The turns in order, none empty and none twice.

    `heard`: samples that have sound, 0 if unknown. A single last picture has a wrong time if it comes long after all
    sound has ended and the pictures before it moved.
    """
    at, held = first, list[Turn]()
    try:
        for turn in turns:
            held.append(turn)
            if len(held) > 1 and turn.step < 0:
                held = _squeezed(held, turn.end)
            elif held[0].step > 0 and len(held) <= MOST_HELD and _since_gap(held) <= PATIENCE * rate:
                continue
            for one in _in_order(held, at):
                yield one
                at = one.end
            held = []
    except TooSlow:
        yield from _in_order(held, at)
        raise
    if len(held) == ALONE and first < at < heard < held[0].end - rate:
        held = _squeezed(held, held[0].start + len(held))
    yield from _in_order(held, at)


def _in_order(turns: list[Turn], at: int) -> Iterator[Turn]:
    for turn in turns:
        if turn.end > at:
            yield replace(turn, start=max(at, turn.start))
            at = turn.end


def _since_gap(held: list[Turn]) -> int:
    """Samples since the latest gap."""
    latest = max(number for number, turn in enumerate(held) if turn.step > 0)
    return sum(turn.end - turn.start for turn in held[latest + 1 :])


def _squeezed(held: list[Turn], end: int) -> list[Turn]:
    """The turns, one after the other from where the gap began, up to `end`."""
    found, at = [], held[0].start
    for turn in held:
        lasts = 1 if turn.step else turn.end - turn.start
        found.append(replace(turn, start=at, end=min(at + lasts, end)))
        at = found[-1].end
    return [*found[:-1], replace(found[-1], end=end)]
