"""Workers and backlog over a load test, from the record of the local cloud."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from rollcall.local.lambda_host.worker_record import WorkerRecord
from workload.outcomes import Outcome, summarize
from workload.report import Run, write_report
from workload.worker_log import BadWorkerLog, WorkerCount, read_worker_log, steps, wait_until_gone, within

WORKLOAD = Path(__file__).parents[3] / "workload" / "workload.py"


def line(time: float, function: str, workers: int, backlog: int) -> str:
    return json.dumps({"time": time, "function": function, "workers": workers, "in_flight": 0, "backlog": backlog})


def written(path: Path, *lines: str) -> Path:
    path.write_text("".join(f"{text}\n" for text in lines), encoding="utf-8")
    return path


def test_what_the_local_cloud_records_can_be_read(tmp_path: Path) -> None:
    path = tmp_path / "workers.jsonl"
    record = WorkerRecord(path)
    record.note("split", workers=2, in_flight=1, backlog=7)
    record.note("split", workers=0, in_flight=0, backlog=0)
    record.close()

    counts = read_worker_log(path)

    assert [(c.function, c.workers, c.in_flight, c.backlog) for c in counts] == [("split", 2, 1, 7), ("split", 0, 0, 0)]


def test_a_run_starts_from_what_was_before_and_leaves_out_what_came_after(tmp_path: Path) -> None:
    path = written(
        tmp_path / "workers.jsonl",
        line(90, "split", 5, 50),
        line(95, "split", 1, 3),
        line(104, "split", 2, 9),
        line(106, "lookup", 1, 4),
        line(110, "split", 0, 0),
        line(130, "split", 8, 80),
    )

    counts = within(read_worker_log(path), began=100, ended=120)

    assert [(c.seconds, c.function, c.workers, c.backlog) for c in counts] == [
        (0, "lookup", 0, 0),
        (0, "split", 1, 3),
        (4, "split", 2, 9),
        (6, "lookup", 1, 4),
        (10, "split", 0, 0),
    ]
    assert steps(counts, "workers", ended=12) == {
        "lookup": [(0, 0), (6, 0), (6, 1), (12, 1)],
        "split": [(0, 1), (4, 1), (4, 2), (10, 2), (10, 0), (12, 0)],
    }


def test_a_line_that_is_still_being_written_is_left_for_later(tmp_path: Path) -> None:
    path = written(tmp_path / "workers.jsonl", line(1, "split", 1, 0))
    with path.open("a") as file:
        file.write('{"time": 2, "func')

    assert len(read_worker_log(path)) == 1


@pytest.mark.parametrize(
    "broken",
    [
        "",
        "not JSON",
        "[]",
        "null",
        "[" * 100_000,
        '{"time": 1, "function": "split"}',
        '{"time": NaN, "function": "split", "workers": 1, "in_flight": 0, "backlog": 0}',
        '{"time": 1, "function": "split", "workers": "1", "in_flight": 0, "backlog": 0}',
        '{"time": 1, "function": "split", "workers": -1, "in_flight": 0, "backlog": 0}',
        '{"time": 1, "function": 7, "workers": 1, "in_flight": 0, "backlog": 0}',
    ],
)
def test_a_broken_line_is_named(tmp_path: Path, broken: str) -> None:
    path = written(tmp_path / "workers.jsonl", line(1, "split", 1, 0), broken)

    with pytest.raises(BadWorkerLog, match=rf"^{re.escape(str(path))}, line 2: expected .*, found "):
        read_worker_log(path)


@pytest.mark.parametrize("content", [None, b"\xff\xfe\x00\n", b"not a record\n"])
def test_a_missing_or_broken_file_is_one_line_before_anything_is_sent(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "workers.jsonl"
    if content is not None:
        path.write_bytes(content)
    options = ["http", "--url", "http://127.0.0.1:9/", "--generate", "-n", "1", "--out", str(tmp_path / "out")]

    done = subprocess.run(
        [sys.executable, str(WORKLOAD), *options, "--workers-log", str(path)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert (done.returncode, done.stdout) == (2, "")
    (complaint,) = done.stderr.splitlines()
    assert complaint.startswith(f"workload: {path}")
    assert "workers.jsonl" in complaint
    assert not (tmp_path / "out").exists()


def test_waiting_for_workers_to_leave_ends_when_they_are_gone(tmp_path: Path) -> None:
    path = written(tmp_path / "workers.jsonl", line(1, "split", 3, 0), line(2, "split", 0, 0), line(2, "lookup", 0, 9))

    wait_until_gone(path, seconds=1e6)  # or else the test runs into its own limit


def test_the_report_plots_workers_and_backlog_of_each_function(tmp_path: Path) -> None:
    names = [f"<{number}>" for number in range(8)]  # more than there are colors
    counts = [
        WorkerCount(seconds=second, function=name, workers=second + number, in_flight=0, backlog=9)
        for second in (0, 1)
        for number, name in enumerate(names)
    ]
    outcomes = [Outcome(name="1.jpg", start=0, seconds=0.5, answer="A")]

    write_report(Run(summary=summarize(outcomes), outcomes=outcomes, samples=[], command="x", workers=counts), tmp_path)

    page = (tmp_path / "report.html").read_text()
    assert "<h2>Workers</h2>" in page and "<h2>Backlog of each function, in messages</h2>" in page
    assert page.count("<polyline") == 2 * len(names) + 2  # and throughput, and latency by share
    assert "&lt;7&gt;: 8" in page and "<7>" not in page
    content = json.loads((tmp_path / "report.json").read_text())["workers"]
    assert content[-1] == {"seconds": 1, "function": "<7>", "workers": 8, "in_flight": 0, "backlog": 9}
