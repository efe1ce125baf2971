"""Ports of this machine: taken before a server is started on them."""

import errno
import socket

from rollcall.contracts.usage_error import PortInUse, UsageError


def url_of(host: str, port: int, *, tls: bool = False) -> str:
    """Where this machine's own programs reach a server that listens on `host`."""
    name = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"http{'s' * tls}://{f'[{name}]' if ':' in name else name}:{port}"


def listen(host: str, port: int, *, option: str, backlog: int) -> socket.socket:
    """`option`: the command-line option that chooses another port. Raises PortInUse or UsageError."""
    try:
        return socket.create_server((host, port), backlog=backlog)
    except OSError as error:
        kind = PortInUse if error.errno == errno.EADDRINUSE else UsageError
        reason, _, _ = str(error.strerror).partition(" (while")  # the address stands in this message once already
        raise kind(f"Cannot listen on {host}:{port} ({reason}): choose another port with {option}.") from None
