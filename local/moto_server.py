"""The process behind `local.aws`: moto, bent, on a socket that the parent listens on."""

import argparse
import logging
import signal
import socket
from collections.abc import Callable, Iterable
from typing import Any

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import make_server

from local import moto_bends

WsgiApp = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m local.moto_server", description=__doc__)
    parser.add_argument("--socket", type=int, required=True, help="file descriptor of a listening socket")
    serve(socket.socket(fileno=parser.parse_args().socket))


def serve(listener: socket.socket) -> None:
    moto_bends.apply()
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    host, port = listener.getsockname()[:2]
    application = _without_moto_api(DomainDispatcherApplication(create_backend_app))
    server = make_server(
        host, port, application, threaded=True, request_handler=MotoRequestHandler, fd=listener.fileno()
    )
    listener.detach()
    server.serve_forever()


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
