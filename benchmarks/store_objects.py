"""The objects of the local store: rates beside moto's, requests over a million objects, and a very large upload.

python -m benchmarks.store_objects rates [--count 1000] [--size 15000]
python -m benchmarks.store_objects million [--objects 1000000] [--requests 2000]
python -m benchmarks.store_objects large [--gigabytes 10]

Prints JSON. A server is a process of its own; its memory is the largest resident set that the system saw.
"""

import argparse
import io
import json
import os
import random
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import psutil
import urllib3
from boto3.s3.transfer import TransferConfig
from botocore.config import Config

from benchmarks.markdown import table
from rollcall.local.store.database import Database
from rollcall.local.store.s3 import s3_schema as schema
from rollcall.local.store.s3 import versions
from rollcall.local.store.s3.bucket_settings import buckets
from rollcall.local.store.s3.versions import Described, NewVersion
from rollcall.local.store.server import StoreSettings, run

CLIENTS = 4
BUCKET = "bench"
MEBIBYTE = 1024 * 1024
HTTP_OK = 200
LARGEST_RSS = "VmHWM:"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="what", required=True)
    rates = commands.add_parser("rates")
    rates.add_argument("--count", type=int, default=1000)
    rates.add_argument("--size", type=int, default=15_000, help="bytes of an object, such as a photo of 250×250")
    million = commands.add_parser("million")
    million.add_argument("--objects", type=int, default=1_000_000)
    million.add_argument("--requests", type=int, default=2000)
    large = commands.add_parser("large")
    large.add_argument("--gigabytes", type=float, default=10)
    serve = commands.add_parser("serve")
    serve.add_argument("--socket", type=int, required=True)
    serve.add_argument("--folder", type=Path, required=True)
    serve.add_argument("--memory", action="store_true")
    for command in (rates, million, large):
        command.add_argument("--folder", type=Path, help="on the disk that is meant (default: the temporary folder)")
    options = parser.parse_args()
    if options.what == "serve":
        run([socket.socket(fileno=options.socket)], StoreSettings(folder=options.folder, durable=not options.memory))
        return
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        told = MEASURES[options.what](options, Path(folder))
        print(json.dumps(told, indent=2))
        print("\n".join(latencies(told)), file=sys.stderr)


def measure_rates(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    servers = {
        "store, durable": store(folder / "durable"),
        "store, in memory": store(folder / "memory", "--memory"),
        "moto": moto(),
    }
    told = {}
    for name, server in servers.items():
        with server as running:
            told[name] = _rates(running, options.count, os.urandom(options.size))
    return told


def measure_million(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    started = time.monotonic()
    fill(folder, options.objects)
    filled = time.monotonic() - started
    with store(folder) as running:
        times: dict[str, list[float]] = {}
        host = urllib3.connection_from_url(running.url, maxsize=2)
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda n: _ask(host, n, options.objects, times), range(options.requests)))
        megabytes = running.megabytes()
    return {
        "objects": options.objects,
        "seconds_to_fill": round(filled),
        "memory_mb": megabytes,
        "milliseconds": {name: spread(taken) for name, taken in sorted(times.items())},
    }


