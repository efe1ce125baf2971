"""The requests that a photo makes to the local store: how many a second, and the store's processor time of each.

python -m benchmarks.store_requests [--count 1000] [--against DIR] [--times 3]

`--against` is a checkout of another version, whose `.venv` serves the same requests in the same run, in turn. Requests
are sent without an SDK, whose own work would be most of the time. Prints JSON: medians.
"""

import argparse
import json
import os
import socket
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import urllib3

CLIENTS = 8
PHOTO, OUTPUT = os.urandom(15_000), os.urandom(3_000)
HTTP_ERRORS = 400
VALUES = {
    ":upload": {"M": {"bucket": {"S": "in-bucket"}, "key": {"S": "photo.jpg"}, "version": {"S": "a" * 32}}},
    ":created": {"N": "1795832000.123"},
    ":packs": {"M": {"0": {"N": "1"}}},
    ":media": {"M": {name: {"N": "0.25"} for name in ("duration", "frames", "tracks", "gops", "step", "width")}},
}
START = "SET " + ", ".join(f"{name[1:]} = if_not_exists({name[1:]}, {name})" for name in VALUES)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--against", type=Path)
    parser.add_argument("--times", type=int, default=3)
    options = parser.parse_args()
    checkouts = {"this version": Path.cwd()} | ({"the other version": options.against} if options.against else {})
    runs: dict[str, list[dict[str, Any]]] = {name: [] for name in checkouts}
    for _ in range(options.times):
        for name, checkout in checkouts.items():
            runs[name].append(measure(checkout.resolve(), options.count))
    print(json.dumps({name: _medians(measured) for name, measured in runs.items()}, indent=2))


def measure(checkout: Path, count: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder, serving(checkout, Path(folder)) as store:
        store.provide()
        told: dict[str, Any] = {}
        for name, ask in store.requests().items():
            started, before = time.monotonic(), store.processor_seconds()
            with ThreadPoolExecutor(CLIENTS) as pool:
                list(pool.map(ask, range(count)))
            seconds, spent = time.monotonic() - started, store.processor_seconds() - before
            told[name] = {"a_second": count / seconds, "processor_ms": 1000 * spent / count}
        return told


def _medians(runs: list[dict[str, Any]]) -> dict[str, dict[str, float]]:
    return {
        name: {what: round(statistics.median(run[name][what] for run in runs), 2) for what in runs[0][name]}
        for name in runs[0]
    }


class Store:
    def __init__(self, url: str, process: int) -> None:
        self._http = urllib3.connection_from_url(url, maxsize=CLIENTS, retries=False)
        self._process = psutil.Process(process)
        self._handles: list[str] = []
        self._queue = ""

    def processor_seconds(self) -> float:
        spent = self._process.cpu_times()
        return spent.user + spent.system

    def provide(self) -> None:
        self._send("PUT", "/in-bucket")
        self._send("PUT", "/out-bucket")
        self._send("PUT", "/in-bucket?versioning", _xml("VersioningConfiguration", "<Status>Enabled</Status>"))
        self._queue = self._ask("AmazonSQS.CreateQueue", {"QueueName": "work"})["QueueUrl"]
        listener = "<Queue>arn:aws:sqs:us-east-1:123456789012:work</Queue><Event>s3:ObjectCreated:*</Event>"
        notified = f"<QueueConfiguration><Id>1</Id>{listener}</QueueConfiguration>"
        self._send("PUT", "/in-bucket?notification", _xml("NotificationConfiguration", notified))
        self._ask("AmazonSQS.PurgeQueue", {"QueueUrl": self._queue})
        key = {"AttributeName": "job"}
        asked: dict[str, Any] = {"TableName": "jobs", "BillingMode": "PAY_PER_REQUEST"}
        asked |= {"KeySchema": [key | {"KeyType": "HASH"}], "AttributeDefinitions": [key | {"AttributeType": "S"}]}
        self._ask("DynamoDB_20120810.CreateTable", asked)

    def requests(self) -> dict[str, Callable[[int], Any]]:
        return {
            "put a photo, with its notification": lambda n: self._send("PUT", f"/in-bucket/{n}.jpg", PHOTO),
            "put an output": lambda n: self._send("PUT", f"/out-bucket/{n}.json", OUTPUT),
            "get a photo": lambda n: self._send("GET", f"/in-bucket/{n}.jpg"),
            "head a photo": lambda n: self._send("HEAD", f"/in-bucket/{n}.jpg"),
            "update: begin a job": lambda n: self._update(n, START, VALUES),
            "update: end a job": lambda n: self._update(n, "SET done = :done", {":done": {"BOOL": True}}),
            "receive two": lambda _: self._receive(),
            "delete two": lambda _: self._delete(),
            "send": lambda _: self._ask("AmazonSQS.SendMessage", {"QueueUrl": self._queue, "MessageBody": "x" * 900}),
        }

    def _update(self, number: int, expression: str, values: dict[str, Any]) -> None:
        asked = {"TableName": "jobs", "Key": {"job": {"S": str(number)}}, "ReturnValues": "ALL_NEW"}
        asked |= {"UpdateExpression": expression, "ExpressionAttributeValues": values}
        self._ask("DynamoDB_20120810.UpdateItem", asked)

    def _receive(self) -> None:
        asked = {"QueueUrl": self._queue, "MaxNumberOfMessages": 2, "MessageSystemAttributeNames": ["All"]}
        found = self._ask("AmazonSQS.ReceiveMessage", asked).get("Messages", [])
        self._handles += [message["ReceiptHandle"] for message in found]

    def _delete(self) -> None:
        handles = [self._handles.pop() for _ in range(min(2, len(self._handles)))]
        if handles:
            entries = [{"Id": str(n), "ReceiptHandle": handle} for n, handle in enumerate(handles)]
            self._ask("AmazonSQS.DeleteMessageBatch", {"QueueUrl": self._queue, "Entries": entries})

    def _ask(self, target: str, asked: dict[str, Any]) -> dict[str, Any]:
        headers = {"x-amz-target": target, "content-type": "application/x-amz-json-1.0"}
        told: dict[str, Any] = json.loads(self._send("POST", "/", json.dumps(asked).encode(), headers) or b"{}")
        return told

    def _send(self, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None) -> bytes:
        answer = self._http.request(method, path, body=body, headers=headers or {})
        if answer.status >= HTTP_ERRORS:
            raise SystemExit(f"{method} {path}: {answer.status} {answer.data.decode(errors='replace')[:300]}")
        return answer.data


def _xml(root: str, inside: str) -> bytes:
    return f'<{root} xmlns="http://s3.amazonaws.com/doc/2006-03-01/">{inside}</{root}>'.encode()


@contextmanager
def serving(checkout: Path, folder: Path) -> Iterator[Store]:
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listener:
        command: list[str | Path] = [checkout / ".venv/bin/python", "-m", "rollcall.local.store"]
        command += ["--socket", str(listener.fileno()), "--data", folder / "data"]
        with subprocess.Popen(command, cwd=checkout, pass_fds=[listener.fileno()]) as process:
            try:
                yield Store(f"http://127.0.0.1:{listener.getsockname()[1]}", process.pid)
            finally:
                process.terminate()


if __name__ == "__main__":
    main()
