"""A store in a thread, on a port of its own, and clients of it."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from rollcall.local.store.server import StoreSettings, serve


@contextmanager
def running_store(folder: Path, **settings: Any) -> Iterator[str]:
    """Its address."""
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listener:
        number = listener.getsockname()[1]
        until, ready, loops = asyncio.Event(), threading.Event(), []

        async def main() -> None:
            loops.append(asyncio.get_running_loop())
            await serve([listener], StoreSettings(folder=folder, **({"durable": False} | settings)), until, ready.set)

        thread = threading.Thread(target=lambda: asyncio.run(main()))
        thread.start()
        try:
            assert ready.wait(20)
            yield f"http://127.0.0.1:{number}"
        finally:
            loops[0].call_soon_threadsafe(until.set)
            thread.join()


def client(service: str, url: str) -> Any:
    return boto3.client(  # type: ignore[call-overload]
        service,
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id="any",
        aws_secret_access_key="any",
        config=Config(proxies={}, max_pool_connections=20, retries={"max_attempts": 1}),
    )
