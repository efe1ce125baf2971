from fractions import Fraction

import pytest

from rollcall.media.videos.probed_numbers import end_of, fraction, ratio, seconds, whole

ABSURD: list[object] = [
    *("9" * 400, "-" + "9" * 400, "nan", "NaN", "inf", "-Infinity", "1e308", "N/A", "", "²", "0x10", None, [], {})
]


@pytest.mark.parametrize("claim", ABSURD)
def test_what_is_no_number_is_ignored(claim: object) -> None:
    numbers = [seconds(claim), whole(claim), ratio(claim), float(fraction(f"{claim}/{claim}"))]
    assert numbers == [0.0] * 4


@pytest.mark.parametrize("claim", [f"{'9' * 400}:00:00.0", "99:99", "-1:00:00.0", "00:00:" + "9" * 400, "nan:00:00"])
def test_an_absurd_tag_is_ignored(claim: str) -> None:
    assert end_of({"tags": {"DURATION": claim}}, {"duration": "2.5"}, absolute=True) == 2.5


@pytest.mark.parametrize(
    ("stream", "container", "absolute", "expected"),
    [
        ({"duration": "8.0", "start_time": "5.0"}, {"start_time": "0.0", "duration": "13.0"}, False, 13.0),
        ({"duration": "8.0", "start_time": "1.5"}, {"start_time": "1.4", "duration": "9.0"}, False, 8.1),
        ({"duration": "8.0"}, {}, False, 8.0),
        ({"duration": "-8.0"}, {"duration": "7.0"}, False, 7.0),
        ({"tags": {"DURATION": "07:00:08.500000000"}}, {"start_time": "25200.0"}, True, 8.5),
        ({}, {"start_time": "25200.0", "duration": "25208.0"}, True, 8.0),
        ({}, {"start_time": "25200.0", "duration": "8.0"}, True, 8.0),
        ({}, {"start_time": "-0.02", "duration": "8.0"}, True, 8.0),
        ({}, {"start_time": "3.0", "duration": "8.0"}, False, 8.0),
        ({}, {"duration": "-1"}, False, 0.0),
    ],
)
def test_ends_count_from_the_start_of_the_file(
    stream: dict[str, object], container: dict[str, object], absolute: bool, expected: float
) -> None:
    assert end_of(stream, container, absolute=absolute) == pytest.approx(expected)


def test_ratios() -> None:
    assert ratio("30000/1001") == pytest.approx(29.97, abs=0.01)
    assert fraction("1/90000") == Fraction(1, 90_000)
    assert ratio("0/0") == ratio("4/0") == ratio("-4/3") == 0.0
    assert ratio("4:3", ":") == pytest.approx(4 / 3)
