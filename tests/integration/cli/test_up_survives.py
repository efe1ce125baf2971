"""`rollcall up` while its parts are killed, its results deleted, and at its end."""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import boto3
import psutil
import pytest

from rollcall.cli.demo.demo_photos import ensure_photos
from tests.integration.throwaway import until

COMMAND = [
    sys.executable,
    "-m",
    "rollcall",
    "up",
    "--port",
    "0",
    "--api-port",
    "0",
    "--prefix",
    "lives",
    "--data",
    "memory",
]


class Up:
    def __init__(self, gallery: Path) -> None:
        self.lines: list[str] = []
        self.process = subprocess.Popen(
            [*COMMAND, "--gallery", str(gallery)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        self._reader = threading.Thread(target=self._read)
        self._reader.start()
        ready = self.wait_for("ready at ")
        self.api = ready.split("photos by HTTP at ")[1].split(";")[0]
        keys: dict[str, Any] = {"region_name": "us-east-1", "aws_access_key_id": "x", "aws_secret_access_key": "x"}
        url = ready.split("ready at ")[1].split(": ")[0]
        self.s3 = boto3.client("s3", endpoint_url=url, **keys)
        self.dynamodb = boto3.client("dynamodb", endpoint_url=url, **keys)

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as stream:
            for line in stream:
                self.lines.append(line.rstrip("\n"))

    def wait_for(self, start: str) -> str:
        until(lambda: self.told(start) or self.process.poll() is not None)
        return next(line for line in self.lines if line.startswith(start))

    def told(self, start: str) -> bool:
        return any(line.startswith(start) for line in self.lines)

    def kill(self, module: str) -> None:
        until(lambda: bool(self._running(module)))
        self._running(module)[0].kill()

    def _running(self, module: str) -> list[psutil.Process]:
        found = []
        for process in psutil.Process(self.process.pid).children(recursive=True):
            with suppress(psutil.Error):
                if module in process.cmdline():
                    found.append(process)
        return found

    def upload(self, key: str, photo: bytes) -> None:
        self.s3.put_object(Bucket="lives-input", Key=key, Body=photo)

    def post(self, photo: Path) -> str:
        form = ["-F", f"inputFile=@{photo}"]
        return subprocess.run(["curl", "-s", *form, f"{self.api}/"], capture_output=True, text=True, check=True).stdout

    def close(self) -> None:
        self.s3.close()
        self.dynamodb.close()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        self.process.wait(30)
        self._reader.join()


@pytest.fixture(scope="module")
def photo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("up")
    path = folder / "gallery" / "Eileen" / "astronaut.png"
    path.parent.mkdir(parents=True)
    shutil.copy(ensure_photos(folder / "photos", progress=print) / "astronaut.png", path)
    return path


@pytest.fixture(scope="module")
def up(photo: Path) -> Iterator[Up]:
    running = Up(photo.parent.parent)
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
    assert "deleted" in up.wait_for("done gone.png: ")

    up.s3.put_object(Bucket="lives-output", Key="odd.png.json", Body=json.dumps({"odd": 1}).encode())
    item["job"]["S"] = "1" * 32
    item["upload"]["M"]["key"]["S"] = "odd.png"
    up.dynamodb.put_item(TableName="lives-jobs", Item=item)
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
