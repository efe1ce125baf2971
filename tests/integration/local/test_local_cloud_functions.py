"""How the Lambda host treats functions and their messages, with throw-away functions under the real runtime."""

import json
from pathlib import Path

import psutil
import pytest

from rollcall.local.cloud import LocalCloud
from tests.integration.throwaway import LAMBDAS, Messages, function, pipeline, until

FUNCTIONS = (
    function("plain"),
    function("batches", batch_size=5),
    function("brief", timeout=4),
    function("small", memory_mb=128, scratch_mb=8),
    function("broken", handler="broken.handler"),
)


@pytest.fixture(scope="module")
def cloud(log_dir):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
        patch.setenv("AWS_PROFILE", "nobody")
        patch.setenv("USERS_OWN", "secret")
        with LocalCloud(
            pipeline(*FUNCTIONS),
            log_dir=log_dir,
            task_root=LAMBDAS,
            extra_environment={"EXTRA": "yes"},
            max_concurrency=2,
        ) as cloud:
            yield cloud


@pytest.fixture(scope="module")
def messages(cloud):
    return Messages(cloud)


@pytest.fixture(scope="module")
def log_dir(tmp_path_factory):
    return tmp_path_factory.mktemp("logs")


def test_the_event_has_the_shape_of_awss(messages):
    sent = messages.send("plain", do="nothing")

    record = messages.until_delivered(sent)[0]["record"]

    assert set(record) == {
        "messageId",
        "receiptHandle",
        "body",
        "attributes",
        "messageAttributes",
        "md5OfBody",
        "eventSource",
        "eventSourceARN",
        "awsRegion",
    }
    assert record["messageId"] == sent
    assert json.loads(record["body"]) == {"do": "nothing"}
    assert record["attributes"]["ApproximateReceiveCount"] == "1"
    assert int(record["attributes"]["SentTimestamp"]) > 1_600_000_000_000
    assert record["eventSource"] == "aws:sqs"
    assert record["eventSourceARN"] == "arn:aws:sqs:us-east-1:123456789012:plain"
    assert record["awsRegion"] == "us-east-1"


def test_a_worker_sees_lambdas_environment_and_nothing_of_the_users(cloud, messages):
    seen = messages.until_delivered(messages.send("plain", do="nothing"))[0]

    environment = seen["environment"]
    assert set(environment) == {
        "AWS_LAMBDA_FUNCTION_NAME",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
        "AWS_LAMBDA_FUNCTION_VERSION",
        "AWS_LAMBDA_INITIALIZATION_TYPE",
        "AWS_LAMBDA_LOG_GROUP_NAME",
        "AWS_LAMBDA_LOG_STREAM_NAME",
        "AWS_LAMBDA_RUNTIME_API",
        "AWS_REGION",
        "AWS_DEFAULT_REGION",
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_ENDPOINT_URL",
        "LAMBDA_TASK_ROOT",
        "_HANDLER",
        "HOME",
        "LANG",
        "PATH",
        "PYTHONPATH",
        "TMPDIR",
        "TZ",
        "OUTPUT_BUCKET",
        "EXTRA",
    }
    assert environment["AWS_LAMBDA_FUNCTION_NAME"] == "plain"
    assert environment["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"] == "512"
    assert environment["AWS_ENDPOINT_URL"] == cloud.endpoint_url
    assert environment["TMPDIR"] == environment["HOME"] == seen["cwd"]
    assert 0 < seen["remaining_ms"] <= 20_000


def test_a_message_done_is_deleted_and_its_worker_used_again(cloud, messages):
    first = messages.until_delivered(messages.send("plain", do="nothing"))[0]
    until(lambda: not messages.left("plain") and not cloud.status()["plain"].in_flight)

    second = messages.until_delivered(messages.send("plain", do="nothing"))[0]

    assert first["pid"] == second["pid"]


def test_only_the_failed_messages_of_a_batch_come_again(messages):
    # a slow message occupies both workers, so that the others gather
    occupied = [messages.send("batches", do="sleep", seconds=2, times=1) for _ in range(2)]
    for message in occupied:
        messages.until_delivered(message)
    good = [messages.send("batches", do="nothing") for _ in range(3)]
    bad = messages.send("batches", do="fail", times=1)

    deliveries = messages.until_delivered(bad, times=2)
    until(lambda: not messages.left("batches"))

    assert [len(messages.deliveries(message)) for message in good] == [1, 1, 1]
    assert max(delivery["batch"] for message in [*good, bad] for delivery in messages.deliveries(message)) > 1
    assert [delivery["record"]["attributes"]["ApproximateReceiveCount"] for delivery in deliveries] == ["1", "2"]
    assert not messages.receive("batches-dead-letters")


