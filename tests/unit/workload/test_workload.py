"""The load generator's arithmetic and its report."""

import json
from pathlib import Path

import pytest

from workload.media import NoMedia, from_folder, generated, read_expected
from workload.outcomes import Outcome, Sample, quantile, summarize, throughput
from workload.rates import BadProfile, starts
from workload.report import Run, write_report


def outcome(number: int, **values: object) -> Outcome:
    defaults: dict[str, object] = {"name": f"{number}.jpg", "start": number / 10, "seconds": 0.5, "answer": "A"}
    return Outcome(**(defaults | values))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("profile", "expected"),
    [
        (None, [0, 0, 0, 0]),
        ("steady:2", [0, 0.5, 1, 1.5]),
        ("burst:2:10", [0, 0, 10, 10]),
        ("ramp:0-2:2", [0, 1.414, 2, 2.5]),  # the area under a rate of t is t²/2
        ("ramp:2-2:1", [0, 0.5, 1, 1.5]),
    ],
)
def test_requests_start_by_the_profile(profile: str | None, expected: list[float]) -> None:
    assert starts(profile, 4) == pytest.approx(expected, abs=1e-3)


def test_a_profile_from_a_file_may_pause(tmp_path: Path) -> None:
    path = tmp_path / "rates.csv"
    path.write_text("seconds,rate\n0,1\n2,1\n2.001,0\n10,0\n10.001,1\n")

    times = starts(f"file:{path}", 5)

    assert times[:3] == pytest.approx([0, 1, 2], abs=0.01)
    assert times[3] == pytest.approx(11, abs=0.01)


@pytest.mark.parametrize(
    "profile", ["steady", "steady:0", "steady:nan", "ramp:1:2", "burst:x:1", "file:/none", "odd:1"]
)
def test_a_profile_that_makes_no_sense_is_refused(profile: str) -> None:
    with pytest.raises((BadProfile, OSError)):
        starts(profile, 3)


def test_the_summary_counts_answers_errors_and_right_answers() -> None:
    outcomes = [outcome(0, expected="A"), outcome(1, expected="B"), outcome(2, answer=None, error="timeout", retries=3)]

    summary = summarize(outcomes)

    assert (summary.requests, summary.answered, summary.errors, summary.retries) == (3, 2, {"timeout": 1}, 3)
    assert (summary.correct, summary.judged) == (1, 2)
    assert summary.wrong == ["1.jpg: A, not B"]
    assert summary.seconds == pytest.approx(0.7)
    assert summary.per_minute == pytest.approx(2 / 0.7 * 60)


@pytest.mark.parametrize(("share", "expected"), [(0.5, 50), (0.95, 95), (0.99, 99), (1.0, 100), (0.001, 1)])
def test_a_quantile_is_a_value_that_occurred(share: float, expected: int) -> None:
    assert quantile(list(range(1, 101)), share) == expected


def test_throughput_adds_up_to_the_answers() -> None:
    outcomes = [outcome(number) for number in range(100)]
    points = throughput(outcomes)
    width = points[1][0] - points[0][0]

    assert sum(rate * width for _, rate in points) == pytest.approx(100)


def test_the_report_holds_its_plots_and_escapes_names(tmp_path: Path) -> None:
    outcomes = [outcome(0, expected="<b>"), outcome(1, error="timeout", answer=None)]
    samples = [Sample(seconds=0, backlog=1, in_hand=2), Sample(seconds=1, backlog=0, in_hand=1)]

    write_report(Run(summary=summarize(outcomes), outcomes=outcomes, samples=samples, command="x"), tmp_path)

    page = (tmp_path / "report.html").read_text()
    assert page.count("<svg") == 4
    assert "&lt;b&gt;" in page and "<b>" not in page
    assert json.loads((tmp_path / "report.json").read_text())["summary"]["errors"] == {"timeout": 1}


def test_expected_answers_come_from_a_table_or_from_folders(tmp_path: Path) -> None:
    (tmp_path / "Ada").mkdir()
    (tmp_path / "Ada" / "one.png").write_bytes(generated(1, seed=0)[0].content)
    table = tmp_path / "expected.csv"
    table.write_text("Image,Results\none,Grace\n")

    by_table = from_folder(tmp_path, videos=False, expected=read_expected(table), by_folder=False)
    by_folder = from_folder(tmp_path, videos=False, expected={}, by_folder=True)

    assert [medium.expected for medium in by_table + by_folder] == ["Grace", "Ada"]


def test_a_folder_without_media_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(NoMedia, match="no video in it"):
        from_folder(tmp_path, videos=True, expected={}, by_folder=False)
