"""The process behind `local.aws`: moto, bent, on a socket that the parent listens on."""

import argparse
import logging
import signal
import socket
import sys
from collections.abc import Callable, Iterable
from threading import Thread
from typing import Any

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import BaseWSGIServer, make_server

from local import moto_bends

WsgiApp = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m local.moto_server", description=__doc__)
    parser.add_argument("--socket", type=int, required=True, help="file descriptor of a listening socket")
    parser.add_argument(
        "--setup-socket", type=int, help="another one, served first: the other waits for a line on standard input"
    )
    options = parser.parse_args()
    setup = None if options.setup_socket is None else socket.socket(fileno=options.setup_socket)
    serve(socket.socket(fileno=options.socket), setup)


def serve(listener: socket.socket, setup: socket.socket | None = None) -> None:
    moto_bends.apply()
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    application = _without_moto_api(DomainDispatcherApplication(create_backend_app))
    if setup is not None:
        first = _server(setup, application)
        Thread(target=first.serve_forever, daemon=True).start()
        sys.stdin.readline()
        first.shutdown()
        first.server_close()
    _server(listener, application).serve_forever()


def _server(listener: socket.socket, application: WsgiApp) -> BaseWSGIServer:
    host, port = listener.getsockname()[:2]
    server = make_server(
        host, port, application, threaded=True, request_handler=MotoRequestHandler, fd=listener.fileno()
    )
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
