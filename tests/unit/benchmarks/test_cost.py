"""The bill against sums done by hand, and docs/cost.md against the bill."""

from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.bill import HOUR, Bill, bill_of
from benchmarks.cost import page
from benchmarks.demand import Demand, Line, demand_of, load_rules
from benchmarks.measured import Run, Work, load
from rollcall.pipeline.description import Pipeline, describe
from rollcall.pipeline.settings import Settings

PAGE = Path(__file__).parents[3] / "docs" / "cost.md"
GOP_SECONDS = 10
SECOND_OF_CPU = {"video_split": 0.1, "face_recognition": 0.05, "lookup": 0.0}  # for each second of video
PACK_BYTES = 1000


def with_memory(pipeline: Pipeline, component: str, memory_mb: int) -> Pipeline:
    functions = tuple(
        replace(function, memory_mb=memory_mb) if function.component == component else function
        for function in pipeline.functions
    )
    return replace(pipeline, functions=functions)


def run(seconds: int) -> Run:
    gops = seconds // GOP_SECONDS
    return Run(
        seconds=seconds,
        frames_per_second=1.0,
        frames=seconds,
        gops=gops,
        faces=seconds,
        pack_bytes=PACK_BYTES * gops,
        faces_bytes=0,
        output_bytes=0,
        job_item_bytes=500,
        work={
            "video_split": Work(
                messages=1, cpu_seconds=0.1 * seconds, requests={"S3 PutObject": gops, "DynamoDB UpdateItem": 2 + gops}
            ),
            "face_recognition": Work(
                messages=gops,
                cpu_seconds=0.05 * seconds,
                log_bytes=400 * gops,
                log_lines=gops,
                requests={"S3 GetObject": gops, "S3 PutObject": gops, "DynamoDB UpdateItem": gops},
            ),
            "lookup": Work(
                messages=1, requests={"S3 ListObjectsV2": 1, "S3 DeleteObjects": 1, "EventBridge PutEvents": 1}
            ),
        },
    )


@pytest.fixture
def demand() -> Demand:
    return Demand(
        clip="made",
        frames_per_second=1.0,
        runs=[run(100), run(200)],
        cold_start_cpu_seconds=dict.fromkeys(SECOND_OF_CPU, 0.0),
        rules=load_rules(),
    )


@pytest.fixture
def bill(demand: Demand) -> Bill:
    return bill_of(demand, "x86_64")


def entry(bill: Bill, component: str) -> tuple[float, float]:
    return next((entry.quantity, entry.dollars) for entry in bill.entries() if entry.component == component)


def test_a_line_tells_the_cost_of_a_video_from_that_of_its_seconds() -> None:
    line = Line.through([run(100), run(200)], lambda run: 7 + 2 * run.seconds)

    assert (line.fixed, line.slope) == (7, 2)
    assert line.at(HOUR) == 7 + 2 * HOUR


def test_split_seconds_are_processor_seconds_at_the_memorys_share_and_waits_in_full(bill: Bill) -> None:
    split = describe(Settings()).functions[0]
    packs, ranges = HOUR / GOP_SECONDS, HOUR / Settings().range_seconds

    cpu = 0.1 * HOUR / (split.memory_mb / 1769)
    waits = packs * 0.1 + (packs + 2 * ranges) * 0.01  # S3, then DynamoDB
    assert bill.billed_seconds(split) == pytest.approx(cpu + waits)


def test_recognition_on_one_thread_gains_nothing_from_more_than_one_vcpu(demand: Demand) -> None:
    small, large = (
        bill_of(demand, "x86_64", pipeline=with_memory(describe(Settings()), "face_recognition", memory))
        for memory in (1769, 3538)
    )

    quantity, dollars = entry(small, "Lambda face_recognition")
    assert entry(large, "Lambda face_recognition") == pytest.approx((2 * quantity, 2 * dollars))


def test_requests_are_charged_by_class_and_deletes_are_free(bill: Bill) -> None:
    packs = HOUR / GOP_SECONDS

    assert entry(bill, "S3 PUT and LIST") == pytest.approx((2 * packs + 1, (2 * packs + 1) * 5e-6))
    reads = packs + HOUR / Settings().range_seconds * load_rules()["range_reads"]
    assert entry(bill, "S3 GET and HEAD") == pytest.approx((reads, reads * 4e-7))


def test_packs_are_stored_for_three_days_and_logs_count_each_event(bill: Bill) -> None:
    packs = HOUR / GOP_SECONDS

    gigabytes = packs * PACK_BYTES / 1e9
    assert entry(bill, "S3 storage of packs") == pytest.approx((gigabytes, gigabytes * 0.023 * 3 / 30))
    invocations = packs + 7 + 1  # packs, six ranges and the one that divides, the lookup
    logs = packs * (400 + 26) + invocations * load_rules()["platform_log_bytes"]
    assert entry(bill, "CloudWatch logs")[0] == pytest.approx(logs / 1e9)


def test_a_result_is_announced_by_a_message_and_an_event(bill: Bill) -> None:
    messages = HOUR / GOP_SECONDS + 7 + 1 + 1  # packs, ranges, the lookup, the announcement

    assert entry(bill, "SQS") == pytest.approx((3 * messages, 3 * messages * 4e-7))
    assert entry(bill, "EventBridge") == pytest.approx((1, 1e-6))


def test_arm64_lowers_the_functions_price_and_nothing_else(demand: Demand) -> None:
    x86, arm = (bill_of(demand, architecture).entries() for architecture in ("x86_64", "arm64"))

    for one, other in zip(x86, arm, strict=True):
        factor = 0.8 if "GB-s" in one.unit else 1.0
        assert other.dollars == pytest.approx(one.dollars * factor, rel=1e-4), one.component


def test_an_unknown_clip_is_an_error_that_names_what_there_is() -> None:
    with pytest.raises(ValueError, match="no clip 'nothing'; it has 1080p 30"):
        demand_of(load(), "nothing", 1.0)


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text() == page(load()), "run: python -m benchmarks.cost > docs/cost.md"
