"""A job's state as the stages read it, whichever code wrote it."""

from decimal import Decimal
from typing import Any

import pytest

from rollcall.contracts.jobs import Job, RangeSummary, parse_job
from rollcall.contracts.packs import MAX_SAMPLES

# as the first release of the pipeline left it in the table, in mid-work: three packs counted, two done
OLD_ITEM: dict[str, Any] = {
    "job": "5f0c2d2fbf3d4b0e8a7a1c9e6d5b4a39",
    "upload": {"bucket": "in", "key": "a.mp4", "version": "v1"},
    "created": Decimal("1763000000.25"),
    "expires": Decimal("1765592000"),
    "schema_version": Decimal("1"),
    "packed": Decimal("3"),
    "media": {
        "duration": Decimal("25.04"),
        "frames": Decimal("51"),
        "gops": Decimal("3"),
        "step": Decimal("0.5"),
        "width": Decimal("1920"),
        "height": Decimal("1080"),
        "seconds_spent": Decimal("4.2"),
    },
    "done": {Decimal("0"), Decimal("2")},
}


def reached(following: int, *, duration: float | None = None) -> RangeSummary:
    return RangeSummary(next=following, gops=3, duration=duration, step=0.5, width=640, height=360, seconds_spent=1.5)


def job(ranges: dict[int, RangeSummary]) -> Job:
    return parse_job(OLD_ITEM).model_copy(update={"ranges": ranges, "media": None})


def test_an_item_of_the_first_schema_still_finishes() -> None:
    old = parse_job(OLD_ITEM)
    finished = parse_job(OLD_ITEM | {"done": {Decimal(index) for index in range(3)}})

    assert (old.schema_version, old.packed, old.complete) == (1, 3, False)
    assert finished.complete and finished.awaits_publication


def test_progress_is_summed_over_the_ranges() -> None:
    assert parse_job(OLD_ITEM | {"packed": 0, "packs": {"0": Decimal(4), "1200": Decimal(7)}}).packed == 11


@pytest.mark.parametrize(
    "ranges",
    [
        {},
        {0: reached(60)},
        {60: reached(100, duration=50.0)},
        {0: reached(60), 80: reached(100, duration=50.0)},  # the rest that was handed back is still on its way
    ],
)
def test_a_missing_range_is_awaited(ranges: dict[int, RangeSummary]) -> None:
    assert job(ranges).chain is None


@pytest.mark.parametrize(
    ("ranges", "packs"),
    [
        ({0: reached(100, duration=50.0)}, 3),
        ({60: reached(100, duration=50.0), 0: reached(60)}, 6),
        ({0: reached(40), 40: reached(60), 60: reached(100, duration=50.0)}, 9),
        ({0: reached(100, duration=50.0), 120: reached(120, duration=60.0)}, 3),  # shorter than it claimed to be
        ({0: reached(60), 40: reached(60), 60: reached(100, duration=50.0)}, 6),  # a duplicate did not hand back
    ],
)
def test_the_ranges_lead_to_the_end(ranges: dict[int, RangeSummary], packs: int) -> None:
    chain = job(ranges).chain
    assert chain is not None
    assert (chain[-1].duration, sum(range_.gops for range_ in chain)) == (50.0, packs)


def test_each_track_leads_to_the_next() -> None:
    front, rear = reached(60, duration=30.0), reached(MAX_SAMPLES + 50, duration=25.0)
    ranges = {0: reached(20), 20: front.model_copy(update={"then": MAX_SAMPLES}), MAX_SAMPLES: rear}
    assert job({0: ranges[0], 20: ranges[20]}).chain is None
    assert job(ranges).chain == [ranges[0], ranges[20], rear]
