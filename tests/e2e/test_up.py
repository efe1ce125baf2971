"""`rollcall up` in one process, and in another nothing of Rollcall: boto3, an endpoint and dummy keys."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.videos import OBAMA, Videos

CLIENT = """
import json, sys, time, boto3
s3 = boto3.client("s3")
s3.upload_file(sys.argv[1], "rollcall-input", "holiday/me and you.mp4")
for _ in range(600):
    found = s3.list_objects_v2(Bucket="rollcall-output").get("Contents", [])
    keys = sorted(item["Key"] for item in found)
    if "holiday/me and you.mp4.json" in keys:
        break
    time.sleep(0.1)
result = json.loads(s3.get_object(Bucket="rollcall-output", Key="holiday/me and you.mp4.json")["Body"].read())
print(json.dumps({"keys": keys, "people": [person["name"] for person in result["people"]]}))
"""


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


@pytest.fixture
def endpoint(videos: Videos, model_dir: Path) -> Iterator[str]:
    port = free_port()
    rollcall, ports = Path(sys.executable).with_name("rollcall"), ["--port", str(port), "--api-port", "0"]
    command: list[str | Path] = [rollcall, "up", "--data", "memory", *ports]
    command += ["--gallery", videos.gallery(), "--people", videos.people()]
    environment = {"PATH": os.environ["PATH"], "ROLLCALL_MODEL_DIR": str(model_dir)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment) as up:
        assert up.stdout is not None
        ready = next(line for line in up.stdout if line.startswith("ready"))
        assert str(port) in ready
        yield f"http://127.0.0.1:{port}"
        up.send_signal(signal.SIGINT)
        up.stdout.read()
        assert up.wait(timeout=20) in {0, 130}


def test_any_aws_client_works(endpoint: str, videos: Videos) -> None:
    environment = {
        "PATH": os.environ["PATH"],
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": "any",
        "AWS_SECRET_ACCESS_KEY": "thing",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    command = [sys.executable, "-c", CLIENT, str(videos.obama())]

    answer = subprocess.run(command, env=environment, check=True, capture_output=True, text=True, timeout=120)

    outcome = json.loads(answer.stdout)
    assert outcome["people"] == [OBAMA]
    assert {f"holiday/me and you.mp4{end}" for end in (".json", ".csv", ".vtt")} <= set(outcome["keys"])
    assert f"holiday/me and you.mp4/faces/{OBAMA}-1.jpg" in outcome["keys"]