def measure_large(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    size = int(options.gigabytes * 1024) * MEBIBYTE
    transfer = TransferConfig(multipart_chunksize=16 * MEBIBYTE, max_concurrency=CLIENTS)
    with store(folder) as running:
        s3 = running.client()
        s3.create_bucket(Bucket=BUCKET)
        started = time.monotonic()
        s3.upload_fileobj(Zeros(size), BUCKET, "large", Config=transfer)
        uploaded = time.monotonic()
        read = 0
        for piece in s3.get_object(Bucket=BUCKET, Key="large")["Body"].iter_chunks(MEBIBYTE):
            read += len(piece)
        assert read == size == s3.head_object(Bucket=BUCKET, Key="large")["ContentLength"]
        return {
            "gigabytes": options.gigabytes,
            "seconds_to_upload": round(uploaded - started),
            "seconds_to_download": round(time.monotonic() - uploaded),
            "memory_mb": running.megabytes(),
        }


class Zeros(io.RawIOBase):
    """A file of that many bytes that is nowhere. Each piece differs a little, so that nothing can be left out."""

    def __init__(self, size: int) -> None:
        self._left = size

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        size = self._left if size < 0 else min(size, self._left)
        self._left -= size
        return self._left.to_bytes(8, "big")[:size] + bytes(max(0, size - 8))


@dataclass
class Running:
    url: str
    process: int

    def client(self) -> Any:
        return boto3.client(
            "s3",
            endpoint_url=self.url,
            region_name="us-east-1",
            aws_access_key_id="a",
            aws_secret_access_key="b",
            config=Config(max_pool_connections=CLIENTS * 2, proxies={}, read_timeout=300),
        )

    def megabytes(self) -> int:
        status = Path(f"/proc/{self.process}/status").read_text()
        line = next(line for line in status.splitlines() if line.startswith(LARGEST_RSS))
        return int(line.split()[1]) // 1024

    def processor_seconds(self) -> float:
        spent = psutil.Process(self.process).cpu_times()
        return spent.user + spent.system


@contextmanager
def store(folder: Path, *options: str) -> Iterator[Running]:
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listener:
        command = [sys.executable, "-m", "benchmarks.store_objects", "serve"]
        command += ["--socket", str(listener.fileno()), "--folder", str(folder), *options]
        with _process(command, listener) as running:
            yield running


@contextmanager
def moto() -> Iterator[Running]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with _process([sys.executable, "-m", "moto.server", "-p", str(port)], None, port) as running:
        yield running


@contextmanager
def _process(command: list[str], listener: socket.socket | None, port: int = 0) -> Iterator[Running]:
    keep = [listener.fileno()] if listener else []
    port = listener.getsockname()[1] if listener else port
    process = subprocess.Popen(command, pass_fds=keep, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    try:
        running = Running(f"http://127.0.0.1:{port}", process.pid)
        while not _serves(running):
            assert process.poll() is None, "the server has ended"
            time.sleep(0.2)
        yield running
    finally:
        process.terminate()
        process.wait()


def _serves(running: Running) -> bool:
    try:
        return urllib3.request("GET", running.url, timeout=2, retries=False).status == HTTP_OK
    except urllib3.exceptions.HTTPError:
        return False


def fill(folder: Path, count: int) -> None:
    """Objects in 1,000 folders, all with the bytes of one, as copies have them."""
    with store(folder) as running:
        s3 = running.client()
        s3.create_bucket(Bucket=BUCKET)
        s3.put_object(Bucket=BUCKET, Key="first", Body=b"x" * 1000)
    database = Database(folder, durable=False)
    database.migrate("s3", schema.MIGRATIONS)
    with database.transaction() as connection:
        bucket = buckets.find(connection, BUCKET)
        first = versions.newest(connection, bucket, "first")
        assert first is not None
        for number in range(count):
            new = NewVersion(
                modified=first.modified, described=Described(), blob=first.blob, size=1000, etag=first.etag
            )
            versions.add(connection, bucket, _key(number), new)
    database.renew()  # a log of this length is nothing that a server would have
    database.close()


def _key(number: int) -> str:
    return f"folder-{number // 1000:04d}/photo-{number:07d}.jpg"


def _rates(running: Running, count: int, body: bytes) -> dict[str, Any]:
    s3 = running.client()
    s3.create_bucket(Bucket=BUCKET)
    work: dict[str, Callable[[int], Any]] = {
        "put": lambda n: s3.put_object(Bucket=BUCKET, Key=_key(n), Body=body),
        "get": lambda n: s3.get_object(Bucket=BUCKET, Key=_key(n))["Body"].read(),
    }
    told: dict[str, Any] = {}
    for name, ask in work.items():
        ask(0)
        started, before = time.monotonic(), running.processor_seconds()
        with ThreadPoolExecutor(CLIENTS) as pool:
            list(pool.map(ask, range(count)))
        seconds, spent = time.monotonic() - started, running.processor_seconds() - before
        told[name] = {"a_second": round(count / seconds), "server_processor_ms_each": round(1000 * spent / count, 2)}
    return told | {"memory_mb": running.megabytes()}


def _ask(pool: urllib3.HTTPConnectionPool, number: int, objects: int, times: dict[str, list[float]]) -> None:
    """Send requests without an SDK, whose own work would be most of the time."""
    key, new = _key(random.randrange(objects)), f"new/{number}"
    requests = {
        "head": ("HEAD", f"/{BUCKET}/{key}", None),
        "get": ("GET", f"/{BUCKET}/{key}", None),
        "put": ("PUT", f"/{BUCKET}/{new}", b"x" * 1000),
        "delete": ("DELETE", f"/{BUCKET}/{new}", None),
        "list 1,000 keys from anywhere": ("GET", f"/{BUCKET}?list-type=2&start-after={key}", None),
        "list 1,000 folders": ("GET", f"/{BUCKET}?list-type=2&delimiter=/", None),
        "list a folder": ("GET", f"/{BUCKET}?list-type=2&delimiter=/&max-keys=100&prefix={key[:12]}", None),
        "list versions": ("GET", f"/{BUCKET}?versions&max-keys=100&prefix={key[:17]}", None),
    }
    for name, (method, path, body) in requests.items():
        if name.startswith("list 1,000") and number % 10:
            continue
        started = time.monotonic()
        answer = pool.request(method, path, body=body)
        times.setdefault(name, []).append(1000 * (time.monotonic() - started))
        assert answer.status < 300, answer.data


def latencies(told: dict[str, Any]) -> Iterator[str]:
    """A table, where there is something for one."""
    if "milliseconds" not in told:
        return
    rows = [
        (name, *(f"{figures[column]:,}" for column in ("requests", "median", "p99")))
        for name, figures in told["milliseconds"].items()
    ]
    yield from table(("request", "requests", "median, ms", "p99, ms"), rows)


def spread(taken: list[float]) -> dict[str, float]:
    ordered = sorted(taken)
    return {
        "median": round(statistics.median(ordered), 1),
        "p99": round(ordered[-len(ordered) // 100 - 1], 1),
        "requests": len(ordered),
    }


MEASURES = {"rates": measure_rates, "million": measure_million, "large": measure_large}

if __name__ == "__main__":
    main()
