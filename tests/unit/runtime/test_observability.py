"""What the functions leave behind in logs, metrics and traces."""

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from typing import Any, NoReturn

import pytest
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from botocore.exceptions import EndpointConnectionError

from rollcall.contracts.events import Upload
from rollcall.runtime.batch import handle_batch
from rollcall.runtime.deliveries import Deliveries
from rollcall.runtime.observability import about, count, logger, metrics, stage
from rollcall.runtime.together import Shared, Steps
from rollcall.runtime.tracing import DAEMON_VARIABLE, HEADER_VARIABLE, Trace, sampled

UPLOAD = Upload(bucket="in", key="clip.mp4", version="1")
ROOT = "1-5759e988-bd862e3fe1be46a994272793"
HEADER = f"Root={ROOT};Parent=53995c3f42cd8ad8;Sampled=1;Lineage=a:0"


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    yield
    logger.clear_state()
    metrics.clear_metrics()


@pytest.fixture
def daemon(monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.settimeout(5)
        monkeypatch.setenv(DAEMON_VARIABLE, f"127.0.0.1:{listener.getsockname()[1]}")
        monkeypatch.setenv(HEADER_VARIABLE, HEADER)
        yield listener


def received(daemon: socket.socket) -> dict[str, Any]:
    protocol, document = daemon.recv(65_536).split(b"\n", 1)
    assert json.loads(protocol) == {"format": "json", "version": 1}
    subsegment: dict[str, Any] = json.loads(document)
    return subsegment


def test_a_stage_is_a_subsegment_of_the_functions_own_segment(daemon: socket.socket) -> None:
    about(UPLOAD)
    with stage("lookup"):
        pass

    subsegment = received(daemon)
    assert (subsegment["name"], subsegment["type"]) == ("lookup", "subsegment")
    assert (subsegment["trace_id"], subsegment["parent_id"]) == (ROOT, "53995c3f42cd8ad8")
    assert subsegment["annotations"] == {"job": UPLOAD.job}
    assert subsegment["fault"] is False
    assert subsegment["start_time"] <= subsegment["end_time"]
    assert len(subsegment["id"]) == 16


def test_a_stage_that_fails_is_a_fault_without_what_the_error_says(daemon: socket.socket) -> None:
    with pytest.raises(ValueError, match="Ann"), stage("lookup"):
        raise ValueError("Ann is not to be told to anybody")

    subsegment = received(daemon)
    assert subsegment["fault"] is True
    assert "Ann" not in json.dumps(subsegment)


@pytest.mark.parametrize("header", ["", HEADER.replace("Sampled=1", "Sampled=0"), f"Root={ROOT}", "nonsense"])
def test_what_is_not_sampled_is_not_sent(daemon: socket.socket, monkeypatch: pytest.MonkeyPatch, header: str) -> None:
    monkeypatch.setenv(HEADER_VARIABLE, header)
    with stage("unsampled"):
        pass
    monkeypatch.setenv(HEADER_VARIABLE, HEADER)
    with stage("sampled"):
        pass

    assert received(daemon)["name"] == "sampled"  # the first that arrives


@pytest.mark.parametrize("address", ["", "nonsense", "127.0.0.1:1", "tcp:127.0.0.1:1 udp:127.0.0.1:1"])
def test_work_goes_on_without_a_daemon(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.setenv(DAEMON_VARIABLE, address)
    monkeypatch.setenv(HEADER_VARIABLE, HEADER)

    for _ in range(2):  # the second send learns what became of the first
        with stage("lookup"):
            pass


def test_the_daemons_other_way_of_writing_its_address_is_understood(
    daemon: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = daemon.getsockname()[1]
    monkeypatch.setenv(DAEMON_VARIABLE, f"tcp:127.0.0.1:{port + 1} udp:127.0.0.1:{port}")
    with stage("store"):
        pass

    assert received(daemon)["name"] == "store"


def test_the_trace_header_is_read() -> None:
    assert sampled(HEADER) == Trace(root=ROOT, parent="53995c3f42cd8ad8")


def test_a_stage_that_is_done_and_what_it_counted_are_metrics() -> None:
    count(gops=1, uploads_refused=2)
    with stage("store"):
        pass
    with pytest.raises(ValueError), stage("lookup"):  # noqa: PT011
        raise ValueError

    counted = metrics.provider.metric_set
    assert set(counted) == {"Gops", "UploadsRefused", "StoreTime"}
    assert counted["StoreTime"]["Unit"] == "Milliseconds"


class Context:
    function_name = "lookup"

    def get_remaining_time_in_millis(self) -> int:
        return 60_000


@pytest.mark.parametrize("counted", [{}, {"gops": 2}])
def test_an_invocation_publishes_what_it_counted_and_is_silent_where_that_is_nothing(
    counted: dict[str, int], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(metrics, "namespace", "Rollcall")

    @metrics.log_metrics
    def handler(event: dict[str, int], context: Context) -> None:
        count(**event)

    handler(counted, Context())  # a warning would be an error here

    published = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    assert [line["Gops"] for line in published] == [[2.0]] * len(counted)


class OutOfReach(Deliveries):
    def __init__(self) -> None:
        pass

    def begin(self, record: SQSRecord) -> bool:
        return True

    def come_again(self, record: SQSRecord) -> NoReturn:
        raise EndpointConnectionError(endpoint_url="http://127.0.0.1:9")


def test_lines_of_a_record_never_tell_of_another_ones_upload(caplog: pytest.LogCaptureFixture) -> None:
    seen: list[tuple[str, Any]] = []

    def work(body: str) -> Steps[None]:
        seen.append((body, logger.get_current_keys().get("job")))
        if body == "good":
            about(UPLOAD, gop=3)
        yield from Shared[str, str](lambda asked: asked)(body)
        seen.append((body, logger.get_current_keys().get("job")))
        assert body == "good"

    records = [
        {
            "messageId": body,
            "body": body,
            "attributes": {"ApproximateReceiveCount": "1"},
            "eventSource": "aws:sqs",
            "eventSourceARN": "arn:aws:sqs:eu-west-1:123456789012:work",
            "receiptHandle": body,
        }
        for body in ("good", "bad")
    ]
    answer = handle_batch(
        {"Records": records},
        work=work,
        give_up=work,
        deliveries=OutOfReach,
    )

    assert seen == [("good", None), ("bad", None), ("good", UPLOAD.job), ("bad", None)]
    assert answer == {"batchItemFailures": [{"itemIdentifier": "bad"}]}


def test_tracing_costs_no_import() -> None:
    script = (
        "import sys, rollcall.runtime.observability as o;"
        "print([name for name in sys.modules if name.startswith(('aws_xray_sdk', 'wrapt', 'opentelemetry'))])"
    )

    answer = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert answer.stdout.strip() == "[]"
