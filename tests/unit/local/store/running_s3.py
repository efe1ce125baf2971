"""S3 alone, in a thread, with queues that tests can look into, and a clock that they can set."""

import asyncio
import socket
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import urllib3
from botocore.config import Config

from rollcall.local.store.data_folder import copied_folder
from rollcall.local.store.database import Database
from rollcall.local.store.port import Port
from rollcall.local.store.port_access import Access, Served
from rollcall.local.store.s3.s3_service import S3

KEY, SECRET = "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"


@dataclass
class Queues:
    known: set[str] = field(default_factory=lambda: {"arn:aws:sqs:us-east-1:123456789012:queue"})
    messages: list[tuple[str, str]] = field(default_factory=list)

    def exists(self, _connection: sqlite3.Connection, arn: str) -> bool:
        return arn in self.known

    def send(self, _connection: sqlite3.Connection, arn: str, body: str) -> None:
        self.messages.append((arn, body))


@dataclass
class Running:
    url: str
    folder: Path
    s3: S3
    queues: Queues
    failures: list[BaseException]

    def client(self, *, secret: str = SECRET, signature: str = "s3v4", **config: Any) -> Any:
        return boto3.client(
            "s3",
            endpoint_url=self.url,
            region_name="us-east-1",
            aws_access_key_id=KEY,
            aws_secret_access_key=secret,
            config=Config(
                proxies={},
                signature_version=signature,
                s3={"addressing_style": "path"},
                retries={"max_attempts": 1},
                **config,
            ),
        )

    def ask(self, method: str, path: str, *, body: Any = None, headers: dict[str, str] | None = None) -> Any:
        """As it is, without an SDK that corrects it."""
        with urllib3.PoolManager(retries=False) as pool:
            return pool.request(method, f"{self.url}{path}", body=body, headers=headers, redirect=False)


@contextmanager
def running_s3(folder: Path, **settings: Any) -> Iterator[Running]:
    listener = socket.create_server(("127.0.0.1", 0), backlog=128)
    queues, failures = Queues(), list[BaseException]()
    durable = settings.setdefault("durable", False)
    database = Database(folder, durable=durable, prepare=copied_folder.settle)
    s3 = S3(folder, database, notify=queues.send, queue_exists=queues.exists, **settings)
    until, ready, loops = asyncio.Event(), threading.Event(), []

    async def main() -> None:
        loops.append(asyncio.get_running_loop())
        port = Port(listener, s3.handle, Access(Served()), failed=failures.append)
        loops[0].call_soon(ready.set)
        await port.serve(until)

    s3.start()
    thread = threading.Thread(target=lambda: asyncio.run(main()))
    thread.start()
    try:
        assert ready.wait(20)
        yield Running(f"http://127.0.0.1:{listener.getsockname()[1]}", folder, s3, queues, failures)
    finally:
        loops[0].call_soon_threadsafe(until.set)
        thread.join()
        s3.stop()
        database.close()
        listener.close()
    assert not failures
