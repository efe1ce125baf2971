"""What the user can put right: the command prints it as one line and ends with exit code 2.

UsageError
└── PortInUse
"""

from rollcall.contracts.errors import RollcallError


class UsageError(RollcallError):
    """A bad option, a missing or broken file: the message names it and says what to do."""


class PortInUse(UsageError):
    """Something else listens on the port that was asked for."""