@pytest.mark.parametrize(
    "answer",
    [
        {"batchItemFailures": [{"itemIdentifier": "nobody"}]},
        {"batchItemFailures": [{"itemIdentifier": ""}]},
        {"batchItemFailures": [{"wrong": "key"}]},
        {"batchItemFailures": "all"},
    ],
)
def test_an_invalid_answer_brings_the_whole_batch_again(messages, answer):
    sent = messages.send("plain", do="answer", answer=answer, times=1)

    assert len(messages.until_delivered(sent, times=2)) == 2
    until(lambda: not messages.left("plain"))


def test_a_message_that_always_fails_ends_in_the_dead_letter_queue(messages):
    sent = messages.send("plain", do="complain")

    dead = messages.until_dead("plain")

    assert dead["MessageId"] == sent
    assert len(messages.deliveries(sent)) == 2


def test_an_unhandled_error_is_logged_and_the_worker_goes_on(log_dir, messages):
    sent = messages.send("plain", do="complain", times=1)

    first, second = messages.until_delivered(sent, times=2)

    assert first["pid"] == second["pid"]
    assert "RuntimeError: as asked" in (log_dir / "plain.log").read_text()
    assert "RuntimeError" in messages.errors("plain")


@pytest.mark.parametrize("how", ["crash", "leave"])
def test_a_worker_that_dies_is_replaced_and_its_message_comes_again(messages, how):
    sent = messages.send("plain", do=how, times=1)

    first, second = messages.until_delivered(sent, times=2)

    assert first["pid"] != second["pid"]
    assert first["cwd"] != second["cwd"]
    assert messages.errors("plain").count("Runtime.ExitError") >= 1
    until(lambda: not messages.left("plain"))


def test_a_worker_killed_from_outside_is_noticed_at_once(messages):
    sent = messages.send("plain", do="sleep", seconds=15, times=1)
    worker = psutil.Process(messages.until_delivered(sent)[0]["pid"])
    children = until(worker.children)

    worker.kill()

    first, second = messages.until_delivered(sent, times=2)
    assert second["time"] - first["time"] < 15
    assert second["pid"] != worker.pid
    until(lambda: not any(running(child) for child in children))


def test_a_task_that_takes_too_long_is_ended_with_all_its_children(log_dir, messages):
    sent = messages.send("brief", do="sleep", seconds=60)
    worker = psutil.Process(messages.until_delivered(sent)[0]["pid"])
    children = until(lambda: found if len(found := worker.children()) == 2 else None)

    assert messages.until_dead("brief")["MessageId"] == sent

    assert not running(worker)
    assert not any(running(child) for child in children)
    assert set(messages.errors("brief")) == {"Sandbox.Timedout"}
    assert "Task timed out after 4.00 seconds" in (log_dir / "brief.log").read_text()


@pytest.mark.parametrize(
    ("task", "error"),
    [
        ({"do": "allocate", "megabytes": 200}, "Runtime.OutOfMemory"),
        ({"do": "allocate_in_child", "megabytes": 200}, "Runtime.OutOfMemory"),
        ({"do": "scribble", "megabytes": 20, "seconds": 15}, "Runtime.OutOfScratchSpace"),
    ],
)
def test_a_worker_beyond_its_limits_is_ended(messages, task, error):
    before = messages.errors("small")
    sent = messages.send("small", times=1, **task)

    first, second = messages.until_delivered(sent, times=2)

    assert first["pid"] != second["pid"]
    assert until(lambda: messages.errors("small")[len(before) :])[0] == error
    until(lambda: not messages.left("small"))


def test_scratch_is_the_workers_own_and_goes_with_it(messages):
    sent = messages.send("plain", do="scribble", megabytes=1)
    folder = Path(messages.until_delivered(sent)[0]["cwd"])
    until((folder / "file").exists)

    for _ in range(2):  # one for each worker
        messages.send("plain", do="crash", times=1)

    until(lambda: not folder.exists())


def test_a_function_that_cannot_be_imported_says_why(cloud, log_dir, messages):
    sent = messages.send("broken", do="nothing")

    assert messages.until_dead("broken")["MessageId"] == sent

    assert set(messages.errors("broken")) == {"LookupError"}
    assert cloud.status()["broken"].failed_starts == 2
    assert "a setting is missing" in (log_dir / "broken.log").read_text()


def test_each_invocation_is_reported(cloud, log_dir, messages):
    messages.until_delivered(messages.send("plain", do="nothing"))
    until(lambda: not messages.left("plain"))

    reports = [report for report in cloud.reports() if report.function == "plain"]

    assert reports[0].init_ms is not None
    assert reports[-1].error is None
    assert 0 < reports[-1].duration_ms < 20_000
    assert 5 < reports[-1].max_memory_mb < 512
    assert reports[-1].memory_mb == 512
    assert f"REPORT RequestId: {reports[-1].request_id}\tDuration: " in (log_dir / "plain.log").read_text()


def running(process: psutil.Process) -> bool:
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
