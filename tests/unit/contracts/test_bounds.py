import pytest

from rollcall.contracts.bounds import beside, megapixels


@pytest.mark.parametrize(
    ("value", "limit", "shown"),
    [
        (54.0, 52, "54"),
        (52.4, 52, "52.4"),
        (52.000001, 52, "52.000001"),
        (51.8, 52, "51.8"),
        (23.6, 24, "23.6"),
        (12.3, 24, "12"),
        (52, 52, "52"),
        (0.9999999999999, 1, "0.9999999999999"),
        (1e300, 52, f"{1e300:.0f}"),
        (float("inf"), 52, "inf"),
    ],
)
def test_a_number_is_shown_on_the_side_of_the_limit_where_it_lies(value: float, limit: float, shown: str) -> None:
    assert beside(value, limit) == shown


def test_a_megapixel_is_a_million_pixels() -> None:
    assert megapixels(9000, 6000, 52_000_000) == "9000×6000, 54 megapixels; the limit is 52"
    assert megapixels(52_000_001, 1, 52_000_000) == "52000001×1, 52.000001 megapixels; the limit is 52"
    assert megapixels(5, 5, 24) == "5×5, 0.00003 megapixels; the limit is 0.000024"
