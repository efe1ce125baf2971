"""The API as a server: `python -m rollcall.api`, in a container or, by the local cloud, on a socket it is given."""

import argparse
import os
import socket
import sys
import threading
from types import FrameType

import boto3
import uvicorn

from rollcall.api.api_environment import Environment
from rollcall.api.app import create_app
from rollcall.api.connections import CONNECTIONS, bounded
from rollcall.api.photos.archive import Archive
from rollcall.api.recognizers.messages import UNDONE, Undone
from rollcall.api.request_log import RequestLog
from rollcall.api.services import open_services
from rollcall.api.signing import signing_s3
from rollcall.runtime.file_limit import allow_files
from rollcall.runtime.function_clients import dynamodb, sqs
from rollcall.runtime.last_line import ending_with_a_line
from rollcall.runtime.observability import logger
from rollcall.runtime.region import region_of

KEEP_ALIVE_SECONDS = 75  # longer than a load balancer's 60: it must be the one that closes an idle connection
DRAIN_SECONDS = 25
OTHER_FILES = 256  # beside connections


def main() -> None:
    if (code := ending_with_a_line("api", _main)) != 0:
        sys.exit(code)


def _main() -> int:
    parser = argparse.ArgumentParser(prog="python -m rollcall.api", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--socket", type=int, help="file descriptor of a listening socket, instead of host and port")
    parser.add_argument("--certificate", help="serve TLS with this certificate (PEM)")
    parser.add_argument("--key", help="the certificate's key, if it is in another file")
    parser.add_argument(
        "--stop-seconds",
        type=float,
        help="end so soon after SIGTERM, and log what is left undone (default: wait for it)",
    )
    options = parser.parse_args()
    boto3.setup_default_session(region_name=region_of(os.environ))
    serve(
        Environment.model_validate(dict(os.environ)),
        host=options.host,
        port=options.port,
        listener=options.socket,
        stop_seconds=options.stop_seconds,
        ssl_certfile=options.certificate,
        ssl_keyfile=options.key,
    )
    return 0


class Server(uvicorn.Server):
    """It ends by itself once everything is done, or after `stop_seconds` if given."""

    def __init__(self, config: uvicorn.Config, archive: Archive | None, stop_seconds: float | None) -> None:
        super().__init__(config)
        self._archive = archive
        self._stop_seconds = stop_seconds

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        super().handle_exit(sig, frame)
        if self._stop_seconds is not None:
            timer = threading.Timer(self._stop_seconds, self._leave)
            timer.daemon = True
            timer.start()

    def _leave(self) -> None:
        photos = 0 if self._archive is None else self._archive.waiting()
        undone = Undone(photos=photos, requests=len(self.server_state.tasks))
        logger.warning(UNDONE, **undone.model_dump())
        sys.stdout.flush()
        os._exit(0)


def serve(
    settings: Environment,
    *,
    host: str,
    port: int,
    listener: int | None,
    stop_seconds: float | None = None,
    **tls: str | None,
) -> None:
    """`tls`: what uvicorn takes for it."""
    services = open_services(
        settings,
        s3=signing_s3(max_pool_connections=32),
        sqs=sqs(),
        events=boto3.client("events"),
        dynamodb=dynamodb(),
    )
    connections = max(allow_files(CONNECTIONS + OTHER_FILES) - OTHER_FILES, 1)
    server = Server(
        uvicorn.Config(
            RequestLog(create_app(services)),
            host=host,
            port=port,
            access_log=False,
            log_level="critical",
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=DRAIN_SECONDS,
            http=bounded(most_connections=connections),
            ws="none",
            proxy_headers=False,  # nothing here depends on who a proxy says it speaks for
            limit_concurrency=connections + 1,  # reached only if all of them have a request in work
            server_header=False,
            **tls,  # type: ignore[arg-type]  # each name has its own type
        ),
        services.archive,
        stop_seconds,
    )
    server.run(sockets=None if listener is None else [socket.socket(fileno=listener)])


if __name__ == "__main__":
    main()
