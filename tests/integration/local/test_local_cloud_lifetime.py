"""The local cloud from start to end: scaling, unreliable delivery, and what is left when it is gone."""

import json
import signal
import socket
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from rollcall.contracts.usage_error import PortInUse, UsageError
from rollcall.local.cloud import CloudStopped, LocalCloud
from rollcall.local.lambda_host.unreliable_source import Delivery
from tests.integration.throwaway import LAMBDAS, Messages, function, pipeline, until

HOST_PROGRAM = """
import json, time
from rollcall.local.cloud import LocalCloud
from tests.integration.throwaway import LAMBDAS, Messages, function, pipeline, until

with LocalCloud(pipeline(function("plain", timeout=500)), task_root=LAMBDAS) as cloud:
    messages = Messages(cloud)
    worker = messages.until_delivered(messages.send("plain", do="sleep", seconds=400))[0]
    print(json.dumps({"pid": worker["pid"], "cwd": worker["cwd"]}), flush=True)
    time.sleep(400)
"""


def test_workers_grow_with_the_backlog_to_the_ceiling_and_go_when_idle(tmp_path):
    described = pipeline(function("plain", max_concurrency=5))
    with LocalCloud(described, task_root=LAMBDAS, log_dir=tmp_path, max_concurrency=3, idle_timeout=1) as cloud:
        messages = Messages(cloud)
        assert cloud.status()["plain"].workers == 0

        sent = [messages.send("plain", do="sleep", seconds=1.5) for _ in range(6)]

        until(lambda: cloud.status()["plain"].in_flight == 3)
        assert cloud.status()["plain"].workers == 3
        assert cloud.status()["plain"].backlog == 3  # not hidden from others before somebody can work on them
        until(lambda: not messages.left("plain"))
        assert len({delivery["pid"] for message in sent for delivery in messages.deliveries(message)}) == 3
        until(lambda: cloud.status()["plain"].workers == 0)
        until(lambda: recorded(tmp_path)[-1]["workers"] == 0)

    course = [line["workers"] for line in recorded(tmp_path)]
    assert max(course) == 3
    assert max(line["backlog"] for line in recorded(tmp_path)) >= 3
    grown = course.index(3)
    assert course[:grown] == sorted(course[:grown]) and course[grown:] == sorted(course[grown:], reverse=True)
    assert "SCALE Workers" in (tmp_path / "plain.log").read_text()


def recorded(folder):
    lines = (folder / "workers.jsonl").read_text().splitlines()
    return [line for line in map(json.loads, lines) if line["function"] == "plain"]


def test_unreliable_delivery_brings_every_message_twice_and_out_of_order():
    delivery = Delivery(duplicate=True, shuffle_seed=7)
    with LocalCloud(pipeline(function("plain")), task_root=LAMBDAS, max_concurrency=1, delivery=delivery) as cloud:
        messages, numbers = Messages(cloud), list(range(12))
        for number in numbers:
            messages.send("plain", do="nothing", number=number)

        until(lambda: len(notes(cloud)) >= 2 * len(numbers))
        until(lambda: not messages.left("plain"))

        order = [json.loads(note["record"]["body"])["number"] for note in notes(cloud)]
        assert sorted(order) == sorted(numbers * 2)
        assert order[: len(numbers)] != numbers


def notes(cloud):
    s3 = cloud.client("s3")
    keys = s3.list_objects_v2(Bucket="try-output").get("Contents", [])
    found = [json.load(s3.get_object(Bucket="try-output", Key=key["Key"])["Body"]) for key in keys]
    return sorted(found, key=lambda note: note["time"])


def test_nothing_is_left_when_it_ends_in_the_middle_of_work(tmp_path):
    before = set(psutil.Process().children(recursive=True))
    with LocalCloud(pipeline(function("plain")), task_root=LAMBDAS, log_dir=tmp_path) as cloud:
        messages = Messages(cloud)
        worker = messages.until_delivered(messages.send("plain", do="sleep", seconds=15))[0]
        until(lambda: len(psutil.Process(worker["pid"]).children()) == 2)
        started = set(psutil.Process().children(recursive=True)) - before
        assert len(started) >= 5  # the guard, the server, the worker and its two children

    assert not any(running(process) for process in started)
    assert not Path(worker["cwd"]).parent.parent.exists()
    assert "REPORT" in (tmp_path / "plain.log").read_text()


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_nothing_is_left_when_the_host_itself_is_killed(how):
    with subprocess.Popen([sys.executable, "-c", HOST_PROGRAM], stdout=subprocess.PIPE, text=True) as host:
        assert host.stdout is not None
        worker = json.loads(host.stdout.readline())
        until(lambda: len(psutil.Process(worker["pid"]).children()) == 2)
        started = psutil.Process(host.pid).children(recursive=True)
        assert len(started) >= 5

        host.send_signal(how)
        host.wait()

        until(lambda: not any(running(process) for process in started))
        until(lambda: not Path(worker["cwd"]).parent.parent.exists())


def running(process):
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_a_port_in_use_is_one_clear_sentence():
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]

        with pytest.raises(PortInUse, match=rf"127.0.0.1:{port} .*choose another port") as error:
            LocalCloud(pipeline(), port=port).start()

    assert "\n" not in str(error.value)


def test_the_port_that_was_asked_for_is_the_port():
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]

    with LocalCloud(pipeline(), port=port) as cloud:
        assert cloud.endpoint_url == f"http://127.0.0.1:{port}"
        assert [connection.laddr.ip for connection in listeners(port)] == ["127.0.0.1"]


def listeners(port):
    processes = psutil.Process().children(recursive=True)
    connections = [connection for process in processes for connection in process.net_connections("inet")]
    return [each for each in connections if each.status == psutil.CONN_LISTEN and each.laddr.port == port]


def test_a_server_that_ended_by_itself_is_told_of():
    with LocalCloud(pipeline()) as cloud:
        server = next(child for child in psutil.Process().children() if "rollcall.local.store" in child.cmdline())
        server.kill()
        until(lambda: cloud.aws_exit_code is not None)  # once its last thread is gone, and not only its first

        with pytest.raises(CloudStopped, match="ended unexpectedly"):
            cloud.status()


def test_a_folder_that_cannot_be_used_is_told_of_in_one_line(tmp_path):
    file = tmp_path / "file"
    file.write_bytes(b"")

    with pytest.raises(UsageError, match=rf"{file}/data cannot be used \(Not a directory\): choose another folder"):
        LocalCloud(pipeline(), data=file / "data").start()
