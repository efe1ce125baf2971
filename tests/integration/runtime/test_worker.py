"""The long-running worker, a process on a real queue as on ECS: told to stop, killed, and overtaken by its time."""

import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from rollcall.local.cloud import PROJECT_ROOT, LocalCloud
from rollcall.local.provision import provision
from rollcall.pipeline.description import Pipeline, Queue
from tests.integration.throwaway import LAMBDAS, OUTPUT, Messages, pipeline, until

Start = Callable[..., "subprocess.Popen[bytes]"]


@pytest.fixture(scope="module")
def cloud() -> Iterator[LocalCloud]:
    with LocalCloud(pipeline()) as running:
        yield running


@pytest.fixture
def messages(cloud: LocalCloud) -> Messages:
    return Messages(cloud)


@pytest.fixture
def queue(cloud: LocalCloud, request: pytest.FixtureRequest) -> str:
    """One for each test: a killed worker's last request may still be waiting at the server, and takes a message."""
    name = f"work-{uuid.uuid4().hex[:8]}"
    most = getattr(request, "param", 2)
    work = Queue(name=name, visibility_timeout=600, dead_letter_queue=f"{name}-dead-letters", max_receive_count=most)
    services: dict[str, Any] = {service: cloud.client(service) for service in ("s3", "sqs", "dynamodb")}
    provision(Pipeline(prefix="try", buckets=(), queues=(work,), tables=(), functions=()), **services)
    return name


@pytest.fixture
def start(cloud: LocalCloud, queue: str, tmp_path: Path) -> Iterator[Start]:
    started: list[subprocess.Popen[bytes]] = []

    def run(handler: str = "tasks.handler", **settings: Any) -> "subprocess.Popen[bytes]":
        environment = {
            "AWS_ENDPOINT_URL": cloud.endpoint_url,
            "AWS_ACCESS_KEY_ID": "any",
            "AWS_SECRET_ACCESS_KEY": "thing",
            "AWS_DEFAULT_REGION": "us-east-1",
            "PATH": os.environ["PATH"],
            "PYTHONPATH": os.pathsep.join((str(PROJECT_ROOT), str(LAMBDAS))),
            "POWERTOOLS_SERVICE_NAME": "worker",
            "OUTPUT_BUCKET": OUTPUT,
            "FUNCTION_NAME": "try-worker",
            "QUEUE": queue,
            "BATCH_SIZE": "1",
            "TIMEOUT": "30",
            "MEMORY_MB": "512",
            "WAIT_SECONDS": "1",
        }
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "rollcall.runtime.worker", handler],
            env=environment | {name: str(value) for name, value in settings.items()},
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        started.append(process)
        return process

    yield run
    for process in started:
        with process:
            process.kill()


def test_it_loads_nothing_that_the_images_leave_out() -> None:
    loaded = (
        "import sys, rollcall.runtime.worker.__main__; print(sorted(n for n in sys.modules if '.parser.models' in n))"
    )

    output = subprocess.run([sys.executable, "-c", loaded], capture_output=True, text=True, check=True).stdout

    assert output == "[]\n"


def test_messages_are_worked_on_and_deleted(start: Start, messages: Messages, queue: str) -> None:
    sent = [messages.send(queue, do="nothing") for _ in range(3)]

    start(BATCH_SIZE=3)

    until(lambda: messages.left(queue) == 0)
    deliveries = [messages.deliveries(message) for message in sent]
    assert [len(delivery) for delivery in deliveries] == [1, 1, 1]
    assert all(0 < delivery["remaining_ms"] <= 30_000 for (delivery,) in deliveries)


@pytest.mark.parametrize("queue", [1], indirect=True)
def test_only_what_failed_comes_again_soon_and_ends_among_the_dead_letters(
    start: Start, messages: Messages, queue: str
) -> None:
    good, bad = messages.send(queue, do="nothing"), messages.send(queue, do="fail")

    start(BATCH_SIZE=2)

    messages.until_dead(queue)
    assert len(messages.deliveries(good)) == 1
    assert len(messages.deliveries(bad)) == 1  # the queue's limit; its own visibility timeout is ten minutes


def test_an_exception_fails_the_batch_and_not_the_worker(start: Start, messages: Messages, queue: str) -> None:
    message = messages.send(queue, do="complain", times=1)

    worker = start()

    messages.until_delivered(message, times=2)
    until(lambda: messages.left(queue) == 0)
    assert worker.poll() is None


def test_sigterm_lets_the_message_in_hand_be_finished(start: Start, messages: Messages, queue: str) -> None:
    message = messages.send(queue, do="wait", seconds=2)
    worker = start()
    messages.until_delivered(message)
    waiting = messages.send(queue, do="nothing")

    worker.send_signal(signal.SIGTERM)

    assert worker.wait(timeout=30) == 0
    assert len(messages.deliveries(message)) == 1
    assert messages.deliveries(waiting) == []
    assert [left["MessageId"] for left in messages.receive(queue)] == [waiting]


def test_what_cannot_be_finished_within_the_grace_goes_back_at_once(
    start: Start, messages: Messages, queue: str
) -> None:
    message = messages.send(queue, do="wait", seconds=20, times=1)
    worker = start(GRACE_SECONDS=0.5)
    messages.until_delivered(message)

    worker.send_signal(signal.SIGTERM)

    assert worker.wait(timeout=15) == 0
    start()
    messages.until_delivered(message, times=2)
    until(lambda: messages.left(queue) == 0)


def test_an_idle_worker_stops_when_told_to(start: Start, messages: Messages, queue: str) -> None:
    worker = start()
    messages.until_delivered(messages.send(queue, do="nothing"))

    worker.send_signal(signal.SIGTERM)

    assert worker.wait(timeout=15) == 0
    output, _ = worker.communicate()
    assert b"worker drained" in output


def test_a_batch_that_takes_too_long_ends_the_worker_and_comes_again(
    start: Start, messages: Messages, queue: str
) -> None:
    message = messages.send(queue, do="wait", seconds=60, times=1)

    assert start(TIMEOUT=1).wait(timeout=30) == 1

    start()
    messages.until_delivered(message, times=2)
    until(lambda: messages.left(queue) == 0)


def test_a_batch_stays_hidden_for_as_long_as_it_is_worked_on(start: Start, messages: Messages, queue: str) -> None:
    message = messages.send(queue, do="wait", seconds=3)
    workers = [start(LEASE_SECONDS=1) for _ in range(2)]

    until(lambda: messages.left(queue) == 0)

    assert len(messages.deliveries(message)) == 1
    assert [worker.poll() for worker in workers] == [None, None]


def test_what_a_killed_worker_had_in_hand_comes_again(start: Start, messages: Messages, queue: str) -> None:
    message = messages.send(queue, do="wait", seconds=600, times=1)
    worker = start(LEASE_SECONDS=2)
    messages.until_delivered(message)

    worker.kill()

    start()
    messages.until_delivered(message, times=2)
    until(lambda: messages.left(queue) == 0)


@pytest.mark.parametrize(
    ("handler", "settings", "told"),
    [
        ("tasks.handler", {"BATCH_SIZE": 0}, b"BATCH_SIZE"),
        ("nowhere.handler", {}, b"No module named 'nowhere'"),
        ("tasks.nothing", {}, b"no attribute 'nothing'"),
        ("handler", {}, b"give module.function"),
    ],
)
def test_a_worker_that_cannot_start_says_why(handler: str, settings: dict[str, Any], told: bytes, start: Start) -> None:
    worker = start(handler, **settings)

    output, _ = worker.communicate(timeout=30)

    assert worker.returncode == 2
    assert told in output and b"Traceback" not in output
