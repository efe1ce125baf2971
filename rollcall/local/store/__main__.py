"""The process of the store: S3, SQS, DynamoDB and EventBridge of this machine, on a socket that the parent gives."""

import argparse
import logging
import signal
import socket
import ssl
import sys
from pathlib import Path
from typing import NoReturn

from rollcall.local.store.credentials import load_or_create
from rollcall.local.store.port import CONNECTIONS
from rollcall.local.store.port_access import Served
from rollcall.local.store.server import StoreSettings, run
from rollcall.local.store.store_errors import FAILED, StoreError
from rollcall.runtime.file_limit import allow_files
from rollcall.runtime.local_requests import is_loopback, origins_of

FILES = 1024  # beside those of connections


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m rollcall.local.store", description=__doc__)
    parser.add_argument(
        "--socket",
        type=int,
        action="append",
        required=True,
        help="file descriptor of a listening socket; a second one is for this machine, and never has TLS",
    )
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="the folder in which everything is")
    parser.add_argument("--unsynced", action="store_true", help="nobody keeps the folder: do not wait for the disk")
    parser.add_argument("--name", action="append", default=[], help="a host name that stands for this server as well")
    parser.add_argument("--form-bucket", help="the bucket that pages may send upload forms to")
    parser.add_argument("--form-origin", action="append", default=[], help="the origin of such pages")
    parser.add_argument("--certificate", type=Path, help="serve TLS with this certificate")
    parser.add_argument("--key", type=Path, help="the certificate's key, where it is in a file of its own")
    options = parser.parse_args()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent ends this process last
    logging.basicConfig(format="%(asctime)s %(name)s %(levelname)s %(message)s", stream=sys.stderr)
    allow_files(2 * CONNECTIONS + FILES)
    try:
        run(*_settings(options))
    except StoreError as error:
        _fail(str(error))
    except OSError as error:
        _fail(f"{options.data} cannot be used ({error.strerror or error}): choose another folder with --data")


def _fail(message: str) -> NoReturn:
    print(message, file=sys.stderr, flush=True)
    sys.exit(FAILED)


def _settings(options: argparse.Namespace) -> tuple[list[socket.socket], StoreSettings]:
    listeners = [socket.socket(fileno=descriptor) for descriptor in options.socket]
    here = all(is_loopback(listener.getsockname()[0]) for listener in listeners)
    served = Served(
        names=options.name,
        any_host=not here,
        form_bucket=options.form_bucket,
        form_origins=origins_of(options.form_origin),
    )
    return listeners, StoreSettings(
        folder=options.data,
        durable=not options.unsynced,
        served=served,
        tls=_tls(options.certificate, options.key),
        credentials=None if here else load_or_create(options.data),
    )


def _tls(certificate: Path | None, key: Path | None) -> ssl.SSLContext | None:
    if certificate is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError) as error:
        reason = error.strerror or "it is no certificate with its key in PEM"
        raise StoreError(f"{certificate} cannot be used for TLS ({reason}): check --certificate and --key") from None
    return context


if __name__ == "__main__":
    main()
