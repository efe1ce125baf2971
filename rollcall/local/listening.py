"""Takes a port of this machine before a server is started on it."""

import errno
import socket

from rollcall.contracts.usage_error import PortInUse, UsageError


def listen(host: str, port: int, *, option: str, backlog: int) -> socket.socket:
    """`option`: the command-line option that chooses another port. Raises PortInUse or UsageError."""
    try:
        return socket.create_server((host, port), backlog=backlog)
    except OSError as error:
        kind = PortInUse if error.errno == errno.EADDRINUSE else UsageError
        reason, _, _ = str(error.strerror).partition(" (while")  # the address stands in this message once already
        raise kind(f"Cannot listen on {host}:{port} ({reason}): choose another port with {option}.") from None
