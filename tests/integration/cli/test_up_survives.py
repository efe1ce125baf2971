"""`rollcall up` while its parts are killed, its results deleted, and at its end."""

import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.integration.cli.running_up import Up
from tests.integration.throwaway import until


@pytest.fixture(scope="module")
def up(photo: Path) -> Iterator[Up]:
    running = Up("--data", "memory", "--gallery", photo.parent.parent)
    yield running
    running.close()


def test_a_worker_that_is_killed_is_told_of_and_replaced(up: Up, photo: Path) -> None:
    up.upload("first.png", photo.read_bytes())
    up.kill("awslambdaric")

    assert "Eileen" in up.wait_for("done first.png: ")
    assert "signal: SIGKILL" in up.wait_for("a worker of lives-")


def test_the_api_is_started_again_and_requests_meanwhile_are_answered(up: Up, photo: Path) -> None:
    up.kill("rollcall.api")

    assert up.post(photo) == "astronaut:Eileen"
    assert "signal: SIGKILL" in up.wait_for("the HTTP API ended")


def test_a_recognizer_that_is_killed_is_told_of(up: Up, photo: Path) -> None:
    up.kill("rollcall.api.recognizers.recognizer")

    until(lambda: up.post(photo) == "astronaut:Eileen" and up.told("a recognizer of the HTTP API ended"))


def test_a_result_that_is_gone_ends_nothing(up: Up, photo: Path) -> None:
    item: dict[str, Any] = up.dynamodb.scan(TableName="lives-jobs")["Items"][0]
    item["job"]["S"] = "0" * 32
    item["upload"]["M"]["key"]["S"] = "gone.png"
    up.dynamodb.put_item(TableName="lives-jobs", Item=item)
    up.s3.put_object(Bucket="lives-output", Key="odd.png.json", Body=json.dumps({"odd": 1}).encode())
    item["job"]["S"] = "1" * 32
    item["upload"]["M"]["key"]["S"] = "odd.png"
    up.dynamodb.put_item(TableName="lives-jobs", Item=item)

    up.kill("rollcall.local.store")  # all jobs are looked at once it serves again, and not half a minute later

    assert "deleted" in up.wait_for("done gone.png: ")
    assert "none of Rollcall's" in up.wait_for("done odd.png: ")


def test_the_local_aws_is_started_again_and_loses_nothing(up: Up, photo: Path) -> None:
    up.kill("rollcall.local.store")
    up.upload("second.png", photo.read_bytes())  # waits until it serves again

    assert "Eileen" in up.wait_for("done second.png: ")
    assert "nothing is lost" in up.wait_for("the local AWS runs again")
    assert up.post(photo) == "astronaut:Eileen"
    result = json.load(up.s3.get_object(Bucket="lives-output", Key="first.png.json")["Body"])
    assert [person["name"] for person in result["people"]] == ["Eileen"]


def test_ctrl_c_says_what_is_left_undone_and_leaves_no_process(up: Up, photo: Path) -> None:
    for number in range(5):
        up.upload(f"late-{number}.png", photo.read_bytes())
    children = psutil.Process(up.process.pid).children(recursive=True)

    started = time.monotonic()
    os.kill(up.process.pid, signal.SIGINT)
    code = up.process.wait(30)
    print(f"ended after {time.monotonic() - started:.1f} s")

    assert code == 0
    up._reader.join()
    assert "; left undone: " in up.wait_for("stopped")
    _, alive = psutil.wait_procs(children, timeout=10)
    assert not alive
