"""The process behind `rollcall.local.aws`: moto, bent, on a socket that the parent listens on."""

import argparse
import logging
import signal
import socket
import sys
from collections.abc import Callable, Iterable
from threading import Thread
from typing import Any

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

from rollcall.local import moto_bends
from rollcall.local.aws_port import CONNECTIONS, AwsPort, Served
from rollcall.runtime.file_limit import allow_files
from rollcall.runtime.local_requests import origins_of

OBJECT_FILES = 64 * 1024  # moto keeps each large object in a file of its own, open

WsgiApp = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m rollcall.local.moto_server", description=__doc__)
    parser.add_argument("--socket", type=int, required=True, help="file descriptor of a listening socket")
    parser.add_argument(
        "--setup-socket", type=int, help="another one, served first: the other waits for a line on standard input"
    )
    parser.add_argument("--name", action="append", default=[], help="a host name that stands for this server as well")
    parser.add_argument("--form-bucket", help="the bucket that pages may send upload forms to")
    parser.add_argument("--form-origin", action="append", default=[], help="the origin of such pages")
    options = parser.parse_args()
    served = Served(names=options.name, form_bucket=options.form_bucket, form_origins=origins_of(options.form_origin))
    setup = None if options.setup_socket is None else socket.socket(fileno=options.setup_socket)
    serve(socket.socket(fileno=options.socket), served, setup)


def serve(listener: socket.socket, served: Served, setup: socket.socket | None = None) -> None:
    allow_files(CONNECTIONS + OBJECT_FILES)
    moto_bends.apply()
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    application = _without_moto_api(DomainDispatcherApplication(create_backend_app))
    if setup is not None:
        first = _server(setup, application, served)
        Thread(target=first.serve_forever, daemon=True).start()
        sys.stdin.readline()
        first.shutdown()
        first.server_close()
    _server(listener, application, served).serve_forever()


def _server(listener: socket.socket, application: WsgiApp, served: Served) -> AwsPort:
    host, port = listener.getsockname()[:2]
    server = AwsPort(host, port, application, fd=listener.fileno(), served=served)
    listener.detach()
    return server


def _without_moto_api(application: WsgiApp) -> WsgiApp:
    """AWS has no path that erases everything; moto's would be one request away from any process on the machine."""

    def filtered(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if environ.get("PATH_INFO", "").startswith("/moto-api"):
            start_response("404 Not Found", [("Content-Length", "0")])
            return []
        return application(environ, start_response)

    return filtered


if __name__ == "__main__":
    main()
