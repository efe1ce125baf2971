"""The load generator as its users start it, against the API and the bucket of a local cloud."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from rollcall.local.lambda_host.process_environment import ACCESS_KEY, REGION, SECRET_KEY
from tests.integration.api.running_api import RunningApi

pytest.importorskip("aiohttp", reason="the load generator needs aiohttp; pip install -e '.[bench]' brings it")
WORKLOAD = Path(__file__).parents[3] / "workload" / "workload.py"


def run(out: Path, *options: str) -> dict[str, Any]:
    environment = {
        "PATH": os.environ["PATH"],
        "AWS_ACCESS_KEY_ID": ACCESS_KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
        "AWS_DEFAULT_REGION": REGION,
    }
    command = [sys.executable, str(WORKLOAD), *options, "--generate", "--timeout", "120", "--out", str(out)]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=200, check=False, cwd=out.parent, env=environment
    )
    assert (out / "report.html").stat().st_size > 1000, done.stderr
    report: dict[str, Any] = json.loads((out / "report.json").read_text())
    return {**report["summary"], "exit": done.returncode, "workers": report["workers"]}


def test_photos_by_http_are_all_answered(api: RunningApi, tmp_path: Path) -> None:
    summary = run(tmp_path / "out", "http", "--url", f"{api.server.url}/", "-n", "40", "-c", "20")

    assert (summary["requests"], summary["answered"], summary["errors"], summary["exit"]) == (40, 40, {}, 0)
    assert summary["accuracy"] == 1.0


def test_photos_through_the_bucket_are_all_answered_by_workers_that_come_and_go(
    api: RunningApi, log_dir: Path, tmp_path: Path
) -> None:
    endpoint = api.session.cloud.endpoint_url
    summary = run(
        tmp_path / "out",
        "bucket",
        "--endpoint-url",
        endpoint,
        "--prefix",
        "test-api",
        "-n",
        "4",
        "--profile",
        "steady:4",
        "--workers-log",
        str(log_dir / "workers.jsonl"),
    )

    assert (summary["requests"], summary["answered"], summary["errors"]) == (4, 4, {})
    for function in ("test-api-video-split", "test-api-face-recognition", "test-api-lookup"):
        workers = [count["workers"] for count in summary["workers"] if count["function"] == function]
        assert max(workers) in {1, 2}  # the ceiling
        assert workers[-1] == 0
    page = (tmp_path / "out" / "report.html").read_text()
    assert "<h2>Workers</h2>" in page and "<h2>Backlog of each function, in messages</h2>" in page


def test_errors_are_counted_by_kind_and_end_in_a_code(api: RunningApi, tmp_path: Path) -> None:
    summary = run(tmp_path / "out", "http", "--url", f"{api.server.url}/nowhere", "-n", "3")

    assert (summary["answered"], summary["errors"], summary["exit"]) == (0, {"HTTP 404": 3}, 1)
