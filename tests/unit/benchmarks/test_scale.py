"""The simulation against cases whose answer is known, and docs/scale.md against the simulation."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("simpy", reason="the simulation needs the bench extra: pip install -e '.[bench]'")

from benchmarks.demand import Demand, demand_of, load_rules
from benchmarks.measured import Run, Work, load
from benchmarks.scale.report import row
from benchmarks.scale.scenarios import CLIP, SMALL, bottleneck, run, scenarios
from benchmarks.scale.simulation import Outcome, Scenario, simulate
from rollcall.pipeline.description import Pipeline, describe
from rollcall.pipeline.settings import Settings

PAGE = Path(__file__).parents[3] / "docs" / "scale.md"
EXACT = {"spread": 0.0, "placement_seconds": 0.0, "notification_seconds": 0.0}
INSTANT = {"s3_seconds": 0.0, "dynamodb_seconds": 0.0, "sqs_seconds": 0.0}
SPLIT_CPU, PACK_CPU, LOOKUP_CPU = 1.0, 2.0, 3.0  # seconds: for each second of video, for each pack, for each video


def demand(**rules: float) -> Demand:
    """A pack every ten seconds, no time but the processor's, on functions with one vCPU."""
    return Demand(
        clip="made",
        frames_per_second=1.0,
        runs=[_run(10), _run(100)],
        cold_start_cpu_seconds={"video_split": 0.0, "face_recognition": 0.0, "lookup": 0.0},
        rules=load_rules() | EXACT | INSTANT | rules,
    )


def _run(seconds: int) -> Run:
    gops = seconds // 10
    return Run(
        seconds=seconds,
        frames_per_second=1.0,
        frames=seconds,
        gops=gops,
        faces=0,
        pack_bytes=0,
        faces_bytes=0,
        output_bytes=0,
        job_item_bytes=0,
        work={
            "video_split": Work(messages=1, cpu_seconds=SPLIT_CPU * seconds),
            "face_recognition": Work(messages=gops, cpu_seconds=PACK_CPU * gops),
            "lookup": Work(messages=1, cpu_seconds=LOOKUP_CPU),
        },
    )


def pipeline(max_concurrency: int) -> Pipeline:
    described = describe(Settings(max_concurrency=max_concurrency))
    one_vcpu = int(load_rules()["vcpu_mb"])
    return replace(
        described,
        functions=tuple(replace(function, memory_mb=one_vcpu, batch_size=1) for function in described.functions),
    )


def simulated(rules: Mapping[str, float] = EXACT, *, max_concurrency: int = 100, **scenario: float) -> Outcome:
    case = Scenario(
        videos=int(scenario.get("videos", 1)),
        seconds=scenario.get("seconds", 100.0),
        range_seconds=scenario.get("range_seconds", 600.0),
        max_concurrency=max_concurrency,
    )
    return simulate(pipeline(max_concurrency), demand(**rules), case)


def test_one_video_takes_its_split_its_last_pack_and_its_lookup() -> None:
    outcome = simulated()

    assert outcome.gops == 10
    assert outcome.latencies == [pytest.approx(100 * SPLIT_CPU + PACK_CPU + LOOKUP_CPU)]


def test_every_pack_is_recognized_once_and_every_video_looked_up_once() -> None:
    outcome = simulated(videos=7)

    counts = {name: record.invocations for name, record in outcome.stages.items()}
    assert counts == {"video_split": 7, "face_recognition": 70, "lookup": 7}
    assert len(outcome.latencies) == 7


def test_ranges_are_split_side_by_side_after_one_invocation_that_divides() -> None:
    outcome = simulated(seconds=400.0, range_seconds=100.0)

    assert outcome.stages["video_split"].invocations == 5
    assert outcome.stages["video_split"].peak == 4
    assert outcome.latencies == [pytest.approx(100 * SPLIT_CPU + PACK_CPU + LOOKUP_CPU)]


def test_cold_starts_and_notifications_come_on_top() -> None:
    outcome = simulated({"placement_seconds": 5.0, "notification_seconds": 1.0})

    # by the last pack the recognizer is warm: two new environments are on its way, and two notifications
    assert outcome.latencies == [pytest.approx(100 * SPLIT_CPU + PACK_CPU + LOOKUP_CPU + 5 + 5 + 1 + 1)]
    assert {name: record.cold_starts for name, record in outcome.stages.items()} == {
        "video_split": 1,
        "face_recognition": 1,
        "lookup": 1,
    }


def test_maximum_concurrency_is_the_most_at_once_and_is_named_as_the_bottleneck() -> None:
    outcome = simulated(videos=40, max_concurrency=2)

    assert outcome.stages["video_split"].peak == 2
    assert bottleneck(outcome) == ("video_split", "ceiling")
    assert outcome.latencies[-1] >= 20 * 100 * SPLIT_CPU


def test_pollers_start_with_five_and_grow_by_three_hundred_a_minute() -> None:
    outcome = simulated(videos=100)

    busy = outcome.stages["video_split"].busy
    assert max(count for time, count in busy if time == 0.0) == 5
    assert max(count for time, count in busy if time <= 10.0) == 55
    assert outcome.stages["video_split"].peak == 100
    assert bottleneck(outcome) == ("video_split", "pollers")


def test_the_account_holds_all_functions_together() -> None:
    outcome = simulated({"account_concurrency": 3.0}, videos=20)

    assert outcome.stages["video_split"].peak <= 3
    assert len(outcome.latencies) == 20
    assert outcome.stages["video_split"].held_back["account"] > 0


def test_the_same_seed_gives_the_same_outcome() -> None:
    first, second = (simulated({"spread": 0.25}, videos=5).latencies for _ in range(2))

    assert first == second
    assert len(set(first)) == 5


@pytest.mark.parametrize("scenario", [scenario for scenario in scenarios() if scenario.videos <= SMALL], ids=str)
def test_the_page_says_what_the_simulation_says(scenario: Scenario) -> None:
    outcome = run(scenario, demand_of(load(), CLIP, Settings().frames_per_second))

    assert row(outcome) in PAGE.read_text().splitlines(), "run: python -m benchmarks.scale > docs/scale.md"
