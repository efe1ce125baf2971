"""The API as a server: `python -m functions.api`, in a container or, by the local cloud, on a socket it is given."""

import argparse
import os
import socket

import boto3
import uvicorn

from functions.api.app import create_app
from functions.api.environment import Environment
from functions.api.request_log import RequestLog
from functions.api.services import open_services
from functions.common.region import region_of
from functions.common.signing import signing_s3

KEEP_ALIVE_SECONDS = 75  # longer than a load balancer's 60: it must be the one that closes an idle connection
DRAIN_SECONDS = 25
CONNECTIONS = 2048


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m functions.api", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--socket", type=int, help="file descriptor of a listening socket, instead of host and port")
    options = parser.parse_args()
    boto3.setup_default_session(region_name=region_of(os.environ))
    serve(Environment.model_validate(dict(os.environ)), host=options.host, port=options.port, listener=options.socket)


def serve(settings: Environment, *, host: str, port: int, listener: int | None) -> None:
    services = open_services(
        settings,
        s3=signing_s3(max_pool_connections=32),
        sqs=boto3.client("sqs"),
        events=boto3.client("events"),
        dynamodb=boto3.resource("dynamodb"),
    )
    server = uvicorn.Server(
        uvicorn.Config(
            RequestLog(create_app(services)),
            host=host,
            port=port,
            access_log=False,
            log_level="critical",
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=DRAIN_SECONDS,
            limit_concurrency=CONNECTIONS,
            server_header=False,
        )
    )
    server.run(sockets=None if listener is None else [socket.socket(fileno=listener)])


if __name__ == "__main__":
    main()
