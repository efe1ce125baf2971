"""The store as a server: a folder on the disk, one process, one port."""

import asyncio
import signal
import socket
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from rollcall.local.store.authorization import Authorization
from rollcall.local.store.credentials import Credentials
from rollcall.local.store.data_folder import copied_folder
from rollcall.local.store.database import Database
from rollcall.local.store.port import Port
from rollcall.local.store.port_access import Access, Served
from rollcall.local.store.s3.s3_service import S3
from rollcall.local.store.signature_v4 import SecretOf
from rollcall.local.store.sqs.sqs_service import Sqs
from rollcall.local.store.store_failures import log_failure
from rollcall.local.store.store_services import Objects, Services


@dataclass(frozen=True, kw_only=True)
class StoreSettings:
    folder: Path
    durable: bool = True  # False: nobody keeps the folder, and nothing is synced
    served: Served = Served()
    tls: ssl.SSLContext | None = None
    credentials: Credentials | None = None  # None: any will do

    @property
    def secret_of(self) -> SecretOf | None:
        return None if self.credentials is None else self.credentials.secret_of


async def serve(
    listeners: Sequence[socket.socket],
    settings: StoreSettings,
    until: asyncio.Event,
    ready: Callable[[], None] = lambda: None,
    print_counts: Callable[[Callable[[], None]], None] = lambda _: None,
) -> None:
    """TLS is for the first listener. `print_counts` is given what prints how often everything was asked for.

    Raises StoreError where the folder cannot be used.
    """
    database = Database(settings.folder, durable=settings.durable, prepare=copied_folder.settle)
    try:
        services = Services(
            database, lambda queues: _objects(settings, database, queues), Authorization(settings.secret_of)
        )
        database.require_known_parts()
        print_counts(services.counts.print)
        access = Access(settings.served)
        ports = [
            Port(
                listener,
                services.handle,
                access,
                failed=lambda error: log_failure("a request", error),
                tls=settings.tls if number == 0 else None,
            )
            for number, listener in enumerate(listeners)
        ]
        async with services.running():
            ready()
            await asyncio.gather(*(port.serve(until) for port in ports))
    finally:
        database.close()


def run(listeners: Sequence[socket.socket], settings: StoreSettings) -> None:
    """Serves until SIGTERM."""

    async def main() -> None:
        until = asyncio.Event()
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, until.set)
        await serve(listeners, settings, until, print_counts=lambda work: loop.add_signal_handler(signal.SIGUSR1, work))

    asyncio.run(main())


def _objects(settings: StoreSettings, database: Database, queues: Sqs) -> Objects:
    return S3(
        settings.folder,
        database,
        notify=queues.send,
        queue_exists=queues.exists,
        secret_of=settings.secret_of,
        hosts=("localhost", *settings.served.names),
        durable=settings.durable,
    )
